"""Templates of mapped attributes: what they can name, and that they reach nothing else (R54)."""

import pytest

from rolecall import AccountSnapshot, MappedAttribute, Mode, PersonSnapshot, Provider, RoleSnapshot
from rolecall.sdk.mapping import PLACEHOLDERS, faults, render

PERSON = PersonSnapshot(id=1, list="students", code="S-17", first_name="Анна", last_name="Kowalska", phone="+306912345678", language="el")
ANNA = AccountSnapshot(
    id=1, key="k-1", type="student", username="Anna.K", first_name="Annie", last_name="K", person=PERSON,
    roles=(
        RoleSnapshot(period="2025", role="Old role"),
        RoleSnapshot(period="2026", role="Main student", period_is_current=True),
        RoleSnapshot(period="2027", role="Next role"),
    ),
)  # fmt: skip


class Library(Provider):
    id = "library"
    label = "Library"
    mapping = (
        MappedAttribute(name="name", label="Name", template="{first_name} {last_name}", required=True),
        MappedAttribute(name="card", label="Card", template="{code}", mode=Mode.ONCE),
        MappedAttribute(name="mail", label="E-mail", template="{email}"),
        MappedAttribute(name="note", label="Note", template="{status}", mode=Mode.IGNORE),
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{first_name} {last_name}", "Анна Kowalska"),
        ("{last_name:upper}, {profile_first_name:lower}", "KOWALSKA, annie"),
        ("{username:lower}@school.example", "anna.k@school.example"),
        ("{role}", "Main student"),
        ("Student", "Student"),
        ("  {code}  {status}  ", "S-17"),
        ("{email}", None),
        ("", None),
    ],
)
def test_a_template_is_filled_and_what_is_missing_is_left_out(template, text):
    assert render(template, ANNA) == text


def test_every_placeholder_can_be_filled():
    for name in PLACEHOLDERS:
        assert faults(f"{{{name}}}") == []
        render(f"{{{name}}}", ANNA)


@pytest.mark.parametrize(
    "template", ["{nickname}", "{person.code}", "{code.__class__}", "{code!r}", "{code:title}", "{code", "x}", "{}", "{0}"]
)
def test_a_template_that_cannot_be_read_has_a_sentence_and_is_not_filled(template):
    assert faults(template)
    with pytest.raises(ValueError, match=r"\w"):
        render(template, ANNA)


def test_a_provider_fills_its_own_templates_until_the_institution_says_otherwise():
    own = Library({}, None)
    chosen = Library({"mapping": {"name": {"template": "{username}"}, "mail": {"mode": "ignore"}, "note": {"mode": "own"}}}, None)

    assert own.mapped(ANNA) == {"name": "Анна Kowalska", "card": "S-17", "mail": None}
    assert chosen.mapped(ANNA) == {"name": "Anna.K", "card": "S-17", "note": None}
