"""What the fake site holds: users, cohorts, courses, tokens. Optionally kept in a SQLite file, written before each answer."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ALL_RIGHTS = frozenset(
    {
        "webservice/rest:use",
        "moodle/user:create",
        "moodle/user:update",
        "moodle/user:delete",
        "moodle/user:viewdetails",
        "moodle/user:viewalldetails",
        "moodle/site:viewuseridentity",
        "moodle/site:viewfullnames",
        "moodle/cohort:manage",
        "moodle/cohort:view",
        "moodle/cohort:assign",
        "moodle/course:view",
        "moodle/course:viewhiddencourses",
        "moodle/course:create",
        "moodle/course:update",
        "moodle/course:changefullname",
        "moodle/course:changeshortname",
        "moodle/course:changeidnumber",
        "moodle/course:visibility",
        "moodle/course:viewparticipants",
        "moodle/course:managegroups",
        "enrol/manual:enrol",
        "enrol/manual:unenrol",
        "moodle/role:assign",
    }
)

User = dict[str, Any]

#: Fields of a user by which others are looked for.
INDEXED = ("username", "email", "idnumber")


@dataclass(slots=True, kw_only=True)
class Token:
    """A key to the web service: whose it is, what that user may do, until when, and from where."""

    user: int
    rights: frozenset[str] = ALL_RIGHTS
    #: Functions of the service; none means all that the fake knows.
    functions: frozenset[str] | None = None
    #: A moment in seconds since 1970 after which the token is void.
    expires: float | None = None
    #: Whether calls come from an address that the token is bound to.
    address_allowed: bool = True


def fold(text: str) -> str:
    """Return what a comparison without case and accents looks at."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)).casefold()


def scramble(word: str) -> str:
    """Return what is kept of a password."""
    return hashlib.sha256(word.encode()).hexdigest()


class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    def __init__(self, clock: Callable[[], float], *, file: str | None = None) -> None:
        self.clock = clock
        self.users: dict[int, User] = {}
        self.cohorts: dict[int, dict[str, Any]] = {}
        #: With who is enrolled in which roles, by user id as text, and with their groups.
        self.courses: dict[int, dict[str, Any]] = {}
        #: Made when the site was, and by hand.
        self.categories: dict[int, dict[str, Any]] = {1: {"id": 1, "name": "Category 1", "idnumber": None}}
        self.tokens: dict[str, Token] = {}
        #: Addresses to which a password was mailed, in order.
        self.mails: list[str] = []
        self._next = {"user": 1, "cohort": 1, "course": 2, "group": 1}
        self._index: dict[str, dict[str, set[int]]] = {name: {} for name in INDEXED}
        self._changed: set[tuple[str, int]] = set()
        self._file: sqlite3.Connection | None = None
        if file is not None:
            self._open(file)

    def _open(self, file: str) -> None:
        self._file = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS kept (kind TEXT, id INTEGER, body TEXT, PRIMARY KEY (kind, id))")
        for kind, number, body in self._file.execute("SELECT kind, id, body FROM kept ORDER BY kind, id"):
            row = json.loads(body)
            if kind == "user":
                self.put_user(row)
            elif kind == "cohort":
                self.cohorts[number] = row
            elif kind == "course":
                self.courses[number] = row
            else:
                self._next |= row
        self._changed.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def commit(self) -> None:
        """Write what changed to the file, so that it survives the process."""
        if self._file is not None and self._changed:
            kept = {"user": self.users, "cohort": self.cohorts, "course": self.courses}
            tables: dict[str, dict[int, Any]] = {**kept, "next": {0: self._next}}
            self._changed.add(("next", 0))
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
                [(kind, number, json.dumps(tables[kind][number])) for kind, number in self._changed],
            )
            self._file.execute("COMMIT")
        self._changed.clear()

    def number(self, kind: str) -> int:
        """Return the next id; it is used up even when what it was for is rolled back."""
        number = self._next[kind]
        self._next[kind] = number + 1
        self._changed.add(("next", 0))
        return number

    def put_user(self, user: User) -> None:
        """Store a user, new or changed."""
        number = user["id"]
        old = self.users.get(number)
        for name in INDEXED:
            if old is not None:
                self._index[name].get(fold(str(old[name])), set()).discard(number)
            self._index[name].setdefault(fold(str(user[name])), set()).add(number)
        self.users[number] = user
        self._changed.add(("user", number))

    def put_cohort(self, cohort: dict[str, Any]) -> None:
        """Store a cohort with its members, new or changed."""
        self.cohorts[cohort["id"]] = cohort
        self._changed.add(("cohort", cohort["id"]))

    def put_course(self, course: dict[str, Any]) -> None:
        """Store a course with its people and groups, new or changed."""
        self.courses[course["id"]] = course
        self._changed.add(("course", course["id"]))

    def like(self, name: str, value: str) -> Iterator[User]:
        """Yield the users whose field equals the value but for case and accents, by id."""
        for number in sorted(self._index[name].get(fold(value), ())):
            yield self.users[number]

    def living(self) -> Iterator[User]:
        """Yield the users that were not deleted, by id."""
        return (user for _, user in sorted(self.users.items()) if not user["deleted"])

    def new_user(self, **fields: Any) -> User:
        """Return a user with Moodle's defaults, not stored yet."""
        return {
            "username": "", "firstname": "", "lastname": "", "email": "", "idnumber": "", "auth": "manual",
            "suspended": False, "lang": "en", "city": "", "country": "", "department": "", "institution": "",
            "timezone": "99", "password": "", "customfields": {}, "preferences": {}, "deleted": False, **fields,
        }  # fmt: skip

    def delete_user(self, user: User) -> None:
        """Delete as Moodle does: the row stays under another name, and only the missing ``@`` tells."""
        now = int(self.clock())
        digest = hashlib.md5(user["username"].encode(), usedforsecurity=False).hexdigest()
        self.put_user({**user, "username": f"{user['email']}.{now}", "email": digest, "idnumber": "", "deleted": True})
        for cohort in self.cohorts.values():
            if user["id"] in cohort["members"]:
                self.put_cohort({**cohort, "members": [member for member in cohort["members"] if member != user["id"]]})
        for course in self.courses.values():
            if str(user["id"]) in course["enrolled"]:
                enrolled = {who: roles for who, roles in course["enrolled"].items() if who != str(user["id"])}
                groups = [{**each, "members": [who for who in each["members"] if who != user["id"]]} for each in course["groups"]]
                self.put_course({**course, "enrolled": enrolled, "groups": groups})
