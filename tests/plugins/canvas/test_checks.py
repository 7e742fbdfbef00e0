"""The test of the connection: a line for every permission, and what mends it."""

import pytest

from rolecall_canvas.provider import CanvasProvider


@pytest.fixture
def settings():
    return {"sis_import_from": 20, "classes": True}


def bad(provider) -> dict[str, tuple[str, bool]]:
    """Label, what mends it and whether it must be mended, of the lines that fail."""
    return {line.label: (line.fix, line.required) for line in provider.check() if not line.ok}


def test_all_is_well_line_by_line_and_nothing_is_changed(provider, canvas) -> None:
    lines = list(provider.check())

    assert [line.label for line in lines if not line.ok] == []
    assert {"Permission manage_user_logins", "Permission import_sis", "Permission manage_courses_conclude"} <= {
        line.label for line in lines
    }
    assert {each["method"] for each in canvas.journal} == {"GET"}


class TestWithoutImportsAndClasses:
    @pytest.fixture
    def settings(self):
        return {}

    def test_what_the_settings_do_not_need_is_not_asked_for(self, provider, canvas) -> None:
        canvas.permissions = {"read_roster", "manage_user_logins", "read_sis", "manage_sis"}

        assert bad(provider) == {}
        assert not any("import_sis" in line.label or "course" in line.label for line in provider.check())


@pytest.mark.parametrize(
    ("permission", "required", "words"),
    [
        ("manage_sis", True, "SIS data - manage"),
        ("import_sis", True, "SIS Data - import"),
        ("add_ta_to_course", False, "older Canvas"),
    ],
)
def test_a_missing_permission_is_named_with_the_way_to_allow_it(provider, canvas, permission, required, words) -> None:
    canvas.permissions -= {permission}

    fix, is_required = bad(provider)[f"Permission {permission}"]

    assert "Admin → Permissions" in fix
    assert words in fix
    assert is_required is required


def test_a_refused_token_is_said_and_nothing_more_is_tried(canvas, wire) -> None:
    lines = list(CanvasProvider({**canvas.settings, "token": "1~another-token-of-nobody"}, wire.http).check())

    assert [(line.label, line.ok) for line in lines] == [("Reach Canvas", True), ("Token accepted", False)]


@pytest.mark.parametrize("status", [404, 503])
def test_an_address_that_is_no_canvas_or_is_down_is_said(provider, canvas, status) -> None:
    canvas.fail(status, body=b"<html>", next=None)

    assert list(bad(provider)) == ["Reach Canvas"]


class TestSubAccount:
    @pytest.fixture
    def settings(self):
        return {"account": "7", "class_account": "99", "classes": True}

    def test_an_account_below_the_root_and_one_that_does_not_exist_are_named(self, provider) -> None:
        found = bad(provider)

        assert "self" in found["Account 7 is a root account"][0]
        assert "Permissions in account 99" in found
        assert "Courses of account 99 can be looked at" in found


def test_a_user_without_a_role_is_told_to_get_one(provider, canvas) -> None:
    canvas.permissions = frozenset()

    found = bad(provider)

    assert "account role" in found["Permissions in account self"][0]
    assert "Users of account self can be looked at" in found


def test_an_answer_that_is_no_list_of_permissions_is_none(provider, canvas) -> None:
    canvas.fail(200, body=[], match=lambda method, path: path.endswith("/permissions"))
    canvas.fail(500, match=lambda method, path: path.endswith("/permissions"))

    found = bad(provider)

    assert "Permission read_roster" in found
    assert found["Permissions in account self"][0] == "Try again."
