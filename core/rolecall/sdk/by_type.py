"""Settings with one line for each user type, such as ``student = students.school.example``, and how they are read.

Owns how such a line is written. What may stand on its right is the plugin's business.
"""

import re
from collections.abc import Callable, Sequence

from marshmallow import ValidationError

from rolecall.sdk.words import USER_TYPES


def pair(line: str) -> tuple[str, str]:
    """Return what stands on both sides of the equals sign.

    :raises ValidationError: when there is no such sign, or nothing beside it.

    .. versionadded:: 0.1
    """
    left, sign, right = line.partition("=")
    if not sign or not left.strip() or not right.strip():
        raise ValidationError(f"{line!r} cannot be read: write it with an equals sign, such as student = students.school.example.")
    return left.strip(), right.strip()


def each_line(check: Callable[[str], None], *, roles: bool = False) -> Callable[[Sequence[str]], None]:
    """Return what validates such lines: a user type on the left, and on the right what ``check`` lets pass.

    With ``roles``, a role of the type may follow it after a stroke.

    .. versionadded:: 0.1
    """

    def validate(lines: Sequence[str]) -> None:
        for line in lines:
            whom, value = pair(line)
            word = whom.partition("/")[0].strip() if roles else whom
            if word not in USER_TYPES:
                raise ValidationError(f"{word!r} is no user type. There are: {', '.join(USER_TYPES)}.")
            check(value)

    return validate


def domain_lines(pattern: str, error: str) -> Callable[[Sequence[str]], None]:
    """Return what validates lines with a domain on the right, in any case; ``error`` says which domains there are.

    .. versionadded:: 0.1
    """

    def check(domain: str) -> None:
        if not re.fullmatch(pattern, domain.lower()):
            raise ValidationError(f"{domain!r}: {error}")

    return each_line(check)


def by_type(lines: Sequence[str] | None) -> dict[str, str]:
    """Return what stands on the right by what stands on the left; of two lines for one type the last counts.

    .. versionadded:: 0.1
    """
    return dict(pair(line) for line in lines or ())


def rules(lines: Sequence[str] | None) -> list[tuple[str, str | None, str]]:
    """Return (user type, role or none for all, what they get) of each line with or without a role.

    .. versionadded:: 0.1
    """
    found = []
    for line in lines or ():
        whom, value = pair(line)
        kind, _, role = whom.partition("/")
        found.append((kind.strip(), role.strip() or None, value))
    return found
