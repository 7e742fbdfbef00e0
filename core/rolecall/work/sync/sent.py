"""What a provider accepted last, as it is kept in a link: attributes with their sets, and whether the account is suspended.

Owns the JSON form and the rule for which values a plugin may hand over. A set is ``{"set": [...]}``, which no other value can be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rolecall.sdk.provider import Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The state that the provider accepted last."""

    attributes: Attributes = field(default_factory=dict)
    suspended: bool = False


def dump(sent: Sent) -> dict[str, Any]:
    """Return the JSON form."""
    attributes = {name: {"set": sorted(value)} if isinstance(value, frozenset) else value for name, value in sent.attributes.items()}
    return {"attributes": attributes, "suspended": sent.suspended}


def load(stored: Mapping[str, Any] | None) -> Sent:
    """Read the JSON form; none is an account that the provider was never told about."""
    if stored is None:
        return Sent()
    attributes = {name: frozenset(value["set"]) if isinstance(value, dict) else value for name, value in stored["attributes"].items()}
    return Sent(attributes=attributes, suspended=stored["suspended"])


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


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
