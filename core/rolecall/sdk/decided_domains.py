"""The domains whose addresses a service decides about: a setting of login methods, and what it comes to (R66, F-02)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from rolecall.sdk.fields import Lines

#: What the setting is called in every plugin that has it.
NAME = "authoritative_domains"

_DOMAIN = re.compile(r"(?=.{4,190}\Z)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\Z", re.IGNORECASE)


def _check(lines: Sequence[str]) -> None:
    for line in lines:
        if not _DOMAIN.match(line.strip()):
            raise ValidationError(f"{line!r} is no domain, such as school.example.")


class DecidedDomains(Lines):
    """The setting ``authoritative_domains``: none by default, so that no address links anybody.

    ``whoever`` begins the sentence about who is taken for the account's owner, ``risk`` says who else can get in.

    .. versionadded:: 0.1
    """

    def __init__(self, *, whoever: str, risk: str, **kwargs: Any) -> None:
        metadata = {
            "label": "Domains whose addresses it decides about",
            "help": f"One on each line. {whoever} is taken for the one account that has the same address. "
            "Empty: accounts are linked by hand only.",
            "risk": risk,
            "connection": False,
            "group": "Signing in",
        }
        super().__init__(load_default=list, validate=_check, metadata=metadata, **kwargs)


def decides_about(settings: Mapping[str, Any], address: str) -> bool:
    """Tell whether an address is of one of the domains, in whichever case.

    .. versionadded:: 0.1
    """
    local, _, domain = address.strip().rpartition("@")
    return bool(local) and domain.lower() in {str(each).strip().lower() for each in settings.get(NAME) or ()}
