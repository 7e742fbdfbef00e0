"""SCIM services do what every plugin and every provider must do, by requests that RFC 7643 and RFC 7644 allow.

The same questions are put to the plugin's own fake, with and without what a service may lack, and to the scim2-server of PyPI.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from planted import assert_the_kit_finds
from provider_contracts.scim import CheckedScim, RealServer, ScimContract
from scim2_models import Bulk, ETag, Patch

from rolecall import Result, Secret
from rolecall.errors import NotFound
from rolecall.testing import PluginContract, ProviderContract
from rolecall.testing.bench import Bench
from rolecall_scim.client import id_of
from rolecall_scim.courier import Courier
from rolecall_scim.fake import Quirks, create_app
from rolecall_scim.provider import ScimProvider
from rolecall_scim.users import remote_of


class TestPlugin(PluginContract):
    plugin = "scim"


class TestProvider(ProviderContract):
    plugin = "scim"

    def make_fake(self, url: str) -> Any:
        return CheckedScim(create_app(url))


class TestAgainstModestService(ProviderContract):
    """No description, no filters, no bulk, no PATCH, no versions; sloppy spelling, and the resource in every answer."""

    plugin = "scim"
    settings: ClassVar[Mapping[str, Any]] = {"groups": False}

    def make_fake(self, url: str) -> Any:
        quirks = Quirks(describes=False, filter=False, bulk=(0, 0), patch=False, etag=False, small_names=True, text_booleans=True, page=3)
        return CheckedScim(create_app(url, quirks=quirks))


class TestAgainstScim2Server(ProviderContract):
    """A real server, by bulk and PATCH."""

    plugin = "scim"

    def make_fake(self, url: str) -> Any:
        return CheckedScim(RealServer(url), base="/v2")


class TestAgainstScim2ServerByPut(ProviderContract):
    """A real server that says that it has neither bulk nor PATCH."""

    plugin = "scim"

    def make_fake(self, url: str) -> Any:
        nothing = Bulk(supported=False, max_operations=0, max_payload_size=0)
        return CheckedScim(RealServer(url, patch=Patch(supported=False), bulk=nothing, etag=ETag(supported=True)), base="/v2")


def test_a_real_server_keeps_the_password_of_a_user_who_is_written_whole() -> None:
    kit = TestAgainstScim2ServerByPut()
    bench = Bench(ScimProvider, kit.make_fake, {"groups": False})
    with bench.wire:
        anna = kit.account()
        made = bench.provider.create(anna, bench.provider.attributes(anna), Secret("Kqm4tv-9xbhwd-c3rpjk"))

        bench.provider.update(made.external_id, {"displayName": "A"})

    assert [each.method for each in bench.wire.journal][-2:] == ["GET", "PUT"]
    assert [each.password for each in bench.fake.service.storage.resources] == ["Kqm4tv-9xbhwd-c3rpjk"]


class Blind(ScimProvider):
    """Finds nobody."""

    def find(self, account):
        return None


class Keyless(ScimProvider):
    """Keeps our key to itself."""

    def attributes(self, account):
        return {name: value for name, value in super().attributes(account).items() if name != "externalId"}


class Deaf(ScimProvider):
    """Opens and closes nobody, and says so to nobody."""

    def apply(self, plan):
        return _Deaf(self.service, self.groups).carry(plan)


class _Deaf(Courier):
    def _activate(self, steps):
        """Send nothing."""


class Grasping(ScimProvider):
    """Takes over whoever has the name."""

    def apply(self, plan):
        return _Grasping(self.service, self.groups).carry(plan)


class _Grasping(Courier):
    def adopt(self, step, row):
        step.user, step.adopted, step.finished = id_of(row), True, True


class Forgiving(ScimProvider):
    """Calls it done when the user is gone."""

    def apply(self, plan):
        for result in super().apply(plan):
            yield Result(change=result.change, external_id="x") if isinstance(result.error, NotFound) else result


class Impatient(ScimProvider):
    """Reads the first page of everybody and takes it for all."""

    def accounts(self):
        for row in self.service.client.page("/Users", count=2).rows:
            yield remote_of(row, "externalId")


class Careless(ScimProvider):
    """Creates without looking who is there."""

    def apply(self, plan):
        return _Careless(self.service, self.groups).carry(plan)


class _Careless(Courier):
    def find_or_create(self, steps):
        self.create(steps)

    def _taken(self, step, error):
        step.error = error


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Blind, "test_what_was_created_is_found_as_it_was_wanted"),
        (Keyless, "test_what_was_created_is_found_as_it_was_wanted"),
        (Careless, "test_creating_again_takes_over_what_is_there"),
        (Grasping, "test_a_name_that_is_somebody_elses_is_a_conflict"),
        (Deaf, "test_what_is_suspended_can_come_back"),
        (Forgiving, "test_changing_what_is_gone_says_so"),
        (Impatient, "test_all_accounts_can_be_walked"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[ScimProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestProvider())


NOBODY = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
STEP = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "nosuch", "value": "x"}]}


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/Devices", [], None),
        ("GET", "/Users", [("filter", "userName zz 1")], None),
        ("POST", "/Users", [], NOBODY),
        ("POST", "/Users", [], NOBODY | {"userName": "a", "bogus": 1}),
        ("PUT", "/Users/1", [], NOBODY),
        ("PATCH", "/Users/1", [], STEP),
        ("DELETE", "/Users", [], None),
        ("POST", "/Bulk", [], {"schemas": ["x"], "Operations": []}),
    ],
)
def test_a_request_that_the_standard_does_not_have_is_found(method: str, path: str, query: Any, body: Any) -> None:
    content = json.dumps(body).encode() if body else b""

    with pytest.raises(AssertionError):
        ScimContract("/v2").check(method, f"/v2{path}", query, "application/scim+json", content)


def test_a_body_that_is_not_marked_as_scim_is_found() -> None:
    with pytest.raises(AssertionError, match="application/json"):
        ScimContract("/v2").check("POST", "/v2/Users", [], "application/json", json.dumps(NOBODY | {"userName": "a"}).encode())
