"""Brightspace does what every plugin and every provider must do, by requests that are in the published contract."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from planted import assert_the_kit_finds
from provider_contracts.brightspace import CONTRACT, CheckedSite

from rolecall.errors import NotFound
from rolecall.sdk import Member
from rolecall.testing import ClassContract, PluginContract, ProviderContract
from rolecall_brightspace import courses, enrolments, users
from rolecall_brightspace.client import known_number
from rolecall_brightspace.fake import create_app
from rolecall_brightspace.provider import BrightspaceProvider

LP = "/d2l/api/lp/1.57"
USER = {"OrgDefinedId": "key", "FirstName": "Anna", "MiddleName": None, "LastName": "Lab", "ExternalEmail": None, "UserName": "anna"}


class TestPlugin(PluginContract):
    plugin = "brightspace"


class TestProvider(ProviderContract):
    plugin = "brightspace"
    #: The scope to delete is asked for only where accounts are deleted.
    settings: ClassVar[Mapping[str, Any]] = {"on_deletion": "delete"}

    def make_fake(self, url: str) -> Any:
        return CheckedSite(create_app(url))


class TestProviderAtAnotherSite(TestProvider):
    settings: ClassVar[Mapping[str, Any]] = {"on_deletion": "delete", "keep_roles": False, "match_email": True, "passwords": False}

    def make_fake(self, url: str) -> Any:
        return CheckedSite(create_app(url, taken_status=409, credits=None, page_size=3, repeats=True))


class TestClasses(ClassContract):
    plugin = "brightspace"
    settings: ClassVar[Mapping[str, Any]] = {"classes": True, "class_roles": ["assistant = 112"]}

    def make_fake(self, url: str) -> Any:
        return CheckedSite(create_app(url, page_size=25, failure_name="StatusError"))


class Blind(BrightspaceProvider):
    """Finds nobody."""

    def find(self, account):
        return None


class Deaf(BrightspaceProvider):
    """Suspends nobody, and says so to nobody."""

    def suspend(self, external_id):
        return None


class Grasping(BrightspaceProvider):
    """Takes over whoever has the name."""

    def find(self, account):
        row = users.by_name(self.client, account.username)
        return None if row is None else users.remote_of({**row, users.KEY: None})


class Forgiving(BrightspaceProvider):
    """Calls it done when the user is gone."""

    def update(self, external_id, changes):
        try:
            super().update(external_id, changes)
        except NotFound:
            return


class Erasing(BrightspaceProvider):
    """Sends a record without reading what is there first."""

    def update(self, external_id, changes):
        names = dict.fromkeys(users.PLAIN, "-") | {"MiddleName": None} | dict(changes)
        self.client.put(f"users/{external_id}", {name: names[name] for name in users.PLAIN} | {"Activation": {"IsActive": True}})


class Stubborn(BrightspaceProvider):
    """Takes it for an error to delete what is gone."""

    def apply_one(self, change):
        if change.verb == "delete":
            self.delete(change.external_id)
        return super().apply_one(change)


class Impatient(BrightspaceProvider):
    """Overlooks how long it was asked to wait."""

    def apply_one(self, change):
        try:
            return super().apply_one(change)
        except users.Conflict:
            raise
        except Exception as error:
            error.retry_after = None
            raise


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Blind, "test_what_was_created_is_found_as_it_was_wanted"),
        (Deaf, "test_what_is_suspended_can_come_back"),
        (Grasping, "test_a_name_that_is_somebody_elses_is_a_conflict"),
        (Forgiving, "test_changing_what_is_gone_says_so"),
        (Erasing, "test_an_update_changes_what_differs"),
        (Stubborn, "test_what_was_deleted_is_gone_and_deleting_it_again_is_no_error"),
        (Impatient, "test_a_server_that_asks_to_wait_is_believed"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[BrightspaceProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestProvider(), status=429)


class Keyless(BrightspaceProvider):
    """Leaves our key out of the course."""

    def class_attributes(self, school_class):
        return {**super().class_attributes(school_class), "Code": school_class.code}


class Closed(BrightspaceProvider):
    """Never opens a course again."""

    def update_class(self, external_id, changes):
        if changes:
            super().update_class(external_id, changes)


class Strict(BrightspaceProvider):
    """Takes it for an error to archive what is gone."""

    def archive_class(self, external_id):
        courses.change(self.client, known_number(external_id, "course"), {}, active=False)


class Vague(BrightspaceProvider):
    """Says of a course that is gone that nobody is in it."""

    def members(self, external_id):
        try:
            return super().members(external_id)
        except NotFound:
            return frozenset()


class Levelling(BrightspaceProvider):
    """Makes everybody a student."""

    def add_members(self, external_id, members):
        super().add_members(external_id, [Member(each.external_id, "student") for each in members])


class Trusting(BrightspaceProvider):
    """Overlooks the failures of a batch."""

    def add_members(self, external_id, members):
        rows = [enrolments._row(int(external_id), int(each.external_id), self.class_roles[each.role]) for each in members]
        self.client.post("enrollments/batch/", rows)


class Sticky(BrightspaceProvider):
    """Takes nobody out."""

    def remove_members(self, external_id, members):
        return None


class Short(BrightspaceProvider):
    """Reads only the first page of who is in a course."""

    def members(self, external_id):
        rows = self.client.get(f"enrollments/orgUnits/{external_id}/users/")["Items"]
        roles = {number: role for role, number in self.class_roles.items()}
        return frozenset(Member(row["User"]["Identifier"], roles[row["Role"]["Id"]]) for row in rows)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Keyless, "test_a_class_that_was_created_is_found_as_it_was_wanted"),
        (Closed, "test_a_class_is_archived_and_opened_again_with_everybody_in_it"),
        (Strict, "test_archiving_a_class_that_is_gone_is_no_error"),
        (Vague, "test_a_class_that_is_gone_says_so"),
        (Levelling, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Sticky, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Trusting, "test_somebody_who_does_not_exist_is_refused_for_good_and_not_taken_for_the_class"),
        (Short, "test_a_large_class_is_read_and_filled_completely"),
    ],
)
def test_a_broken_verb_of_classes_makes_the_kits_test_for_it_fail(broken: type[BrightspaceProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestClasses())


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("GET", f"{LP}/users", None, ()),
        ("GET", f"{LP}/users/", None, (("username", "anna"),)),
        ("POST", f"{LP}/users/", {**USER, "RoleId": 110, "IsActive": True}, ()),
        ("POST", f"{LP}/users/", {**USER, "RoleId": "110", "IsActive": True, "SendCreationEmail": False}, ()),
        ("PUT", f"{LP}/users/7", USER, ()),
        ("PUT", f"{LP}/users/7/activation", {"IsActive": None}, ()),
        ("POST", f"{LP}/enrollments/batch/", {"OrgUnitId": 1, "UserId": 2, "RoleId": 3}, ()),
        ("PUT", f"{LP}/courses/7", {"Name": "Maths", "Code": "M:7"}, ()),
        ("POST", f"{LP}/enrollments/", None, ()),
    ],
)
def test_a_request_that_the_contract_does_not_have_is_found(method, path, body, query) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.check(method, path, query, "application/json", b"" if body is None else json.dumps(body).encode())
