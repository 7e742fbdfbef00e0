"""Real people to try a formula of user names on: other scripts and equal names first, because that is where formulas surprise (R49)."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import formula as formulas
from rolecall.accounts import usernames
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.folding import fold, scripts
from rolecall.store.tables import Person

SAMPLES = 20
#: People that are looked at to find telling ones.
_LOOKED_AT = 500


def sample(session: Session, user_type: str, limit: int = SAMPLES) -> list[Person]:
    """Return people whose accounts have this type: by turns one of another script, one whose name others share, and anybody."""
    people_list = {each: name for name, each in TYPE_OF_LIST.items()}.get(user_type, "employees")
    people = session.scalars(select(Person).where(Person.list == people_list).order_by(Person.id).limit(_LOOKED_AT)).all()
    keys = [fold(f"{each.first_name} {each.last_name}") for each in people]
    doubles = {key for key, times in Counter(keys).items() if times > 1}
    foreign = [each for each, key in zip(people, keys, strict=True) if not scripts(f"{each.first_name}{each.last_name}") <= {"LATIN"}]
    shared = [each for each, key in zip(people, keys, strict=True) if key in doubles]
    chosen: dict[int, Person] = {}
    groups: list[list[Person]] = [foreign, sorted(shared, key=lambda each: fold(f"{each.first_name} {each.last_name}")), list(people)]
    while len(chosen) < limit and any(groups):
        for group in groups:
            while group and group[0].id in chosen:
                group.pop(0)
            if group and len(chosen) < limit:
                first = group.pop(0)
                chosen[first.id] = first
    return sorted(chosen.values(), key=lambda each: each.id)


def preview(session: Session, user_type: str, formula: str, limit: int = SAMPLES) -> Sequence[tuple[Person, str]]:
    """Return sample people with the user names that the formula would give them now; nothing is claimed.

    :raises Invalid: when the formula cannot be read.
    """
    formulas.parse(formula)
    people = sample(session, user_type, limit)
    names = usernames.propose(session, people, {user_type: formula}, types={each.id: user_type for each in people})
    return [(each, names[each.id]) for each in people]
