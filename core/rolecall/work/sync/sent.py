"""What a provider was told, as it is kept in a link: what it accepted last, and what was tried since without a settled answer.

Owns the JSON form and the rule for which values a plugin may hand over. A set is ``{"set": [...]}``, which no other value can be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rolecall.sdk.provider import Attributes, Change, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The state that the provider accepted last. ``tried`` and ``verbs`` are what it may have accepted as well.

    They are written before the call, so that whoever goes on after a crash or a lost answer knows what may be there. ``kept`` are the
    attributes that an account which was taken over keeps as it had them, because they are set once (R54).
    """

    attributes: Attributes = field(default_factory=dict)
    suspended: bool = False
    tried: Attributes = field(default_factory=dict)
    verbs: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    @property
    def may_be_suspended(self) -> bool:
        """Whether the account may be suspended there."""
        return self.suspended or Verb.SUSPEND in self.verbs

    @property
    def may_be_open(self) -> bool:
        """Whether the account may be open there."""
        return not self.suspended or Verb.RESUME in self.verbs

    @property
    def may_be_deleted(self) -> bool:
        """Whether the account may be gone there."""
        return Verb.DELETE in self.verbs

    def trying(self, change: Change) -> "Sent":
        """Return the state while a change is under way: of sets everything that was ever tried, of other values that they are unclear."""
        tried = {name: _both(self.tried.get(name), value) for name, value in change.after.items()}
        verbs = {str(change.verb)} - {str(Verb.UPDATE), str(Verb.CREATE)}
        return replace(self, tried={**self.tried, **tried}, verbs=self.verbs | verbs)

    def after(self, change: Change, *, adopted: bool = False) -> "Sent":
        """Return the state when a change other than a deletion was accepted; ``adopted`` when an existing account was taken over."""
        if change.verb is Verb.SUSPEND:
            return replace(self, suspended=True, verbs=frozenset())
        if change.verb is Verb.CREATE:
            return Sent(attributes=change.wanted, kept=change.once if adopted else frozenset())
        # What was tried once and is not sent any more stays unclear, in case that it will be sent again.
        unclear = {name: value for name, value in self.tried.items() if name not in change.after}
        return Sent(attributes=change.wanted, tried=unclear, kept=self.kept)


def dump(sent: Sent) -> dict[str, Any]:
    """Return the JSON form."""
    form: dict[str, Any] = {"attributes": dump_attributes(sent.attributes), "suspended": sent.suspended}
    if sent.kept:
        form["kept"] = sorted(sent.kept)
    if sent.tried or sent.verbs:
        form["tried"] = {"attributes": dump_attributes(sent.tried), "verbs": sorted(sent.verbs)}
    return form


def load(stored: Mapping[str, Any] | None) -> Sent:
    """Read the JSON form; none is an account that the provider was never told about."""
    if stored is None:
        return Sent()
    tried = stored.get("tried") or {"attributes": {}, "verbs": []}
    return Sent(
        attributes=load_attributes(stored["attributes"]),
        suspended=stored["suspended"],
        tried=load_attributes(tried["attributes"]),
        verbs=frozenset(tried["verbs"]),
        kept=frozenset(stored.get("kept", ())),
    )


def check(attributes: object) -> Attributes:
    """Return what a plugin's ``attributes`` gave, if it can be kept and compared.

    :raises TypeError: for anything but text, whole numbers, yes/no, none and sets of text.
    :raises ValueError: for text that no database can hold.
    """
    if not isinstance(attributes, Mapping):
        raise TypeError(f"attributes() must return a mapping, not {type(attributes).__name__}.")
    for name, value in attributes.items():
        if not isinstance(name, str):
            raise TypeError(f"attributes() has the name {name!r}, which is not text.")
        if not (value is None or isinstance(value, str | int | frozenset)):
            raise TypeError(f"attributes() has a {type(value).__name__} as {name!r}.")
        for text in (name, *(value if isinstance(value, frozenset) else [value])):
            if isinstance(value, frozenset) and not isinstance(text, str):
                raise TypeError(f"attributes() has a set as {name!r} that holds something else than text.")
            if isinstance(text, str) and not _is_storable(text):
                raise ValueError(f"attributes() has a character in {name!r} that cannot be stored.")
    return dict(attributes)


def _both(known: object, value: Any) -> Any:
    return known | value if isinstance(known, frozenset) and isinstance(value, frozenset) else value


def dump_attributes(attributes: Attributes) -> dict[str, Any]:
    """Return the JSON form of attributes."""
    return {name: {"set": sorted(value)} if isinstance(value, frozenset) else value for name, value in attributes.items()}


def load_attributes(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Read the JSON form of attributes."""
    return {name: frozenset(value["set"]) if isinstance(value, dict) else value for name, value in stored.items()}


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
