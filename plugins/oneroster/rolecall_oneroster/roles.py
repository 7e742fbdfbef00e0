"""Which list a role belongs to. The vocabularies of the formats, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# Sources, as published:
#
# - OneRoster 1.1, CSV Tables, users.csv ``role``: administrator aide guardian parent proctor relative student teacher
#   (https://www.imsglobal.org/oneroster-v11-final-csv-tables).
# - OneRoster 1.2, CSV Binding, roles.csv ``role``: aide counselor districtAdministrator guardian parent principal proctor relative
#   siteAdministrator student systemAdministrator teacher (https://www.imsglobal.org/spec/oneroster/v1p2/bind/csv).
# - School Data Sync, roles of users: the default list of values, principal ... alumni, student, other
#   (https://learn.microsoft.com/schooldatasync/default-list-of-values).
# - School Data Sync v1, roles of contacts: Parent Relative Aide Doctor Guardian Child Administrator Other
#   (https://learn.microsoft.com/schooldatasync/parent-contact-sync-file-format); v2.1 has them in relationships.csv, without Child
#   and Administrator.

_ROLES = {
    "students": "student",
    "teachers": (
        "teacher professor faculty lecturer instructor adjunct substitute chair coach aide teacherAssistant assistant paraprofessional"
    ),
    "employees": (
        "administrator staff principal officeStaff itAdmin researcher advisor counselor proctor nurse specialServices "
        "occupationalTherapist physicalTherapist speechTherapist visionTherapist "
        "districtAdministrator siteAdministrator systemAdministrator"
    ),
    "guardians": "guardian parent relative",
    "alumni": "alumni",
    "partners": "affiliate",
}

#: role, in lower case -> list. ``other`` and extensions (``ext:...``) are not here: they do not say which list.
LIST_OF_ROLE = {role.lower(): list_ for list_, roles in _ROLES.items() for role in roles.split()}

#: relation, in lower case -> list of a person who has no role of their own. A contact without a word is an ``other`` one.
LIST_OF_CONTACT = {
    "parent": "guardians",
    "guardian": "guardians",
    "relative": "guardians",
    "other": "guardians",
    "doctor": "partners",
    "aide": "partners",
    "administrator": "partners",
}

#: Of those who work with classes, who helps and does not teach.
_HELPERS = frozenset({"aide", "teacherassistant", "assistant", "paraprofessional"})

#: Where the files name no primary role: the work a person does here before what else they are, as School Data Sync sorts them.
_PRECEDENCE = ("teachers", "employees", "students", "alumni", "partners", "guardians", "")


class Standing(NamedTuple):
    """What one role makes of a person. The smallest of several is the person's: fields are in the order that decides."""

    unknown: bool
    ended: bool
    secondary: bool
    precedence: int
    role: str
    list: str


@lru_cache(maxsize=1024)
def standing(role: str, *, ended: bool = False, secondary: bool = False) -> Standing:
    """Return the standing of a role as a file writes it; shared between people, of whom there may be a million."""
    word = role.strip().lower()
    list_ = LIST_OF_ROLE.get(word, "")
    return Standing(not list_, ended, secondary, _PRECEDENCE.index(list_), word, list_)


def standing_of(words: str) -> Standing | None:
    """Return the standing of a cell with one role or several, none if it is empty."""
    return min((standing(word) for word in words.split(",") if word.strip()), default=None)


def role_in_class(word: str) -> str:
    """Return the role in a class that an enrolment's role means: student, teacher, assistant, or empty for those who do neither."""
    word = word.strip().lower()
    if word in _HELPERS:
        return "assistant"
    return {"students": "student", "teachers": "teacher"}.get(LIST_OF_ROLE.get(word, ""), "")


def list_of_contact(relations: Iterable[str]) -> str:
    """Return the list of a person whom the files know only as somebody's contact; empty if the relations do not tell."""
    lists = {LIST_OF_CONTACT.get(relation, "") for relation in relations}
    return next((list_ for list_ in ("guardians", "partners") if list_ in lists), "")
