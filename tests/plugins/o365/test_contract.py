"""Microsoft 365 does what every plugin and every provider must do, by requests that are in the published contract."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from planted import assert_the_kit_finds
from provider_contracts.graph import CheckedGraph, check_part

from rolecall import Result
from rolecall.errors import NotFound
from rolecall.testing import ClassContract, PluginContract, ProviderContract
from rolecall_o365 import batches
from rolecall_o365.batches import Courier
from rolecall_o365.fake import create_app
from rolecall_o365.provider import MicrosoftProvider


class TestPlugin(PluginContract):
    plugin = "o365"


class TestProvider(ProviderContract):
    plugin = "o365"

    def make_fake(self, url: str) -> Any:
        return CheckedGraph(create_app(url))


class TestProviderWithLicences(TestProvider):
    settings: ClassVar[Mapping[str, Any]] = {"licences": ["student = STANDARDWOFFPACK_STUDENT"], "groups": False}


class TestClasses(ClassContract):
    plugin = "o365"
    no_class = "00000000-0000-0000-0000-00000000dead"
    nobody = "00000000-0000-0000-0000-00000000beef"

    def make_fake(self, url: str) -> Any:
        return CheckedGraph(create_app(url))


class Blind(MicrosoftProvider):
    """Finds nobody."""

    def find(self, account):
        return None


class Deaf(MicrosoftProvider):
    """Suspends nobody, and says so to nobody."""

    def apply(self, plan):
        return _Deaf(self.tenant).carry(plan)


class _Deaf(Courier):
    def _enable(self, steps):
        """Send nothing."""


class Grasping(MicrosoftProvider):
    """Takes over whoever has the name."""

    def apply(self, plan):
        return _Grasping(self.tenant).carry(plan)


class _Grasping(Courier):
    def adopt(self, step, row):
        step.user, step.adopted, step.finished = batches.id_of(row), True, True


class Forgiving(MicrosoftProvider):
    """Calls it done when the user is gone."""

    def apply(self, plan):
        for result in super().apply(plan):
            yield Result(change=result.change, external_id="x") if isinstance(result.error, NotFound) else result


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Blind, "test_what_was_created_is_found_as_it_was_wanted"),
        (Deaf, "test_what_is_suspended_can_come_back"),
        (Grasping, "test_a_name_that_is_somebody_elses_is_a_conflict"),
        (Forgiving, "test_changing_what_is_gone_says_so"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[MicrosoftProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestProvider())


@pytest.mark.parametrize(
    "part",
    [
        {"method": "GET", "url": "/people"},
        {"method": "GET", "url": "/users?$selct=id"},
        {"method": "PATCH", "url": "/users/1", "headers": {"Content-Type": "application/json"}, "body": {"givnName": "Anna"}},
        {"method": "PATCH", "url": "/users/1", "body": {"givenName": "Anna"}},
    ],
)
def test_a_part_of_a_batch_that_the_contract_does_not_have_is_found(part: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_part(part)
