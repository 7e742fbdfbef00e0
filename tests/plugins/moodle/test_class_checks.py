"""Testing what classes need: a line for each function, right, role and category, only where classes are wanted."""

from typing import Any

import pytest

from rolecall import CheckLine
from rolecall.testing.wire import Wire
from rolecall_moodle.class_checks import FUNCTIONS, GROUP_FUNCTIONS
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle
from rolecall_moodle.provider import MoodleProvider

ON = {"classes": True, "class_groups": True}


@pytest.fixture
def settings() -> dict[str, Any]:
    return ON


def failing(provider: MoodleProvider) -> list[CheckLine]:
    return [line for line in provider.check() if not line.ok]


def test_a_well_connected_site_has_only_good_lines_and_is_not_changed(moodle: FakeMoodle, provider: MoodleProvider):
    before = (dict(moodle.state.users), dict(moodle.state.courses), moodle.state.number("group"))

    lines = list(provider.check())

    assert [line for line in lines if not line.ok] == []
    assert {"Category 1", "Right moodle/course:create", "Role 5 for students"} <= {line.label for line in lines}
    assert (moodle.state.users, moodle.state.courses, moodle.state.number("group") - 1) == before


def test_each_function_has_a_line_and_stands_in_the_guide(provider: MoodleProvider):
    labels = [line.label for line in provider.check()]

    for name in (*FUNCTIONS, *GROUP_FUNCTIONS):
        assert f"Function {name}" in labels
        assert name in provider.guide


def test_nothing_of_it_is_asked_while_classes_are_not_kept_in_step(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "classes": False}, wire.http)

    labels = " ".join(line.label for line in provider.check())

    assert "course" not in labels
    assert "enrol" not in labels


def test_groups_are_asked_for_only_where_they_are_wanted(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "classes": True}, wire.http)

    assert not any("group" in line.label for line in provider.check())


@pytest.mark.parametrize(
    ("right", "label", "required"),
    [
        ("moodle/course:create", "Right moodle/course:create", True),
        ("enrol/manual:enrol", "Role 5 for students", False),
        ("moodle/role:assign", "Role 3 for teachers", False),
        ("enrol/manual:unenrol", "Right enrol/manual:unenrol", False),
        ("moodle/course:managegroups", "Right moodle/course:managegroups", False),
    ],
)
def test_a_missing_right_is_named_with_the_way_to_allow_it(
    moodle: FakeMoodle, provider: MoodleProvider, right: str, label: str, required: bool
):
    moodle.change_token(moodle.settings["token"], rights=ALL_RIGHTS - {right})

    found = {line.label: line for line in failing(provider)}

    assert found[label].required is required
    assert found[label].fix


def test_every_right_that_the_fake_knows_for_classes_stands_in_the_guide(provider: MoodleProvider):
    for right in ALL_RIGHTS:
        if right.startswith(("moodle/course", "enrol/", "moodle/role")):
            assert f"`{right}`" in provider.guide, right


@pytest.mark.parametrize("settings", [{**ON, "class_category": 7}])
def test_a_category_that_is_not_there_is_named(provider: MoodleProvider):
    labels = [line.label for line in failing(provider)]

    assert labels[0] == "Category 7"


@pytest.mark.parametrize("settings", [{**ON, "role_teacher": 1}])
def test_a_role_that_may_not_be_given_is_named(provider: MoodleProvider):
    assert [line.label for line in failing(provider)] == ["Role 1 for teachers"]


@pytest.mark.parametrize("settings", [{**ON, "role_teacher": 4}])
def test_roles_that_are_the_same_are_told(provider: MoodleProvider):
    assert [line.label for line in failing(provider)] == ["Three different roles"]


@pytest.mark.parametrize(
    ("function", "label"),
    [("core_course_get_categories", "Category 1"), ("enrol_manual_unenrol_users", "Right enrol/manual:unenrol")],
)
def test_an_answer_that_does_not_come_fails_the_line(wire: Wire, provider: MoodleProvider, function: str, label: str):
    wire.fail(status=503, match=lambda request: f"wsfunction={function}&".encode() in request.body)

    (line,) = failing(provider)

    assert (line.label, bool(line.fix)) == (label, True)
