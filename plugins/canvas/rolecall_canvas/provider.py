"""The Canvas provider: the verbs core asks for, each for one account or class, and the door to the SIS import for many.

Owns the mapping from an account to attributes. What users and courses are in Canvas is in the modules named after them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import Conflict
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
from rolecall_canvas import checks, courses, enrolments, imports, lookups, names, outcomes, users
from rolecall_canvas.client import PAGE, Query, id_of
from rolecall_canvas.errors import Taken
from rolecall_canvas.settings import CanvasSettings
from rolecall_canvas.site import Site

if TYPE_CHECKING:
    from rolecall.sdk.http import Http

#: Verbs that make nothing.
CLOSING = (Verb.SUSPEND, Verb.DELETE)


class CanvasProvider(Provider):
    """Users and courses of one Canvas, through its REST API."""

    id: ClassVar[str] = "canvas"
    label: ClassVar[str] = "Canvas"
    sign_in_attribute: ClassVar[str | None] = "unique_id"
    guide: ClassVar[str] = resources.files("rolecall_canvas").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        batch=100,  # one by one that is a minute or two, and as a SIS import it is worth the wait
        concurrency=2,  # Canvas counts by token what calls cost, and practically never refuses one that comes after another
        settling=timedelta(0),  # one database; the SIS import is waited for, and looked up when the waiting was in vain
        calls=16,  # look up by SIS id, login and e-mail, create, look up again, restore, read logins, write user and login
    )
    settings_schema = CanvasSettings
    mapping = users.MAPPING
    matched_by = ("unique_id", "email")

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.site = Site(settings, http)

    def check(self) -> Iterable[CheckLine]:
        """Try the address, the token and every permission that is needed, changing nothing (R54)."""
        return checks.lines(self.site)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what Canvas should hold: the mapped fields, the e-mail, and our SIS id. A login is the same in any letters."""
        wanted = self.mapped(account)
        if wanted.get("unique_id"):
            wanted["unique_id"] = str(wanted["unique_id"]).lower()
        if account.email:
            wanted["email"] = account.email.lower()
        return {**wanted, "sis_user_id": self.site.sis_id(account.key)}

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our SIS id, then by login, then by e-mail (R64)."""
        return lookups.find(self.site, self.attributes(account))

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the user, or bring back the deleted one that is ours; raise ``Conflict`` when the login is taken."""
        _screen(wanted)
        number = users.create(self.site, wanted, password)
        return Remote(external_id=number, key=account.key, attributes=wanted)

    def create_or_adopt(self, change: Change) -> Result:
        """Find, then create; where a deleted user that we cannot see holds our SIS id, bring it back and take it over (R64)."""
        _screen(change.wanted)
        try:
            return super().create_or_adopt(change)
        except Taken:
            if lookups.by_id(self.site, "sis_user_id", str(change.wanted["sis_user_id"])) is not None:
                raise
            restored = users.restore(self.site, change.wanted)
            if restored is None:
                raise
        return self.adopt(change, restored)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user is gone, ``Conflict`` when a login is taken."""
        _screen(changes)
        users.update(self.site, external_id, changes)

    def suspend(self, external_id: str) -> None:
        """Close all logins of the user."""
        users.event(self.site, external_id, "suspend")

    def resume(self, external_id: str) -> None:
        """Open all logins of the user again."""
        users.event(self.site, external_id, "unsuspend")

    def delete(self, external_id: str) -> None:
        """Delete the user, whose enrolments end with it; Canvas can bring it back."""
        users.delete(self.site, external_id)

    def accounts(self) -> Iterator[Remote]:
        """Walk every user of the root account, each once. Whether one is suspended is looked up for those with a SIS id like ours."""
        seen: set[str] = set()
        query: Query = [("sort", "id"), lookups.WITH_EMAIL, ("per_page", PAGE)]
        for row in self.site.client.pages(f"{self.site.root}/users", query):
            number = id_of(row)
            if number in seen:
                continue
            seen.add(number)
            if self.site.looks_ours(row.get("sis_user_id")):
                yield lookups.remote_of(self.site, row)
            else:
                held = lookups.shown(row)
                yield Remote(external_id=number, key=self.site.key_of(held["sis_user_id"]), attributes=held)

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out one by one, or, where the settings say so, with one SIS import for many new users (R64, R66)."""
        least = int(self.settings.get("sis_import_from") or 0)
        new: list[Change] = []
        others: list[Change] = []
        for change in plan:
            is_new = change.verb not in CLOSING and (change.verb is Verb.CREATE or change.external_id is None)
            (new if is_new else others).append(change)
        if least and len(new) >= least:
            load = imports.FirstLoad(self.site, alone=self.create_or_adopt, adopt=self.adopt)
            yield from load.carry(new)
        else:
            others = list(plan)
        yield from outcomes.results(others, self.apply_one)

    def adopt(self, change: Change, found: Remote) -> Result:
        """Take over an existing user, or refuse it because it carries somebody else's SIS id."""
        if found.key and found.key != change.account.key:
            raise Conflict(
                f"Canvas already has a user with this login, and it belongs to somebody else (its SIS id is {found.key}).",
                hint="Change the user name here, or clear the SIS id of that login in Canvas, and retry.",
            )
        if found.suspended:
            self.resume(found.external_id)
        # All that is wanted goes along, because it tells which of several logins is meant.
        users.update(self.site, found.external_id, change.differing(found.attributes), change.wanted)
        return Result(change=change, external_id=found.external_id, adopted=True)

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what the course of a class should be (R60a)."""
        return courses.attributes(self.site, school_class)

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look the course up by our SIS id."""
        return courses.find(self.site, school_class)

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create the course; raise ``Conflict`` when it is there already."""
        return courses.create(self.site, wanted)

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change the course, and open it again if it was concluded."""
        courses.update(self.site, external_id, changes)

    def archive_class(self, external_id: str) -> None:
        """Conclude the course; what people made in it stays."""
        courses.archive(self.site, external_id)

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is enrolled with one of our roles."""
        return enrolments.members(self.site, external_id)

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Enrol people in the course."""
        enrolments.add(self.site, external_id, members)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """End the enrolments of people in the course."""
        enrolments.remove(self.site, external_id, members)


def _screen(attributes: Attributes) -> None:
    fault = names.fault(attributes)
    if fault:
        raise names.refused(fault)
