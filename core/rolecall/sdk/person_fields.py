"""The shape of what a source may say of a person: e-mail, phone, language, length. Shared by every reader of people.

Knows no database: what a list requires, and what is already there, is for the import to check.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rolecall.translation import gettext as _

#: The longest text that each field of a person holds.
LENGTHS = {"code": 100, "first_name": 200, "last_name": 200, "email": 254, "phone": 40, "language": 20, "status": 100}

#: One @ between something and a dotted name: shape only, whether it is read is for verification to find out.
_NAMES = {
    "code": _("code"), "first_name": _("first name"), "last_name": _("last name"), "email": _("e-mail address"), "phone": _("phone"),
    "language": _("language"), "status": _("status"),
}  # fmt: skip
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")
_PHONE = re.compile(r"\+?[0-9 ()./-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def problem_of(field: str, text: str) -> str:
    """Return the sentence that says why ``text`` cannot be the person's ``field``, or an empty one (R2)."""
    if _CONTROL.search(text):
        return _("The {field} contains a line break or another character that cannot be shown.", field=_name(field))
    if len(text) > LENGTHS[field]:
        return _("The {field} is longer than {count} characters.", field=_name(field), count=LENGTHS[field])
    if field == "email" and not _EMAIL.fullmatch(text):
        return _("{text} is not an e-mail address.", text=text)
    if field == "phone" and not (_PHONE.fullmatch(text) and 3 <= sum(map(str.isdigit, text)) <= 15):
        return _("{text} is not a phone number: write digits, with + and the country first where possible.", text=text)
    if field == "language" and not _LANGUAGE.fullmatch(text):
        return _("{text} is not a language: write its tag, such as el or pt-BR.", text=text)
    return ""


@lru_cache(1_024)
def language_tag(text: str) -> str:
    """Return a language tag in its usual spelling: ``el``, ``pt-BR``, ``zh-Hant``."""
    first, *rest = text.replace("_", "-").split("-")
    spelt = {2: str.upper, 4: str.title}
    return "-".join([first.lower(), *(spelt.get(len(part), str.lower)(part) for part in rest)])


def _name(field: str) -> str:
    return _NAMES.get(field, field.replace("_", " "))
