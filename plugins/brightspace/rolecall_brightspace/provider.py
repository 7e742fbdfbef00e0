"""The Brightspace provider: the verbs core asks for, each for one account or one class.

Owns the mapping from an account to a user's attributes. How users are found is `users`, roles and members are `enrolments`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import NotFound, Permanent
from rolecall.sdk import AccountSnapshot, Attributes, CheckLine, ClassSnapshot, Limits, Member, Provider, Remote, Secret
from rolecall_brightspace import checks, courses, enrolments, users
from rolecall_brightspace.client import Client, Row, known_number, number_of, object_of
from rolecall_brightspace.settings import BrightspaceSettings, class_roles, organisation_roles

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class BrightspaceProvider(Provider):
    """Users, organisation roles and course offerings of one Brightspace site."""

    id: ClassVar[str] = "brightspace"
    label: ClassVar[str] = "Brightspace"
    sign_in_attribute: ClassVar[str | None] = "UserName"
    guide: ClassVar[str] = resources.files("rolecall_brightspace").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        concurrency=4,
        rate=40,  # 50,000 credits a minute at 10 a call are 83 calls a second; half of it, and the answers say what is left
        settling=timedelta(0),  # what was written is found at once; only UniqueIdentifier lags, which nothing here reads
        calls=16,  # look up by key, name and e-mail, create, look up again, read and write, role with its proof, open
    )
    settings_schema = BrightspaceSettings
    mapping = users.MAPPING
    matched_by = ("UserName",)

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.client = Client(http, settings)
        self.roles = organisation_roles(settings)
        self.class_roles = class_roles(settings)
        self.keeps_roles = bool(settings.get("keep_roles", True))

    def check(self) -> Iterable[CheckLine]:
        """Try the key, the token, and every scope, permission and role that is needed, changing nothing (R54)."""
        return checks.lines(self.client, self.settings)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what Brightspace should hold: the mapped fields, our key, and the organisation role of the user type."""
        wanted: dict[str, str | None] = {**self.mapped(account), users.KEY: account.key}
        if self.keeps_roles and account.type in self.roles:
            wanted[users.ROLE] = str(self.roles[account.type])
        return wanted

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by user name, then by e-mail where the settings allow it (R64)."""
        row = users.find(self.client, self.attributes(account), by_email=bool(self.settings.get("match_email", False)))
        if row is None:
            return None
        remote = users.remote_of(row)
        if not self.keeps_roles:
            return remote
        role = enrolments.organisation_role(self.client, number_of(row, "OrgId"), number_of(row, "UserId"))
        return _with_role(remote, role)

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account with the role of its user type; raise ``Conflict`` when its user name is taken."""
        if account.type not in self.roles:
            raise Permanent(
                f"No organisation role is set for the user type {account.type}, and Brightspace makes no user without one.",
                hint="Enter it under “Organisation roles” in the integration's settings.",
            )
        row = users.create(self.client, wanted, self.roles[account.type], password, self.settings)
        return Remote(external_id=str(row["UserId"]), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user is gone, ``Conflict`` when the user name is taken."""
        number = known_number(external_id, "user")
        fields = {name: value for name, value in changes.items() if name in users.PLAIN}
        row: Row = users.update(self.client, number, fields) if fields else object_of(self.client.get(f"users/{number}"))
        if users.ROLE in changes:
            enrolments.give_role(self.client, number_of(row, "OrgId"), number, int(str(changes[users.ROLE])))

    def suspend(self, external_id: str) -> None:
        """Close the account and sign it out everywhere."""
        users.activate(self.client, known_number(external_id, "user"), active=False)

    def resume(self, external_id: str) -> None:
        """Open a suspended account again."""
        users.activate(self.client, known_number(external_id, "user"), active=True)

    def delete(self, external_id: str) -> None:
        """Delete the user for good, which the API cannot undo; raise ``NotFound`` when that was done already."""
        self.client.delete(f"users/{known_number(external_id, 'user')}")

    def accounts(self) -> Iterator[Remote]:
        """Walk every user that the app may see, each once, with the organisation roles."""
        roles: dict[int, int] | None = None
        for row in users.everybody(self.client):
            remote = users.remote_of(row)
            if self.keeps_roles:
                if roles is None:
                    roles = enrolments.organisation_roles(self.client, number_of(row, "OrgId"))
                remote = _with_role(remote, roles.get(number_of(row, "UserId")))
            yield remote

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what the course of a class should be (R60a)."""
        return courses.attributes(school_class)

    def class_role(self, role: str) -> str:
        """Return what somebody is in a course: without a role of their own, assistants are teachers."""
        return "teacher" if role == "assistant" and role not in self.class_roles else role

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look the course up by its code."""
        return courses.find(self.client, school_class)

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create the course from the template of the settings."""
        return courses.create(self.client, school_class, wanted, self.settings)

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change the course, and open it again if it was closed."""
        courses.change(self.client, known_number(external_id, "course"), changes, active=True)

    def archive_class(self, external_id: str) -> None:
        """Close the course; what people made in it stays."""
        with suppress(NotFound):
            courses.change(self.client, known_number(external_id, "course"), {}, active=False)

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is enrolled with one of our roles."""
        return enrolments.members(self.client, known_number(external_id, "course"), self.class_roles)

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Enrol people in the course."""
        enrolments.add(self.client, known_number(external_id, "course"), members, self.class_roles)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out of the course."""
        enrolments.remove(self.client, known_number(external_id, "course"), members)


def _with_role(remote: Remote, role: int | None) -> Remote:
    return replace(remote, attributes={**remote.attributes, users.ROLE: str(role) if role is not None else None})
