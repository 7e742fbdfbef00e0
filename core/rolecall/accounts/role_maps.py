"""How it is written what becomes of roles: ``Year 1=Year 2``, one per line; ``Year 6=-`` is no role (R59a).

Owns how a role is named there: by its name, and by ``type/name`` where several types share it. Each becomes a role of its own type.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Role

#: What stands for no role.
NONE = "-"


def read(session: Session, lines: Iterable[str]) -> dict[int, int | None]:
    """Return what becomes of which role, by their ids.

    :raises Invalid: with a sentence for each line that cannot be meant.
    """
    known = _by_word(session)
    found: dict[int, int | None] = {}
    wrong: list[str] = []
    for line in lines:
        try:
            old, new = _pair(line, known)
            if old.id in found:
                raise Invalid(f"What becomes of {old.name} is said twice.")
            found[old.id] = _checked(old, new)
        except Invalid as error:
            wrong.append(str(error))
    if wrong:
        raise Invalid(wrong[0], fields={"map": wrong})
    return found


def write(session: Session, roles: Mapping[int, int | None]) -> list[str]:
    """Return the lines that :func:`read` reads, one for each role whose fate is said."""
    words = words_of(session)
    return [f"{words[old]}={NONE if new is None else words[new]}" for old, new in roles.items()]


def words_of(session: Session) -> dict[int, str]:
    """The word of every role: its name, with its type before it where another type has a role of that name."""
    rows = session.execute(select(Role.id, Role.name, Role.name_key, Role.user_type)).all()
    shared = Counter(row.name_key for row in rows)
    return {row.id: row.name if shared[row.name_key] == 1 else f"{row.user_type}/{row.name}" for row in rows}


def _by_word(session: Session) -> dict[str, list[Role]]:
    found: dict[str, list[Role]] = {}
    for role in session.scalars(select(Role).order_by(Role.user_type, Role.name_key)):
        for word in (role.name, f"{role.user_type}/{role.name}"):
            found.setdefault(_key(word), []).append(role)
    return found


def _pair(line: str, known: Mapping[str, Sequence[Role]]) -> tuple[Role, Role | None]:
    cuts = [at for at, character in enumerate(line) if character == "="]
    if not cuts:
        raise Invalid(f"“{line[:60]}” has no equals sign.", hint="Write old=new, such as Year 1=Year 2, or old=- for no role.")
    # A name may have an equals sign in it: the cut that leaves two names is meant.
    at = next((at for at in cuts if _key(line[:at]) in known and (_is_none(line[at + 1 :]) or _key(line[at + 1 :]) in known)), cuts[0])
    old = _one(line[:at], known)
    return old, None if _is_none(line[at + 1 :]) else _one(line[at + 1 :], known)


def _one(word: str, known: Mapping[str, Sequence[Role]]) -> Role:
    found = known.get(_key(word), ())
    if len(found) == 1:
        return found[0]
    shown = " ".join(word.split())[:100]
    if found:
        ways = " or ".join(f"{role.user_type}/{role.name}" for role in found)
        raise Invalid(f"Several types have a role {shown}.", hint=f"Write {ways}.")
    near = get_close_matches(_key(word), known, 1)
    raise Invalid(f"There is no role {shown}.", hint=f"Did you mean {known[near[0]][0].name}?" if near else "")


def _checked(old: Role, new: Role | None) -> int | None:
    if new is None:
        return None
    if new.user_type != old.user_type:
        kinds = [USER_TYPES[each.user_type].lower() for each in (old, new)]
        raise Invalid(f"{old.name} is a role of {kinds[0]} and {new.name} one of {kinds[1]}.", hint="A role becomes one of the same type.")
    if not new.active:
        raise Invalid(f"The role {new.name} is not active.", hint="Activate it, or choose another.")
    return new.id


def _is_none(word: str) -> bool:
    return word.strip() == NONE


def _key(word: str) -> str:
    return " ".join(word.split()).casefold()
