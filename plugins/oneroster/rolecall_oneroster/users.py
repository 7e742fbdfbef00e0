"""Reads the formats that are built around users.csv: OneRoster 1.1 and 1.2, School Data Sync v2 and v2.1.

They differ in where the role stands (users.csv, or roles.csv with one row a role) and where relations do (agentSourcedIds, or
relationships.csv). Users are streamed; the roles are held, a word and a shared value a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.sdk.tabular import BadRow, Row
from rolecall_oneroster.classes import CLASS_COLUMNS, CLASSES, ENROLMENT_COLUMNS, ENROLMENTS, ClassesReader
from rolecall_oneroster.files import RosterFiles
from rolecall_oneroster.people import notes_on_columns, person
from rolecall_oneroster.periods import SESSION_COLUMNS, periods_of_sessions
from rolecall_oneroster.roles import LIST_OF_CONTACT, Standing, list_of_contact, standing, standing_of

_FIELDS: dict[str, str | tuple[str, ...]] = {
    "first_name": "givenname",
    "last_name": "familyname",
    "email": "email",
    "phone": ("sms", "phone"),
}
_USER_COLUMNS = ("sourcedid", "status", "enableduser", "role", "givenname", "familyname", "email", "sms", "phone")
_AGENTS = "agentsourcedids"
_ROLE_COLUMNS = ("status", "usersourcedid", "role", "roletype", "isprimary")
_RELATION_COLUMNS = ("usersourcedid", "relationshipusersourcedid", "relationshiprole")
_READ = {
    "users.csv": (*_USER_COLUMNS, _AGENTS),
    "roles.csv": _ROLE_COLUMNS,
    "relationships.csv": _RELATION_COLUMNS,
    "academicsessions.csv": SESSION_COLUMNS,
    CLASSES: CLASS_COLUMNS,
    ENROLMENTS: ENROLMENT_COLUMNS,
}
#: The required columns as the formats spell them, for messages.
_SPELT = {
    "sourcedid": "sourcedId",
    "givenname": "givenName",
    "familyname": "familyName",
    "usersourcedid": "userSourcedId",
    "role": "role",
    "relationshipusersourcedid": "relationshipUserSourcedId",
    "relationshiprole": "relationshipRole",
    "classsourcedid": "classSourcedId",
    "title": "title",
    "propertyname": "propertyName",
    "value": "value",
}
_ENDED = ("tobedeleted", "inactive")
_NOT_PRIMARY = ("false", "0", "no")
#: What else somebody's agent may be called in a relation; a teacher who is one is an ``other``.
_KINDS = ("guardian", "parent", "relative", "aide")


class UsersReader:
    """Reader of one roster around users.csv; ``label`` says which format it is.

    :raises Invalid: when a file or a column is missing that the people cannot be told without.
    """

    def __init__(self, files: RosterFiles) -> None:
        self._files = files
        users = self._columns("users.csv", "sourcedid", "givenname", "familyname")
        self._agents = _AGENTS in users
        self._roles_file = "roles.csv" in files
        self._mode = self._manifest()
        if self._roles_file:
            roles = self._columns("roles.csv", "usersourcedid", "role")
            self.label = "OneRoster 1.2" if "roletype" in roles or "manifest.csv" in files else "School Data Sync v2.1"
        elif "role" in users:
            self.label = "OneRoster 1.1" if {"enableduser", "status"} & users or "manifest.csv" in files else "School Data Sync v2"
        else:
            raise Invalid(
                "There is no roles.csv and users.csv has no column role, so nobody's list can be told.",
                hint="OneRoster 1.2 and School Data Sync v2.1 need roles.csv; OneRoster 1.1 needs the column role.",
            )
        if "relationships.csv" in files:
            self._columns("relationships.csv", *_RELATION_COLUMNS)
        if CLASSES in files:
            self._columns(CLASSES, "sourcedid", "title")
        if ENROLMENTS in files:
            self._columns(ENROLMENTS, "classsourcedid", "usersourcedid", "role")
        self._lost_relations = 0
        self._classes = ClassesReader(files, lambda code: self._list(code, self._standings.get(code)))

    @property
    def is_delta(self) -> bool:
        return self._mode == "delta" or self._classes_delta

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        with self._files.table("users.csv", only=_USER_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                else:
                    yield self._person(row, table.name)

    def relations(self) -> Iterator[RelationRecord]:
        self._lost_relations = 0
        if "relationships.csv" in self._files:
            yield from self._relationships()
        if self._agents:
            yield from self._agent_relations()

    def periods(self) -> Iterator[PeriodRecord]:
        return iter(self._sessions[0])

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        return self._classes.classes()

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        return self._classes.memberships()

    def notes(self) -> Iterator[str]:
        yield f"Read as {self.label}."
        if self._mode == "delta":
            yield "users.csv holds only changes (delta): do not import it as a complete list."
        for name in self._files:
            if name.lower() in _READ:
                yield from notes_on_columns(name, self._files.columns(name.lower()), _READ[name.lower()])
        if unread := [name for name in self._files if name.lower() not in (*_READ, "manifest.csv")]:
            yield f"Not read: {', '.join(unread)}."
        yield from self._sessions[1]
        yield from self._classes.notes()
        if self._lost_relations:
            yield f"{self._lost_relations} relations are left out: they do not name a student and somebody else whose list is known."

    def _person(self, row: Row, file: str) -> PersonRecord | BadRecord:
        values = row.values
        code = values["sourcedid"].strip()
        if not code:
            return BadRecord(row=row.number, file=file, message="The sourcedId is empty: it is what a person is known by.")
        own = self._roles.get(code) if self._roles_file else standing_of(values["role"])
        list_ = self._list(code, own)
        if not list_:
            return BadRecord(row=row.number, file=file, code=code[:100], message=self._no_list(own))
        disabled = values.get("status", "").strip().lower() in _ENDED or values.get("enableduser", "").strip().lower() == "false"
        ended = own is not None and own.ended
        return person(values, _FIELDS, row=row.number, file=file, code=code, list_=list_, active=not (disabled or ended))

    def _list(self, code: str, own: Standing | None) -> str:
        return (own.list if own else "") or list_of_contact(self._contacts.get(code, ()))

    def _no_list(self, own: Standing | None) -> str:
        if own:
            return f"The role {own.role} does not say which list the person belongs to. Give them another role as well, or leave them out."
        if self._mode == "delta":
            return "roles.csv does not have this person. A file of changes (delta) may leave roles out: export everything (bulk)."
        if self._roles_file:
            return "The person has no role in roles.csv and is nobody's guardian in relationships.csv."
        return "The role is empty."

    @cached_property
    def _roles(self) -> dict[str, Standing]:
        """Each user's deciding role in roles.csv: known before unknown, current before ended, primary before secondary."""
        roles: dict[str, Standing] = {}
        for row in self._rows("roles.csv", _ROLE_COLUMNS):
            values = {column: cell.strip() for column, cell in row.values.items()}
            found = standing(
                values["role"],
                ended=values.get("status", "").lower() in _ENDED,
                secondary=values.get("roletype", "").lower() == "secondary" or values.get("isprimary", "").lower() in _NOT_PRIMARY,
            )
            code = values["usersourcedid"]
            roles[code] = min(found, roles.get(code, found))
        return roles

    @cached_property
    def _standings(self) -> dict[str, Standing]:
        """Each user's deciding role, wherever the format keeps it."""
        if self._roles_file:
            return self._roles
        with self._files.table("users.csv", only=("sourcedid", "role")) as table:
            rows = ((row.values["sourcedid"].strip(), standing_of(row.values["role"])) for row in table if isinstance(row, Row))
            return {code: own for code, own in rows if own}

    @cached_property
    def _contacts(self) -> dict[str, frozenset[str]]:
        """What each contact in relationships.csv is to students."""
        contacts: dict[str, frozenset[str]] = {}
        if "relationships.csv" in self._files:
            for _, contact, kind, _ in self._relationship_rows():
                contacts[contact] = contacts.get(contact, frozenset()) | {kind}
        return contacts

    def _relationship_rows(self) -> Iterator[tuple[str, str, str, int]]:
        for row in self._rows("relationships.csv", _RELATION_COLUMNS):
            user, contact, kind = (row.values[column].strip() for column in _RELATION_COLUMNS)
            yield user, contact, kind.lower() or "other", row.number

    def _relationships(self) -> Iterator[RelationRecord]:
        for user, contact, kind, number in self._relationship_rows():
            child = self._list(user, self._standings.get(user))
            other = self._list(contact, self._standings.get(contact))
            if child and other and user != contact and kind in LIST_OF_CONTACT:
                yield RelationRecord(person=(other, contact), child=(child, user), kind=kind, row=number, file="relationships.csv")
            else:
                self._lost_relations += 1

    def _agent_relations(self) -> Iterator[RelationRecord]:
        """Relations of agentSourcedIds, which either side or both may name: the student is the child, whoever names whom."""
        seen = set[tuple[str, str]]()
        with self._files.table("users.csv", only=("sourcedid", _AGENTS)) as table:
            # Rows that cannot be read are told by people(), which reads the same file.
            for row in (row for row in table if isinstance(row, Row)):
                user = row.values["sourcedid"].strip()
                for agent in filter(None, (word.strip() for word in row.values[_AGENTS].split(","))):
                    other, child = pair = (agent, user) if self._is_student(user) else (user, agent)
                    if pair in seen:
                        continue
                    seen.add(pair)
                    own = self._standings.get(other)
                    if own and own.list and own.list != "students" and self._is_student(child):
                        kind = own.role if own.role in _KINDS else "other"
                        yield RelationRecord(
                            person=(own.list, other), child=("students", child), kind=kind, row=row.number, file=table.name
                        )
                    else:
                        self._lost_relations += 1

    def _is_student(self, code: str) -> bool:
        own = self._standings.get(code)
        return own is not None and own.list == "students"

    @cached_property
    def _sessions(self) -> tuple[list[PeriodRecord], list[str]]:
        return periods_of_sessions(self._files) if "academicsessions.csv" in self._files else ([], [])

    def _rows(self, name: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """Yield the rows of a side table, none of which may be lost: a lost role moves a person to another list, so another key."""
        with self._files.table(name, only=columns) as table:
            for row in table:
                if isinstance(row, BadRow):
                    raise Invalid(f"{table.name}, row {row.number}: {row.message}")
                yield row

    def _columns(self, name: str, *required: str) -> set[str]:
        columns = {column.lower() for column in self._files.columns(name)}
        if missing := [column for column in required if column not in columns]:
            raise Invalid(f"{name} has no column {' and no '.join(_SPELT[column] for column in missing)}.", hint="Export the files again.")
        return columns

    def _manifest(self) -> str:
        """Return the mode of users.csv that manifest.csv tells (bulk or delta), empty without one; keep whether classes are changes."""
        self._classes_delta = False
        if "manifest.csv" not in self._files:
            return ""
        self._columns("manifest.csv", "propertyname", "value")
        rows = self._rows("manifest.csv", ("propertyname", "value"))
        told = {row.values["propertyname"].strip().lower(): row.values["value"].strip().lower() for row in rows}
        version = told.get("oneroster.version", "")
        if version not in ("1.1", "1.2"):
            raise Invalid(
                f"manifest.csv says oneroster.version {version or '(nothing)'}; Rolecall reads 1.1 and 1.2.",
                hint="Choose one of them where the files are exported.",
            )
        for name in _READ:
            if told.get(f"file.{name.removesuffix('.csv')}") in ("bulk", "delta") and name not in self._files:
                raise Invalid(f"manifest.csv announces {name}, and it is missing.", hint="Export or pack all the files again.")
        self._classes_delta = "delta" in (told.get("file.classes"), told.get("file.enrollments"))
        return told.get("file.users", "")
