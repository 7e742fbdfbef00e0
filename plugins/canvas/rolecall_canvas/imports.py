"""Sends many new users as one SIS import, waits for it, and gives each its own outcome.

Owns the file and the waiting. An import never deletes: it is no batch mode and no diffing, and deletions are skipped besides. What Canvas
is still at when the waiting ends is unclear, and is looked up next time; a user keeps to one SIS id, so nobody is made twice.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from rolecall.errors import Ambiguous, Misconfigured, ProviderError
from rolecall.sdk import Change, Remote, Result
from rolecall_canvas import lookups, names, users
from rolecall_canvas.client import PAGE, Fields, Query, id_of
from rolecall_canvas.errors import Unclear
from rolecall_canvas.outcomes import carefully, results, stops
from rolecall_canvas.settings import own_password
from rolecall_canvas.site import Site

#: States of an import that came to its end; every other word is waited for.
ENDED = frozenset(
    {"imported", "imported_with_messages", "aborted", "failed", "failed_with_messages", "restoring", "partially_restored", "restored"}
)
#: Seconds between two looks at an import: at first, and at most.
SOON, LATE = 0.1, 5.0

#: Columns of ``users.csv`` with the attribute of each.
COLUMNS = {"user_id": "sis_user_id", "login_id": "unique_id", "full_name": "name", "sortable_name": "sortable_name", "email": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An import that ended: when it began by Canvas's clock, and what Canvas said of single rows."""

    begun: datetime | None
    messages: Sequence[str]

    def said_of(self, change: Change) -> str:
        """Return what Canvas said of a row, for people: a message names the row's SIS id."""
        sis = str(change.wanted["sis_user_id"])
        return next((message[:300] for message in self.messages if sis in message), "")


class FirstLoad:
    """Carries creations out. ``alone`` makes or adopts one, ``adopt`` takes one over; ``sleep`` waits so many seconds."""

    def __init__(
        self,
        site: Site,
        *,
        alone: Callable[[Change], Result],
        adopt: Callable[[Change, Remote], Result],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.site = site
        self._alone = alone
        self._adopt = adopt
        self._sleep = sleep

    def carry(self, changes: Sequence[Change]) -> Iterator[Result]:
        """Yield one result per change. Who has an account by e-mail already is adopted, not imported beside it (R64)."""
        ready: list[Change] = []
        others: list[Change] = []
        halt: Exception | None = None
        for change, is_new, error in carefully(changes, self._is_new):
            if error is not None:
                halt = error if stops(error) else halt
                yield Result(change=change, error=error)
            else:
                (ready if is_new else others).append(change)
        try:
            if halt is not None:
                raise halt
            imported = self._import(ready) if ready else None
            newest = self._newest(ready)
        except Exception as error:  # noqa: BLE001 - each change has its own outcome; the sync sorts the errors
            yield from (Result(change=change, error=error) for change in ready)
        else:
            yield from results(ready, lambda change: self._settle(change, imported, newest))
        yield from results(others, self._alone)

    def _is_new(self, change: Change) -> bool:
        fault = names.fault(change.wanted)
        if fault:
            raise names.refused(fault)
        if change.once:  # an import would write over what somebody who is there already keeps
            return lookups.find(self.site, change.wanted) is None
        email = change.wanted.get("email")
        return not email or lookups.by_email(self.site, str(email)) is None

    def _import(self, changes: Sequence[Change]) -> Imported:
        query: Fields = {"import_type": "instructure_csv", "extension": "csv", "skip_deletes": True}
        made = self.site.client.upload(f"{self.site.root}/sis_imports", query, content(self.site, changes), "text/csv")
        number = id_of(made, unusable=Unclear)
        begun, until = _moment(made.get("created_at")), time.monotonic() + int(self.site.settings.get("sis_import_wait", 60))
        pause = SOON
        while True:
            state = self._look(number)
            if state.get("workflow_state") in ENDED:
                return Imported(begun=begun, messages=list(_messages(state)))
            left = until - time.monotonic()
            if left <= 0:
                raise Ambiguous(
                    f"Canvas is still at SIS import {number}, which holds this account.",
                    hint="It is looked up again by itself. Canvas shows the import under Admin → SIS Import.",
                )
            self._sleep(min(pause, left))
            pause = min(pause * 2, LATE)

    def _look(self, number: str) -> dict[str, Any]:
        """Ask how far the import is. It goes on whether or not we can see it, so not seeing it makes the outcome unclear."""
        try:
            state = self.site.client.read(f"{self.site.root}/sis_imports/{number}")
        except Misconfigured:
            raise
        except ProviderError as error:
            raise Ambiguous(f"SIS import {number} was sent, but nobody knows what became of it: {error.message}") from None
        return state if isinstance(state, dict) else {}

    def _newest(self, changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
        """Return users by SIS id from the end of the list, where those stand who were made just now; a few calls for all of them."""
        wanted = {str(change.wanted["sis_user_id"]) for change in changes}
        found: dict[str, dict[str, Any]] = {}
        if wanted:
            query: Query = [("sort", "id"), ("order", "desc"), lookups.WITH_EMAIL, ("per_page", PAGE)]
            for row in islice(self.site.client.pages(f"{self.site.root}/users", query), len(wanted) + PAGE):
                if row.get("sis_user_id") in wanted:
                    found[str(row["sis_user_id"])] = row
                if len(found) == len(wanted):
                    break
        return found

    def _settle(self, change: Change, imported: Imported | None, newest: Mapping[str, dict[str, Any]]) -> Result:
        """Find the id of one user after the import; who was left out is made or adopted alone, which tells why."""
        sis = str(change.wanted["sis_user_id"])
        row = newest.get(sis) or lookups.by_id(self.site, "sis_user_id", sis)
        if row is None:
            result = self._alone(change)
            said = imported.said_of(change) if imported is not None else ""
            return replace(result, note=f"The SIS import left it out: {said}") if said else result
        if _was_there(row, imported):
            return self._adopt(change, lookups.remote_of(self.site, row, change.wanted))
        shown = lookups.shown(row)
        differing = {name: value for name, value in change.wanted.items() if value is not None and shown.get(name) != value}
        users.update(self.site, id_of(row), differing, change.wanted)
        return Result(change=change, external_id=id_of(row))


def content(site: Site, changes: Sequence[Change]) -> bytes:
    """Return ``users.csv``."""
    columns = dict(COLUMNS)
    if any("short_name" in change.wanted for change in changes):
        columns["short_name"] = "short_name"
    provider = str(site.settings.get("authentication_provider") or "")
    with_passwords = own_password(site.settings)
    extra = (["authentication_provider_id"] if provider else []) + (["password"] if with_passwords else []) + ["status"]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, *extra], lineterminator="\r\n")
    writer.writeheader()
    for change in changes:
        row = {column: str(change.wanted.get(name) or "") for column, name in columns.items()}
        row |= {"authentication_provider_id": provider} if provider else {}
        row |= {"password": change.password.reveal() if change.password else ""} if with_passwords else {}
        writer.writerow(row | {"status": "active"})
    return text.getvalue().encode()


def _messages(state: dict[str, Any]) -> Iterator[str]:
    for name in ("processing_errors", "processing_warnings"):
        told = state.get(name)
        for each in told if isinstance(told, list) else []:
            if isinstance(each, list) and each:
                yield " ".join(str(each[-1]).split())


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _was_there(row: dict[str, Any], imported: Imported | None) -> bool:
    """Tell whether a user is older than the import; where that cannot be seen, it is taken for one."""
    made = _moment(row.get("created_at"))
    begun = imported.begun if imported is not None else None
    return made is None or begun is None or made < begun
