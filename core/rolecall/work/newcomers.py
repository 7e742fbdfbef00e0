"""Opens an account for somebody who signs in by a service for the first time, where the institution wants that (R66, F-10).

Owns when, how many, and that it is in the audit. Whose account it is, is ``accounts.newcomers``'; nothing that a service says of groups,
roles or types is looked at, here or there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from rolecall.accounts import audit, identities, newcomers, throttle
from rolecall.accounts.actors import Actor
from rolecall.accounts.identities import OPENED, Recognised
from rolecall.accounts.throttle import Limit
from rolecall.errors import Invalid
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.login_settings import EVERYBODY, LISTED, PER_DAY
from rolecall.store import listing
from rolecall.translation import gettext as _
from rolecall.work import changes, links
from rolecall.work.application import Application
from rolecall.work.projection import project
from rolecall.work.runs.opening_batch import open_checked, told_of
from rolecall.work.runs.validators import Outside

_DAY = timedelta(hours=24)
#: All services together. Its counter is also what lets newcomers in one at a time, so that two of them are never one person.
ALL = Limit(count=100_000, window=_DAY)
TOO_MANY = _("So many people got an account today that no more are opened until tomorrow. Ask the office.")

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Welcome:
    """What one login method may do for somebody without an account. ``opened`` is the account that it was, once it was."""

    app: Application
    method: str
    settings: Mapping[str, Any]
    found: ExternalIdentity
    address: str | None
    now: datetime
    opened: int | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the institution wants accounts to be opened so at all."""
        return self.settings.get("new_accounts") in (LISTED, EVERYBODY)

    def __call__(self, session: Session) -> Recognised | str:
        """Open the account in the transaction of the sign-in, or return the sentence why there is none; then nothing is left of it."""
        self.opened = None
        savepoint = session.begin_nested()
        outcome = self._open(session)
        if isinstance(outcome, int):
            savepoint.commit()
            self.opened = outcome
            return Recognised(account_id=outcome, how=OPENED)
        savepoint.rollback()
        session.expire_all()
        if isinstance(outcome, str):
            log.warning("no account opened by signing in", method=self.method, why=outcome)
        return outcome

    def _open(self, session: Session) -> int | str | Recognised:
        per_day = Limit(count=int(self.settings.get("new_accounts_per_day") or PER_DAY), window=_DAY)
        if not throttle.take(session, (("newcomers", ALL), (f"newcomers:{self.method}", per_day)), now=self.now):
            return TOO_MANY
        if (meanwhile := identities.recognise(session, self.method, self.found, speaks_for=True)) is not None:
            return meanwhile  # the same person came twice at once, and the other was let in first
        known = newcomers.whom(session, self.found)
        if known.why_not:
            return known.why_not
        actor = Actor(name=f"sign-in:{self.method}", label=f"Signing in ({self.method})", permissions=None, address=self.address)
        person_id, is_new = known.person_id, known.person_id is None
        if person_id is None:
            if self.settings.get("new_accounts") != EVERYBODY:
                return newcomers.UNLISTED
            try:
                values = newcomers.record(self.found, str(self.settings.get("new_account_type")))
                person_id = changes.person_added(session, actor, values)
            except Invalid as error:
                log.warning("no record made by signing in", method=self.method, detail=str(error), fields=dict(error.fields))
                return newcomers.DOUBTFUL if "code" in error.fields else newcomers.NAMELESS
        return self._account(session, actor, person_id, is_new=is_new)

    def _account(self, session: Session, actor: Actor, person_id: int, *, is_new: bool) -> int | str:
        place = Outside(app=self.app, session=session, view=self.app.plugins.view(session))
        given = newcomers.roles_to_give(session, [str(each) for each in self.settings.get("new_account_roles") or ()])
        (result,) = open_checked(place, actor, [person_id], now=self.now, given=given)
        if result.account_id is None:
            log.warning("account not opened", method=self.method, person=person_id, code=result.code, detail=result.message)
            return newcomers.TAKEN if result.code == "email-is-username" else newcomers.NOT_NOW
        ids = [result.account_id]
        links.behind(session, ids)
        listing.refresh(session, ids)
        after = told_of(result, project(session, ids)[result.account_id])
        payload = {
            "person": person_id, "method": self.method, "issuer": self.found.issuer, "subject": self.found.subject, "new_person": is_new,
            "before": {}, "after": after,
        }  # fmt: skip
        audit.append(session, actor=actor, kind="account.open", payload=payload, account_id=result.account_id, at=self.now)
        return result.account_id
