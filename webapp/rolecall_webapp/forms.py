"""Reads what a generated form sent back, field by field, as the schema behind it wants to load it."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from rolecall.sdk.fields import FormField

#: Longer lists of choices are chosen from a box instead of ticked.
MOST_BOXES = 12


def collect(sent: MultiDict[str, str], fields: Sequence[FormField], *, keep_empty: bool = False) -> dict[str, Any]:
    """Return the values of a form by field name.

    What was left empty is left out, so that defaults apply; ``keep_empty`` sends it as an empty value instead, where clearing a
    field is meant (settings). A secret that was left empty is always left out: it stays as it is.
    """
    values: dict[str, Any] = {}
    for each in fields:
        value = _value(sent, each)
        if value not in ("", []) or (keep_empty and not each.secret):
            values[each.name] = value
    return values


def echo(sent: MultiDict[str, str], fields: Sequence[FormField]) -> dict[str, Any]:
    """What the form shows again after a mistake: everything but secrets."""
    return {each.name: _value(sent, each) for each in fields if not each.secret}


def starting(fields: Sequence[FormField], given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a form shows first: the given values, else the defaults; never a secret."""
    given = given or {}
    return {each.name: given.get(each.name, each.default) for each in fields if not each.secret}


def _value(sent: MultiDict[str, str], each: FormField) -> Any:
    if each.kind == "choices":
        return [part for part in sent.getlist(each.name) if part]
    if each.kind == "yesno":
        # A required one is two radio buttons, because "no" is an answer too; the other is a box, which is silent when empty.
        return sent.get(each.name, "" if each.required else "no")
    value = sent.get(each.name, "")
    # Blanks around a password are part of it; elsewhere they were pasted along.
    return value if each.secret else value.strip()
