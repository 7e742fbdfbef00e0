"""Canvas does what every plugin and every provider must do, by requests that are in the contract."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from planted import assert_the_kit_finds
from provider_contracts.canvas import CONTRACT, CheckedCanvas
from werkzeug.test import Client

from rolecall.errors import NotFound
from rolecall.testing import ClassContract, PluginContract, ProviderContract
from rolecall_canvas import courses, lookups
from rolecall_canvas.client import id_of
from rolecall_canvas.fake import create_app
from rolecall_canvas.provider import CanvasProvider


def checked_canvas(url: str) -> CheckedCanvas:
    return CheckedCanvas(create_app(url))


class TestPlugin(PluginContract):
    plugin = "canvas"


class TestProvider(ProviderContract):
    plugin = "canvas"

    def make_fake(self, url: str) -> Any:
        return checked_canvas(url)


class TestProviderBySisImport(TestProvider):
    settings: ClassVar[Mapping[str, Any]] = {"sis_import_from": 1}


class TestClasses(ClassContract):
    plugin = "canvas"

    def make_fake(self, url: str) -> Any:
        return checked_canvas(url)


class Blind(CanvasProvider):
    """Finds nobody."""

    def find(self, account):
        return None


class Deaf(CanvasProvider):
    """Suspends nobody, and says so to nobody."""

    def suspend(self, external_id):
        """Send nothing."""


class Grasping(CanvasProvider):
    """Takes over whoever has the name."""

    def adopt(self, change, found):
        return super().adopt(change, type(found)(external_id=found.external_id, attributes=found.attributes))


class Forgiving(CanvasProvider):
    """Calls it done when the user is gone."""

    def update(self, external_id, changes):
        try:
            super().update(external_id, changes)
        except NotFound:
            return


class Shallow(CanvasProvider):
    """Takes the login for the user: a second login is a second user."""

    def accounts(self):
        for row in self.site.client.pages(f"{self.site.root}/users", [("per_page", 2)]):
            for _ in lookups.logins_of(self.site, id_of(row)) * 2:
                yield lookups.remote_of(self.site, row)


class Hasty(CanvasProvider):
    """Takes *too many calls* for a missing permission."""

    def find(self, account):
        self.site.client.http.get(f"{self.site.client.address}/users/self")
        raise NotFound("Nobody looked at the answer.")


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Blind, "test_what_was_created_is_found_as_it_was_wanted"),
        (Deaf, "test_what_is_suspended_can_come_back"),
        (Grasping, "test_a_name_that_is_somebody_elses_is_a_conflict"),
        (Forgiving, "test_changing_what_is_gone_says_so"),
        (Shallow, "test_all_accounts_can_be_walked"),
        (Hasty, "test_a_server_that_asks_to_wait_is_believed"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[CanvasProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestProvider(), status=429)


class Keyless(CanvasProvider):
    """Leaves our key out of the course."""

    def class_attributes(self, school_class):
        return {**super().class_attributes(school_class), "sis_course_id": "x"}


class Closed(CanvasProvider):
    """Never opens a course again."""

    def update_class(self, external_id, changes):
        if changes:
            super().update_class(external_id, changes)


class Strict(CanvasProvider):
    """Takes it for an error to archive what is gone."""

    def archive_class(self, external_id):
        courses.read(self.site, external_id)


class Vague(CanvasProvider):
    """Says of a course that is gone that nobody is in it."""

    def members(self, external_id):
        try:
            return super().members(external_id)
        except NotFound:
            return frozenset()


class Levelling(CanvasProvider):
    """Makes everybody a student."""

    def add_members(self, external_id, members):
        super().add_members(external_id, [type(each)(each.external_id, "student") for each in members])


class Lenient(CanvasProvider):
    """Overlooks who does not exist."""

    def add_members(self, external_id, members):
        super().add_members(external_id, [each for each in members if each.external_id != TestClasses.nobody])


class Sticky(CanvasProvider):
    """Takes nobody out."""

    def remove_members(self, external_id, members):
        return None


class FirstPage(CanvasProvider):
    """Puts in only as many as fit on a page."""

    def add_members(self, external_id, members):
        super().add_members(external_id, sorted(members, key=lambda each: int(each.external_id))[:10])


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Keyless, "test_a_class_that_was_created_is_found_as_it_was_wanted"),
        (Closed, "test_a_class_is_archived_and_opened_again_with_everybody_in_it"),
        (Strict, "test_archiving_a_class_that_is_gone_is_no_error"),
        (Vague, "test_a_class_that_is_gone_says_so"),
        (Levelling, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Sticky, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Lenient, "test_somebody_who_does_not_exist_is_refused_for_good_and_not_taken_for_the_class"),
        (FirstPage, "test_a_large_class_is_read_and_filled_completely"),
    ],
)
def test_a_broken_verb_of_classes_makes_the_kits_test_for_it_fail(broken: type[CanvasProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, TestClasses())


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("method", "path", "query", "kind", "form"),
    [
        ("GET", "/api/v1/people", [], "", {}),
        ("GET", "/api/v1/accounts/self/users", [("term", "anna")], "", {}),
        ("GET", "/api/v1/accounts/self/users", [("search_term", "an")], "", {}),
        ("GET", "/api/v1/accounts/self/users", [("per_page", "500")], "", {}),
        ("POST", "/api/v1/accounts/self/users", [], FORM, {"user[name]": "Anna"}),
        ("POST", "/api/v1/accounts/self/users", [], FORM, {"pseudonym[unique_id]": "anna", "pseudonym[sis_id]": "K"}),
        ("PUT", "/api/v1/users/1001", [], FORM, {"user[event]": "close"}),
        ("PUT", "/api/v1/accounts/self/logins/1", [], FORM, {"login[workflow_state]": "deleted"}),
        ("POST", "/api/v1/courses/1/enrollments", [], FORM, {"enrollment[user_id]": "1"}),
        ("DELETE", "/api/v1/courses/1/enrollments/2", [("task", "remove")], "", {}),
        ("PUT", "/api/v1/courses/1", [], FORM, {"course[event]": "archive"}),
        ("POST", "/api/v1/accounts/self/sis_imports", [("import_type", "csv")], "text/csv", {"x": "y"}),
    ],
)
def test_a_request_that_the_contract_does_not_have_is_found(method, path, query, kind, form) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.check(method, path, query, kind, urlencode(form).encode())


@pytest.mark.parametrize("mode", ["batch_mode=true", "diffing_data_set_identifier=rolecall", "diffing_drop_status=deleted"])
def test_an_import_in_a_mode_that_deletes_is_found(mode: str) -> None:
    with pytest.raises(AssertionError, match="deletes"):
        Client(checked_canvas("http://127.0.0.1")).post(f"/api/v1/accounts/self/sis_imports?import_type=instructure_csv&{mode}")
