"""A formula of user names tried on real people: other scripts and equal names first, because that is where formulas surprise (R49)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import formula as formulas
from rolecall.accounts import usernames
from rolecall.accounts.usernames import Foreseen
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.folding import scripts
from rolecall.store.tables import Person

SAMPLES = 20
#: People that are looked at: enough to know what a formula does, few enough to do it while somebody types.
LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One person and the user name that they would get."""

    first_name: str
    last_name: str
    code: str
    language: str | None
    foreseen: Foreseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a formula would do with the first ``looked_at`` of all ``total`` people of a type, in numbers and in examples."""

    samples: Sequence[Sample]
    total: int
    looked_at: int
    numbered: int
    of_code: int
    cut: int

    @property
    def sentence(self) -> str:
        """The numbers in words, and whether everybody was looked at."""
        people = "1 person" if self.looked_at == 1 else f"{self.looked_at:,} people"
        of = people if self.looked_at == self.total else f"the first {people} of {self.total:,}"
        told = [
            f"{count:,} {one if count == 1 else many}"
            for count, one, many in (
                (self.numbered, "gets a number", "get a number"),
                (self.of_code, "falls back to the code", "fall back to the code"),
                (self.cut, "is cut", "are cut"),
            )
            if count
        ]
        return f"Of {of}, {', '.join(told)}." if told else f"Of {of}, everybody gets the name as it is."


def preview(session: Session, user_type: str, formula: str, *, limit: int = SAMPLES, most: int = LOOKED_AT) -> Preview:
    """Say what user names the formula would make if none of these people had an account yet; nothing is claimed.

    :raises Invalid: when the formula cannot be read.
    """
    formulas.parse(formula)
    theirs = Person.list == {each: name for name, each in TYPE_OF_LIST.items()}.get(user_type, "employees")
    total = session.scalar(select(func.count()).select_from(Person).where(theirs)) or 0
    columns = (Person.id, Person.list, Person.code, Person.first_name, Person.last_name, Person.email, Person.language)
    people = session.execute(select(*columns).where(theirs).order_by(Person.id).limit(most)).all()
    made = usernames.foresee(session, people, formula, user_type)
    return Preview(
        samples=[
            Sample(first_name=each.first_name, last_name=each.last_name, code=each.code, language=each.language, foreseen=made[each.id])
            for each in _telling(people, made, limit)
        ],
        total=total,
        looked_at=len(people),
        numbered=sum(each.number > 1 for each in made.values()),
        of_code=sum(each.of_code for each in made.values()),
        cut=sum(each.cut for each in made.values()),
    )


def _telling(people: Sequence[Any], made: dict[int, Foreseen], limit: int) -> list[Any]:
    """By turns somebody of another script, whose name others share, whose code it is, whose name is cut, and anybody."""
    times = Counter(each.plain for each in made.values())
    groups: list[list[Any]] = [
        [each for each in people if not scripts(f"{each.first_name}{each.last_name}") <= {"LATIN"}],
        sorted(
            (each for each in people if times[made[each.id].plain] > 1 or made[each.id].number > 1), key=lambda each: made[each.id].plain
        ),
        [each for each in people if made[each.id].of_code],
        [each for each in people if made[each.id].cut],
        list(people),
    ]
    chosen: dict[int, Any] = {}
    walks = [iter(group) for group in groups]
    while len(chosen) < min(limit, len(people)):
        for walk in walks:
            following = next((each for each in walk if each.id not in chosen), None)
            if following is not None and len(chosen) < limit:
                chosen[following.id] = following
    return sorted(chosen.values(), key=lambda each: (made[each.id].plain, each.id))
