"""Settings with one line for each user type: what is refused, and how they are read."""

import pytest
from marshmallow import ValidationError

from rolecall.sdk.by_type import by_type, domain_lines, each_line, rules


def small(value: str) -> None:
    if len(value) > 3:
        raise ValidationError(f"{value} is too long.")


@pytest.mark.parametrize(
    ("lines", "roles", "said"),
    [
        (["student = abc", "teacher=x"], False, None),
        ([], False, None),
        (["student"], False, "with an equals sign"),
        (["student ="], False, "with an equals sign"),
        (["= abc"], False, "with an equals sign"),
        (["pupil = abc"], False, "'pupil' is no user type. There are: "),
        (["student = abcd"], False, "abcd is too long."),
        (["student/Year 1 = abc"], True, None),
        (["student/Year 1 = abc"], False, "'student/Year 1' is no user type"),
        (["pupil/Year 1 = abc"], True, "'pupil' is no user type"),
    ],
)
def test_a_line_is_refused_in_words(lines: list[str], roles: bool, said: str | None) -> None:
    validate = each_line(small, roles=roles)

    if said is None:
        validate(lines)
    else:
        with pytest.raises(ValidationError) as refused:
            validate(lines)
        assert said in refused.value.messages[0]


def test_a_domain_is_taken_in_any_case() -> None:
    validate = domain_lines(r"[a-z]+\.example", "A domain of the school.")

    validate(["student = SCHOOL.example"])
    with pytest.raises(ValidationError, match="A domain of the school"):
        validate(["student = school.org"])


def test_lines_are_read_by_type_and_as_rules() -> None:
    assert by_type(["student = a", "teacher=b", "student = c"]) == {"student": "c", "teacher": "b"}
    assert by_type(None) == {}
    assert rules(["student = a", "teacher / Guest = b"]) == [("student", None, "a"), ("teacher", "Guest", "b")]
