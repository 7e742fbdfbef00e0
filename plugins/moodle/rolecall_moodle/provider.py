"""The Moodle provider: the verbs core asks for, each for one account, and the door to the array calls for many.

Owns the mapping from an account to Moodle's fields. How rows travel together is `batches`, how users are found is `users`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import Conflict, NotFound
from rolecall.sdk import (
    AccountSnapshot,
    Attributes,
    Change,
    CheckLine,
    ClassSnapshot,
    Limits,
    Member,
    Provider,
    Remote,
    Result,
    Secret,
    Verb,
)
from rolecall_moodle import checks, cohorts, courses, enrolments, names, users
from rolecall_moodle.batches import Courier, Step
from rolecall_moodle.client import Client
from rolecall_moodle.settings import MoodleSettings, languages

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class MoodleProvider(Provider):
    """Accounts, cohorts and courses of one Moodle site, through its REST web services."""

    id: ClassVar[str] = "moodle"
    label: ClassVar[str] = "Moodle"
    sign_in_attribute: ClassVar[str | None] = "username"
    guide: ClassVar[str] = resources.files("rolecall_moodle").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        batch=50,  # 50 users took Moodle 1.4 seconds; with 11 fields each they stay far below PHP's limit of form fields
        concurrency=2,  # a school's Moodle has few PHP workers, and its people need them
        settling=timedelta(0),  # one database: what was written is found at once
        calls=16,  # look up by three names, create, look up again, adopt, read and write cohorts
    )
    settings_schema = MoodleSettings
    matched_by = ("username", "email")

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.client = Client(http, str(settings["base_url"]), str(settings["token"]))
        self.languages = frozenset(languages(settings))
        self.cohorts = bool(settings.get("cohorts", True))
        self.roles = enrolments.role_ids(settings)

    def check(self) -> Iterable[CheckLine]:
        """Try the address, the token, and every function and right that is needed, changing nothing (R54)."""
        return checks.lines(self.client, self.settings)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what Moodle should hold: the person's names, the account's user name and e-mail, our key, the cohorts."""
        wanted: dict[str, str | frozenset[str]] = {
            "username": account.username.lower(),
            "firstname": account.person.first_name.strip(),
            "lastname": account.person.last_name.strip(),
            "idnumber": account.key,
        }
        if account.email:
            wanted["email"] = account.email.lower()
        code = names.language(account.person.language, self.languages)
        if code:
            wanted["lang"] = code
        if self.cohorts:
            wanted["groups"] = cohorts.group_keys(account)
        return wanted

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by user name, then by e-mail in any case (R64)."""
        found = users.find_all(self.client, [account]).get(account.id)
        if isinstance(found, Conflict):
            raise found
        if found is None and account.email:
            found = users.holder(self.client, None, account.email.lower())
        if found is None or not self.cohorts:
            return found
        groups = cohorts.memberships(self.client).get(int(found.external_id), frozenset())
        return replace(found, attributes={**found.attributes, "groups": groups})

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account and put it into its cohorts; raise ``Conflict`` when its user name or e-mail is taken."""
        step = Step(change=Change(link_id=0, verb=Verb.CREATE, account=account, wanted=wanted, after=wanted, password=password))
        courier = self._courier()
        courier.screen([step])
        if step.error is None:
            courier.create([step], adopting=False)
        if step.error is None:
            courier.move([step])
        number = step.done()
        return Remote(external_id=str(number), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user was deleted, ``Conflict`` when a name is taken."""
        number = user_number(external_id)
        fault = names.fault(changes)
        if fault:
            raise names.refused(fault)
        fields = {name: changes[name] for name in users.NAMES if changes.get(name) is not None}
        self._send(number, fields)
        groups = changes.get("groups")
        if isinstance(groups, frozenset):
            now = cohorts.memberships(self.client).get(number, frozenset())
            for error in cohorts.move(self.client, {number: (groups - now, now - groups)}).values():
                raise error

    def suspend(self, external_id: str) -> None:
        """Close the account: Moodle ends its sessions."""
        self._send(user_number(external_id), {"suspended": True})

    def resume(self, external_id: str) -> None:
        """Open a suspended account again."""
        self._send(user_number(external_id), {"suspended": False})

    def delete(self, external_id: str) -> None:
        """Delete the user for good; raise ``NotFound`` when that was done already."""
        self.client.write("core_user_delete_users", {"userids": [user_number(external_id)]})

    def accounts(self) -> Iterator[Remote]:
        """Walk every user that the token may see, each once, with its cohorts."""
        groups = cohorts.memberships(self.client) if self.cohorts else {}
        seen: set[str] = set()
        for row in users.everybody(self.client):
            remote = users.remote_of(row)
            if remote.external_id in seen or users.is_deleted(row) or row.get("username") == "guest":
                continue
            seen.add(remote.external_id)
            if self.cohorts:
                mine = groups.get(int(remote.external_id), frozenset())
                remote = replace(remote, attributes={**remote.attributes, "groups": mine})
            yield remote

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the cohort id of each group key, making the cohorts that are missing."""
        return {key: str(number) for key, number in cohorts.ensure(self.client, keys).items()}

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what the course of a class should be (R60a)."""
        return courses.attributes(school_class)

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look the course up by our key, then by its short name."""
        return courses.find(self.client, school_class)

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create the course in the category of the settings."""
        return courses.create(self.client, wanted, int(self.settings.get("class_category") or 1))

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change the course, and show it again if it was hidden."""
        courses.update(self.client, courses.number_of_course(external_id), {**changes, "visible": 1})

    def archive_class(self, external_id: str) -> None:
        """Hide the course; what people made in it stays."""
        with suppress(NotFound):
            courses.update(self.client, courses.number_of_course(external_id), {"visible": 0})

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is enrolled with one of our roles."""
        return enrolments.members(self.client, courses.number_of_course(external_id), self.roles)

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Enrol people, and put them into the group of the class where the settings say so."""
        number = courses.number_of_course(external_id)
        enrolments.add(self.client, number, members, self.roles)
        if self.settings.get("class_groups"):
            enrolments.group(self.client, number, members)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out of the course and its groups."""
        enrolments.remove(self.client, courses.number_of_course(external_id), members)

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out with array calls; each change has its own outcome (R64, R66)."""
        return self._courier().carry(plan)

    def _courier(self) -> Courier:
        return Courier(self.client, self.settings)

    def _send(self, number: int, fields: Mapping[str, Any]) -> None:
        if fields:
            step = Step(number=number, fields=dict(fields))
            self._courier().update([step])
            step.done()


def user_number(external_id: str) -> int:
    """Return the number that Moodle knows a user by; what is no number never was a user there."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NotFound("The link holds no Moodle user id.")
    return int(external_id)
