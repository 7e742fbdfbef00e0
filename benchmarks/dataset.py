"""The school that benchmarks measure on: deterministic, of any size, written through SQL.

52 % students, 28 % guardians, 6 % teachers, 6 % alumni, 4 % staff, 2 % partners, 1 % agents, 1 % administrators; four periods, three
roles a type, 1.96 roles a person; 95 % active, 70 % verified, 36 % never signed in, 3 % pending, 2 % deleted; skewed first names and
4,000 family names, a fifth of them Greek and a tenth Cyrillic.
"""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store import listing, schema
from rolecall.store.bulk import chunks
from rolecall.store.engine import Database
from rolecall.store.latin import to_latin
from rolecall.store.tables import (
    Account,
    Link,
    Period,
    Person,
    PluginState,
    Role,
    RolePeriod,
    StudentStatus,
    UsernameClaim,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHARES = {"student": 52, "guardian": 28, "teacher": 6, "alumni": 6, "staff": 4, "partner": 2, "agent": 1, "administrator": 1}
PERIODS = ("2022", "2023", "2024", "2025")
#: How many of the people have a role in each period: 1.96 on average.
HAVING = (0.21, 0.40, 0.60, 0.75)
ROLES = ("main", "guest", "limited")
_LISTS = {user_type: name for name, user_type in TYPE_OF_LIST.items()} | {"administrator": "employees"}
_FIRST = {
    "en": ["Maria", "Anna", "John", "Emma", "Paul", "Laura", "Peter", "Sofia", "Mark", "Clara", "Leo", "Ida", "Nils", "Zoe", "Max", "Eva"],
    "el": ["Γιώργος", "Μαρία", "Κώστας", "Ελένη", "Νίκος", "Κατερίνα", "Δημήτρης", "Βασιλική", "Ευάγγελος", "Χρήστος"],
    "uk": ["Олександр", "Марія", "Юрій", "Оксана", "Андрій", "Ганна", "Євген", "Ірина"],
}
_SYLLABLES = {
    "en": ("mar", "ton", "ber", "son", "lin", "field", "wood", "hal", "ker", "den", "ros", "ford", "win", "ley", "stan", "gate"),
    "el": ("παπα", "δο", "που", "λος", "γεωρ", "γιου", "αντω", "νιά", "δης", "μαρ", "κου", "τσι", "λά", "κης"),
    "uk": ("шев", "чен", "ко", "бон", "дар", "ів", "ська", "гри", "го", "рен", "кул", "ко", "пет", "рук"),
}


def build(db: Database, people: int) -> None:
    """Fill an empty migrated database with a school of ``people`` people, all of them with accounts and list rows."""
    chance = random.Random(2026)
    with db.write() as session:
        roles = _frame(session)
        types = chance.choices(list(SHARES), list(SHARES.values()), k=people)
        family = {language: [_family(chance, language) for _ in range(4_000)] for language in _FIRST}
        rows = [_somebody(chance, n, user_type, family) for n, user_type in enumerate(types, 1)]
        for part in chunks(rows):
            _write(session, part)
        given = [
            {"account_id": n, "period_id": period, "role_id": roles[user_type][_skewed(chance, 3)], "enabled": True, "created_at": NOON}
            for n, user_type in enumerate(types, 1)
            for period, share in enumerate(HAVING, 1)
            if chance.random() < share
        ]
        session.connection().execute(insert(RolePeriod.__table__), given)
        links = [
            {
                "account_id": n, "provider": "moodle", "goal": "present", "external_id": str(n), "synced": 1,
                "wanted": 2 if chance.random() < 0.03 else 1, "attempts": 0, "fence": 0, "blocked": False, "changed_at": NOON,
            }
            for n in range(1, people + 1)
        ]  # fmt: skip
        session.connection().execute(insert(Link.__table__), links)
        listing.refresh(session, select(Account.id))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def school(people: int) -> Iterator[Database]:
    """A copy of the school on SQLite, thrown away afterwards; the first of a size in a process takes a while to make."""
    with tempfile.TemporaryDirectory(prefix="rolecall-bench-") as folder:
        file = Path(folder) / "rolecall.db"
        shutil.copyfile(_made(people), file)
        db = Database(f"sqlite:///{file}")
        try:
            yield db
        finally:
            db.close()


_folder = tempfile.TemporaryDirectory(prefix="rolecall-bench-")


@cache
def _made(people: int) -> Path:
    file = Path(_folder.name) / f"{people}.db"
    db = Database(f"sqlite:///{file}")
    schema.upgrade(db)
    build(db, people)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return file


def _frame(session: Session) -> dict[str, list[int]]:
    session.add(StudentStatus(label="Registered", label_key="registered", type="registered", provider_action="create"))
    session.merge(PluginState(plugin="moodle", enabled=True, is_provider=True))
    for number, code in enumerate(PERIODS):
        year = int(code)
        session.add(
            Period(
                code=code, code_key=code, name=f"{year}/{year + 1}", starts_on=date(year, 9, 1), ends_on=date(year + 1, 8, 31),
                is_current=number == len(PERIODS) - 1,
            )
        )  # fmt: skip
    roles: dict[str, list[int]] = {}
    for user_type in SHARES:
        made = [Role(name=f"{user_type}-{each}", name_key=f"{user_type}-{each}", user_type=user_type) for each in ROLES]
        session.add_all(made)
        session.flush()
        roles[user_type] = [role.id for role in made]
    return roles


def _somebody(chance: random.Random, n: int, user_type: str, family: dict[str, list[str]]) -> dict[str, object]:
    language = chance.choices(("en", "el", "uk"), (70, 20, 10))[0]
    first = _FIRST[language][_skewed(chance, len(_FIRST[language]))]
    last = family[language][chance.randrange(4_000)]
    username = f"{to_latin(first, language)[:1]}{to_latin(last, language)[:12]}{n}".lower().replace("'", "")
    return {
        "n": n,
        "type": user_type,
        "first": first,
        "last": last,
        "language": language,
        "username": username,
        "active": chance.random() < 0.95,
        "verified": chance.random() < 0.70,
        "login": NOON if chance.random() >= 0.36 else None,
        "deleted": NOON if chance.random() < 0.02 else None,
        "key": str(UUID(int=chance.getrandbits(128), version=4)),
    }


def _write(session: Session, rows: list[dict[str, object]]) -> None:
    connection = session.connection()
    email = {row["n"]: f"{row['username']}@home.example" for row in rows}
    people = [
        {
            "id": row["n"], "list": _LISTS[str(row["type"])], "code": f"C{row['n']:07}", "code_key": f"c{row['n']:07}",
            "first_name": row["first"], "last_name": row["last"], "email": email[row["n"]], "phone": f"+30 69{row['n']:08}",
            "language": row["language"], "active": True,
            "status_id": 1 if row["type"] == "student" else None, "no_sync": False, "search": "", "version": 1, "created_at": NOON,
            "updated_at": NOON,
        }
        for row in rows
    ]  # fmt: skip
    accounts = [
        {
            "id": row["n"], "key": row["key"], "person_id": row["n"], "type": row["type"], "username": row["username"],
            "username_key": row["username"], "email": email[row["n"]], "email_key": email[row["n"]], "email_verified": row["verified"],
            "first_name": row["first"], "last_name": row["last"], "active": row["active"], "deleted_at": row["deleted"],
            "must_change_password": False, "is_owner": False, "last_login_at": row["login"], "version": 1, "created_at": NOON,
        }
        for row in rows
    ]  # fmt: skip
    claims = [{"key": row["username"], "username": row["username"], "account_id": row["n"], "claimed_at": NOON} for row in rows]
    connection.execute(insert(Person.__table__), people)
    connection.execute(insert(Account.__table__), accounts)
    connection.execute(insert(UsernameClaim.__table__), claims)


def _family(chance: random.Random, language: str) -> str:
    return "".join(chance.choice(_SYLLABLES[language]) for _ in range(chance.randint(2, 4))).capitalize()


def _skewed(chance: random.Random, of: int) -> int:
    """A number below ``of``, small ones far more often: seven of ten are the first where there are three."""
    return min(int(chance.paretovariate(1.1)) - 1, of - 1) if of > 3 else chance.choices(range(of), (70, 20, 10))[0]
