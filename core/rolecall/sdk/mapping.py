"""What an institution may map: the attributes of a provider, filled from an account by templates (R54).

Owns the placeholders and how a template is read. A template is text with names in braces and nothing else: it reaches no object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

if TYPE_CHECKING:
    from rolecall.sdk.snapshots import AccountSnapshot


class Mode(StrEnum):
    """Who decides an attribute after it was set first: Rolecall always, Rolecall once, or nobody here."""

    OWN = "own"
    ONCE = "once"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedAttribute:
    """One attribute of a provider that an institution may map; ``template`` and ``mode`` are what holds until it does.

    ``required`` ones cannot be ignored or left empty.
    """

    name: str
    label: str
    template: str
    mode: Mode = Mode.OWN
    required: bool = False
    help: str = ""


def _role(account: AccountSnapshot) -> str | None:
    return next((role.role for role in account.roles if role.period_is_current and role.enabled), None)


#: What a template may name, with what it says to people.
PLACEHOLDERS: Mapping[str, tuple[str, Callable[[AccountSnapshot], str | None]]] = {
    "first_name": ("first name of the person", lambda account: account.person.first_name),
    "last_name": ("last name of the person", lambda account: account.person.last_name),
    "profile_first_name": ("first name of the account's profile", lambda account: account.first_name),
    "profile_last_name": ("last name of the account's profile", lambda account: account.last_name),
    "username": ("user name", lambda account: account.username),
    "email": ("e-mail of the account", lambda account: account.email),
    "personal_email": ("personal e-mail of the person", lambda account: account.person.email),
    "phone": ("phone of the person", lambda account: account.person.phone),
    "code": ("code of the person", lambda account: account.person.code),
    "list": ("list of the person", lambda account: account.person.list),
    "type": ("user type", lambda account: account.type),
    "language": ("language of the person", lambda account: account.person.language),
    "status": ("status of the student", lambda account: account.person.status),
    "role": ("role in the current period", _role),
    "key": ("permanent key of the account", lambda account: account.key),
}
#: What may stand after a colon in a placeholder.
TRANSFORMS: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}
#: No attribute of a provider is longer, and a template is read for every account.
LONGEST = 500
_PART = re.compile(r"\{([^{}]*)\}")


def faults(template: str) -> list[str]:
    """Return a sentence for each mistake of a template."""
    found = []
    for inside in _PART.findall(template):
        name, _, transform = inside.partition(":")
        if name not in PLACEHOLDERS:
            found.append(f"There is no placeholder {{{name}}}. There are: {', '.join(PLACEHOLDERS)}.")
        elif transform and transform not in TRANSFORMS:
            found.append(f"{{{inside}}} cannot be read: after the colon stands lower or upper.")
    if "{" in _PART.sub("", template) or "}" in _PART.sub("", template):
        found.append("A brace is not closed. Placeholders stand in braces, such as {first_name}.")
    return found


def render(template: str, account: AccountSnapshot) -> str | None:
    """Fill a template for an account; what it does not have is left out, and a text with nothing but blanks is none.

    :raises ValueError: for a template with :func:`faults`.
    """
    if wrong := faults(template):
        raise ValueError(wrong[0])

    def fill(match: re.Match[str]) -> str:
        name, _, transform = match[1].partition(":")
        value = PLACEHOLDERS[name][1](account) or ""
        return TRANSFORMS[transform](value) if transform else value

    return " ".join(_PART.sub(fill, template).split()) or None


#: What an institution chose, by attribute: ``template`` and ``mode``, or one of them; what is absent is the plugin's own.
Chosen = Mapping[str, Mapping[str, Any]]


def template_of(each: MappedAttribute, chosen: Chosen) -> str:
    """Return the template that holds for an attribute: the institution's, or the plugin's own."""
    return str((chosen.get(each.name) or {}).get("template", each.template))


def mode_of(each: MappedAttribute, chosen: Chosen) -> Mode:
    """Return the mode that holds for an attribute."""
    return Mode((chosen.get(each.name) or {}).get("mode", each.mode))


def set_once(attributes: Sequence[MappedAttribute], chosen: Chosen) -> frozenset[str]:
    """Return the attributes that are set once and then left alone."""
    return frozenset(each.name for each in attributes if mode_of(each, chosen) is Mode.ONCE)


def mistakes(attributes: Sequence[MappedAttribute], chosen: Any) -> dict[str, list[str]]:
    """Return the sentences of each wrong attribute of what was chosen, by name; under "" those about the whole."""
    if not isinstance(chosen, Mapping):
        return {"": ["A mapping is written by attribute: each with its template, its mode, or both."]}
    known = {each.name: each for each in attributes}
    found: dict[str, list[str]] = {}
    for name, own in chosen.items():
        if name not in known:
            found[str(name)] = [f"There is no attribute {name} to map. There are: {', '.join(known)}."]
        elif own is not None:
            found[str(name)] = list(_mistakes(known[name], own))
    return {name: sentences for name, sentences in found.items() if sentences}


def _mistakes(each: MappedAttribute, own: Any) -> Sequence[str]:
    if not isinstance(own, Mapping) or set(own) - {"template", "mode"}:
        return [f"{each.label} takes a template and a mode, and nothing else."]
    template, mode = own.get("template", each.template), own.get("mode", each.mode)
    if not isinstance(template, str) or len(template) > LONGEST:
        return [f"The template of {each.label} must be a text of at most {LONGEST} characters."]
    if mode not in tuple(Mode):
        return [f"{each.label} has the mode {mode!r}. There are: {', '.join(Mode)}."]
    found = [f"{each.label}: {sentence}" for sentence in faults(template)]
    if each.required and mode == Mode.IGNORE:
        found.append(f"{each.label} cannot be left alone: without it nobody can be created there.")
    if each.required and not template.strip():
        found.append(f"{each.label} needs a template: without it nobody can be created there.")
    return found


class MappingField(fields.Field[dict[str, Any]]):
    """The setting ``mapping`` of a provider. It has a page of its own, so the generated form leaves it out.

    What equals the plugin's own is not kept: a later version of the plugin may then have another.
    """

    def __init__(self, attributes: Sequence[MappedAttribute], **more: Any) -> None:
        facts = {"label": "Mapping", "help": "What each attribute is filled with, and who decides it.", "group": "What is sent"}
        super().__init__(load_default=dict, metadata={**facts, "offered": lambda _context: False}, **more)
        self.attributes = attributes

    def merged(self, stored: Any, given: Any) -> Any:
        """Return what is stored with what is given put over it, attribute by attribute; none gives one its own again."""
        if not isinstance(given, Mapping) or not isinstance(stored, Mapping):
            return given
        together: dict[str, Any] = dict(stored)
        for name, own in given.items():
            before = together.get(name)
            together[name] = {**before, **own} if isinstance(own, Mapping) and isinstance(before, Mapping) else own
        return together

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> dict[str, Any]:
        if wrong := mistakes(self.attributes, value):
            raise ValidationError(wrong)
        known = {each.name: each for each in self.attributes}
        kept = {}
        for name, own in value.items():
            plain = {"template": known[name].template, "mode": str(known[name].mode)}
            differs = {key: str(said).strip() for key, said in (own or {}).items() if str(said).strip() != plain[key]}
            if differs:
                kept[name] = differs
        return kept
