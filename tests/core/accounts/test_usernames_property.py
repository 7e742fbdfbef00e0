"""What holds for the user names of any ten thousand people, whatever they write with (R21, R49)."""

import random
from dataclasses import dataclass
from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from rolecall.accounts import usernames
from rolecall.sdk.words import USER_TYPES
from rolecall.store.engine import Database
from rolecall.store.tables import UsernameClaim

MANY = 10_000
#: Letters by script, with languages that spell them in Latin; small enough that names are often equal.
SCRIPTS = {
    "latin": ("aeioulnrståéîøüçñłšžÆÖßIıŞ'- ", ("de", "fr", "tr", "da", None)),
    "greek": ("αεηιουωγκλμνπρστχψάέϊΰΓΜΞΣς ", ("el", None)),
    "cyrillic": ("аеиоуйьъюягжзклмнрстхчщіїєґЩЮЄљћ'", ("ru", "uk", "bg", "sr", None)),
    "unvowelled": ("ابتحدرسعفقكلمنهويאבגדהולמנרשת", ("ar", "he", None)),
}
FORMATS = dict.fromkeys(USER_TYPES, "{first:1}{last:8}{n}")
LISTS = ("students", "teachers", "employees", "guardians", "alumni")


@dataclass(frozen=True)
class Somebody:
    """What a formula looks at."""

    id: int
    list: str
    code: str
    first_name: str
    last_name: str
    email: str | None
    language: str | None


def _crowd(chance: random.Random, first_id: int) -> list[Somebody]:
    people = []
    for number in range(first_id, first_id + MANY):
        letters, languages = SCRIPTS[chance.choice(list(SCRIPTS))]
        first, last = ("".join(chance.choices(letters, k=chance.randrange(0, 7))).strip() for _ in range(2))
        # Codes are unique; some are nothing that a user name could be made of.
        code = chance.choice((f"S-{number}", f"№{number}", f"Ψ{number}", "!" * (number % 90 + 1) + f"/{number}"))
        people.append(Somebody(number, chance.choice(LISTS), code, first, last, None, chance.choice(languages)))
    return people


@given(seed=st.integers(min_value=0))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ten_thousand_names_are_unique_usable_stable_and_never_given_again(db: Database, noon: datetime, seed: int) -> None:
    with db.write() as session:
        before = set(session.scalars(select(UsernameClaim.key)))
        people = _crowd(random.Random(seed), first_id=1 + len(before))

        proposed = usernames.propose(session, people, FORMATS)
        again = usernames.propose(session, people, FORMATS)
        given_out = usernames.reserve(session, people, FORMATS, now=noon)
        after = usernames.reserve(session, people[:500], FORMATS, now=noon)

        assert proposed == again == given_out
        assert set(given_out) == {each.id for each in people}
        keys = [name.casefold() for name in (*given_out.values(), *after.values())]
        assert len(set(keys)) == len(keys) == MANY + 500
        assert not set(keys) & before
        for name in given_out.values():
            assert name.strip()
            assert usernames.check(name) == (name, name.casefold())
        assert session.scalar(select(func.count()).select_from(UsernameClaim)) == len(before) + len(keys)


@given(seed=st.integers(min_value=0), taken=st.integers(min_value=1, max_value=40))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_comes_later_does_not_change_the_names_of_who_was_there(db: Database, noon: datetime, seed: int, taken: int) -> None:
    with db.read() as session:
        crowd = _crowd(random.Random(seed), first_id=1)[:60]

        alone = usernames.propose(session, crowd[:taken], FORMATS)
        together = usernames.propose(session, crowd, FORMATS)

        assert {each: together[each] for each in alone} == alone
