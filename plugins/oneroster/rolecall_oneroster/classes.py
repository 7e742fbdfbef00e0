"""Classes and enrolments of OneRoster 1.1 and 1.2 and of School Data Sync v2 and v2.1: classes.csv and enrollments.csv.

Classes are held, a code and a period each; enrolments are streamed, and of each a hash is held so that nobody is in a class twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord
from rolecall.sdk.tabular import BadRow
from rolecall_oneroster.files import RosterFiles
from rolecall_oneroster.roles import role_in_class
from rolecall_oneroster.sessions import Sessions

CLASSES, ENROLMENTS = "classes.csv", "enrollments.csv"
#: OneRoster calls them terms and School Data Sync sessions; a cell may name several.
_SESSIONS = ("termsourcedids", "sessionsourcedids")
CLASS_COLUMNS = ("sourcedid", "status", "title", *_SESSIONS)
ENROLMENT_COLUMNS = ("status", "classsourcedid", "usersourcedid", "role")
_ENDED = ("tobedeleted", "inactive")
#: Whose list somebody is in who is not in users.csv, as in a file of changes.
_LIKELY = {"student": "students", "teacher": "teachers", "assistant": "teachers"}


class ClassesReader:
    """Reads the classes of a roster. ``list_of`` tells the list of a user, empty for nobody that the files know."""

    def __init__(self, files: RosterFiles, list_of: Callable[[str], str]) -> None:
        self._files = files
        self._list_of = list_of
        self._sessions = Sessions(files)
        self._repeated = 0
        self._other_roles: dict[str, int] = {}

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        """Yield each class once, in the shortest period that holds all of its terms."""
        seen: set[str] = set()
        if CLASSES not in self._files:
            return
        with self._files.table(CLASSES, only=CLASS_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                    continue
                code, name = row.values["sourcedid"].strip(), row.values["title"].strip()
                if not code or code in seen:
                    message = "The sourcedId is in an earlier row already." if code else "The sourcedId is empty: the class is known by it."
                    yield BadRecord(row=row.number, file=table.name, code=code[:100], message=message)
                    continue
                seen.add(code)
                active = row.values.get("status", "").strip().lower() not in _ENDED
                yield ClassRecord(
                    row=row.number, file=table.name, code=code, name=name or None, period=self._periods.get(code), active=active
                )

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        """Yield who is in which class; who is no longer in one comes last, unless another row says that they are."""
        self._repeated, self._other_roles = 0, {}
        if ENROLMENTS not in self._files:
            return
        seen: set[int] = set()
        ended: dict[int, MembershipRecord] = {}
        with self._files.table(ENROLMENTS, only=ENROLMENT_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                    continue
                code, user, word = (row.values[column].strip() for column in ENROLMENT_COLUMNS[1:])
                if not code or not user:
                    yield BadRecord(row=row.number, file=table.name, code=user[:100], message="The enrolment names no class or no user.")
                    continue
                role = role_in_class(word)
                if not role:
                    self._other_roles[word] = self._other_roles.get(word, 0) + 1
                    continue
                active = row.values.get("status", "").strip().lower() not in _ENDED
                record = MembershipRecord(
                    row=row.number, file=table.name, class_code=code, period=self._periods.get(code),
                    person=(self._list_of(user) or _LIKELY[role], user), role=role, active=active,
                )  # fmt: skip
                key = hash((code, user))
                if not active:
                    ended.setdefault(key, record)
                elif key in seen:
                    self._repeated += 1
                else:
                    seen.add(key)
                    yield record
        yield from (record for key, record in ended.items() if key not in seen)

    def notes(self) -> Iterator[str]:
        """Yield sentences about what was left out; complete once everything has been read."""
        if self._spread:
            yield f"{self._spread:,} classes are in terms that no period holds together: they are put into the one that begins first."
        if self._repeated:
            yield f"{self._repeated:,} enrolments repeat somebody in a class and are read once, with the role of the first."
        for word, count in self._other_roles.items():
            yield f"{count:,} enrolments as {word[:40] or '(empty)'} are left out: they neither learn nor teach."

    @cached_property
    def _placed(self) -> tuple[dict[str, str], int]:
        """The period of each class that names one, and how many are in several that no period holds."""
        periods: dict[str, str] = {}
        spread = 0
        if CLASSES in self._files:
            with self._files.table(CLASSES, only=CLASS_COLUMNS) as table:
                for row in table:
                    if isinstance(row, BadRow):
                        continue
                    cell = next((text for column in _SESSIONS if (text := row.values.get(column, "").strip())), "")
                    period, whole = self._sessions.period_of([word.strip() for word in cell.split(",") if word.strip()])
                    code = row.values["sourcedid"].strip()
                    if period and code not in periods:
                        periods[code] = period
                        spread += not whole
        return periods, spread

    @property
    def _periods(self) -> dict[str, str]:
        return self._placed[0]

    @property
    def _spread(self) -> int:
        return self._placed[1]
