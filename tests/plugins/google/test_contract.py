"""Google Workspace does what every plugin and every provider must do, by requests that are in the published contracts."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from planted import assert_the_kit_finds
from provider_contracts.google_batch import CheckedGoogle, check_batch, check_part

from rolecall import Result
from rolecall.errors import NotFound
from rolecall.testing import ClassContract, PluginContract, ProviderContract
from rolecall_google import batches, classes
from rolecall_google.batches import Courier
from rolecall_google.fake import create_app
from rolecall_google.fake.app import STUDENT_LICENCE
from rolecall_google.provider import GoogleProvider


class TestPlugin(PluginContract):
    plugin = "google"


class TestProvider(ProviderContract):
    plugin = "google"

    def make_fake(self, url: str) -> Any:
        return CheckedGoogle(create_app(url))


class TestProviderWithEverything(TestProvider):
    settings: ClassVar[Mapping[str, Any]] = {
        "licences": [f"student = {STUDENT_LICENCE}"],
        "org_units": ["student = /Students"],
        "domains": ["student = students.school.example"],
        "archive": True,
        "mapping": {name: {"mode": "own"} for name in ("title", "department", "employeeType", "language")},
    }


class TestClasses(ClassContract):
    plugin = "google"
    no_class = "999999999"
    nobody = "999999999999999999999"

    def make_fake(self, url: str) -> Any:
        return CheckedGoogle(create_app(url))


class Blind(GoogleProvider):
    """Finds nobody."""

    def find(self, account):
        return None


class Deaf(GoogleProvider):
    """Suspends nobody, and says so to nobody."""

    def apply(self, plan):
        return _Deaf(self.workspace).carry(plan)


class _Deaf(Courier):
    def _open_or_close(self, steps):
        """Send nothing."""


class Grasping(GoogleProvider):
    """Takes over whoever has the address."""

    def apply(self, plan):
        return _Grasping(self.workspace).carry(plan)


class _Grasping(Courier):
    def adopt(self, step, row):
        step.user, step.adopted, step.finished, step.error = batches.id_of(row), True, True, None


class Forgiving(GoogleProvider):
    """Calls it done when the user is gone."""

    def apply(self, plan):
        for result in super().apply(plan):
            yield Result(change=result.change, external_id="x") if isinstance(result.error, NotFound) else result


class Nameless(GoogleProvider):
    """Makes users without our key."""

    def apply(self, plan):
        return _Nameless(self.workspace).carry(plan)


class _Nameless(Courier):
    def _body(self, step):
        return {name: value for name, value in super()._body(step).items() if name != "externalIds"}


class Anonymous(GoogleProvider):
    """Makes courses without an alias."""

    def create_class(self, school_class, wanted):
        body = {"name": wanted["name"], "ownerId": self.settings["admin"], "courseState": "ACTIVE"}
        made = self.workspace.google.call(batches.Part(method="POST", path=classes.COURSES, body=body, api="classroom"))
        return classes.Remote(external_id=made["id"], key=school_class.key)


class Idle(GoogleProvider):
    """Archives no course."""

    def archive_class(self, external_id):
        """Send nothing."""


class Owning(GoogleProvider):
    """Counts the owner of a course among its members."""

    def members(self, external_id):
        found = super().members(external_id)
        owner = self.workspace.google.read(f"{classes.COURSES}/{external_id}", api="classroom")["ownerId"]
        return found | {classes.Member(owner, "teacher")}


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Blind, "test_what_was_created_is_found_as_it_was_wanted"),
        (Nameless, "test_what_was_created_is_found_as_it_was_wanted"),
        (Deaf, "test_what_is_suspended_can_come_back"),
        (Grasping, "test_a_name_that_is_somebody_elses_is_a_conflict"),
        (Forgiving, "test_changing_what_is_gone_says_so"),
        (Anonymous, "test_a_class_that_was_created_is_found_as_it_was_wanted"),
        (Owning, "test_a_class_that_was_created_is_found_as_it_was_wanted"),
        (Idle, "test_a_class_is_archived_and_opened_again_with_everybody_in_it"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[GoogleProvider], test: str) -> None:
    kit = TestClasses() if hasattr(TestClasses, test) else TestProvider()

    assert_the_kit_finds(broken, test, kit, settings={"classes": True})


@pytest.mark.parametrize(
    "part",
    [
        b"GET /admin/directory/v1/people HTTP/1.1\r\n\r\n",
        b"GET /admin/directory/v1/users?customr=x HTTP/1.1\r\n\r\n",
        b"GET /admin/directory/v1/users?customer=x&maxResults=501 HTTP/1.1\r\n\r\n",
        b'PUT /admin/directory/v1/users/1 HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"suspendd": true}',
        b'PUT /admin/directory/v1/users/1 HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"suspensionReason": "ADMIN"}',
        b'PUT /admin/directory/v1/users/1 HTTP/1.1\r\n\r\n{"suspended": true}',
        b"GET /v1/courses/1 HTTP/1.0\r\n\r\n",
    ],
)
def test_a_part_of_a_batch_that_the_contracts_do_not_have_is_found(part: bytes) -> None:
    with pytest.raises(AssertionError):
        check_part(part)
    with pytest.raises(AssertionError):
        check_batch(
            "multipart/mixed; boundary=x", b"--x\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\n" + part + b"\r\n--x--"
        )
