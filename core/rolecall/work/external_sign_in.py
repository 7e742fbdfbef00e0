"""The way to a service that signs people in, and back: bound to one browser, good for ten minutes and for once (F-04).

Owns the attempt: who may come back, from where, for what. Whose account it is, is decided by ``accounts.identities``.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Delete, delete, select
from sqlalchemy.orm import Session

from rolecall.accounts import identities, sign_in
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import place
from rolecall.accounts.sessions import digest_of
from rolecall.accounts.sign_in import Outcome
from rolecall.errors import NotProved, PluginFault, Refused, Unknown
from rolecall.sdk.login import ExternalIdentity, LoginMethod, PublicDocument
from rolecall.sdk.login_settings import ALWAYS, TOLD
from rolecall.store.tables import Account, LoginAttempt
from rolecall.translation import gettext as _
from rolecall.work import changes, links
from rolecall.work.application import Application
from rolecall.work.login_methods import callback_url, guarded
from rolecall.work.newcomers import Welcome

#: What somebody goes there for: to sign in, to link an identity to their account, to prove again who they are.
ENTER, LINK, AGAIN = "enter", "link", "again"
#: How long the way there and back may take.
LASTS = timedelta(minutes=10)
STALE = _("This sign-in was begun in another browser, too long ago, or was finished already.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that was used up: what it was for, whose it was, and where to go on."""

    method: str
    purpose: str
    account_id: int | None
    target: str
    remembered: Mapping[str, str]
    #: What the service's page has posted, where its method answers so; nothing else is an answer then.
    posted: Mapping[str, str] | None = None


def begin(
    app: Application, method_id: str, *, browser: str, purpose: str, target: str, now: datetime, account_id: int | None = None
) -> str:
    """Begin an attempt and return where to send the browser. ``browser`` is a secret that only its cookie holds.

    :raises Unknown: when nobody can sign in this way.
    :raises ProviderError: when the service cannot be asked.
    """
    method = _method(app, method_id)
    state = secrets.token_urlsafe(32)
    departure = guarded(method.label, lambda: method.begin(callback_url(app, method_id), state, fresh=purpose == AGAIN))
    if not departure.url.startswith(("https://", "http://")) or not departure.url.isascii() or not departure.url.isprintable():
        raise PluginFault(_("Signing in with {service} leads nowhere.", service=method.label), hint=_("Tell the office."))
    digest = digest_of(state)
    row = {
        "digest": digest, "browser": digest_of(browser), "method": method_id, "purpose": purpose, "account_id": account_id,
        "target": target, "expires_at": now + LASTS,
        "sealed": _seal(app, digest, {"remembered": dict(departure.remembered)}),
    }  # fmt: skip

    app.db.attempt(lambda session: session.add(LoginAttempt(**row)))
    return departure.url


def park(app: Application, method_id: str, form: Mapping[str, str], *, now: datetime) -> str | None:
    """Keep an answer that a page of the service has posted, and return the state it belongs to; none when it belongs to no attempt.

    Browsers send our cookie with no form of another site. So nothing is believed here: the browser is sent on to our own page with the
    state, where its cookie counts, and the answer waits for it beside what the method remembers. The first one is kept.
    """
    kind = _kind(app, method_id)
    state = form.get(kind.posted_state, "") if kind is not None and kind.posted_state is not None else ""
    digest = digest_of(state)

    def unit(session: Session) -> bool:
        mine = (LoginAttempt.digest == digest, LoginAttempt.method == method_id, LoginAttempt.expires_at > now)
        row = session.scalar(select(LoginAttempt).where(*mine).with_for_update())
        if row is None:
            return False
        known = _opened(app, row)
        if "posted" not in known:
            row.sealed = _seal(app, digest, {**known, "posted": dict(form)})
        return True

    return state if state and app.db.attempt(unit) else None


def housekeeping(now: datetime) -> Delete:
    """What removes attempts from which nobody came back in time. That they are over is judged at each use, not by this."""
    return delete(LoginAttempt).where(LoginAttempt.expires_at <= now)


def public_document(app: Application, method_id: str) -> PublicDocument:
    """Return what the administrator of a service needs to know of Rolecall, as the method writes it.

    :raises Unknown: when there is no such method, or it has nothing to tell.
    """
    kind = _kind(app, method_id)
    found = guarded(kind.label, lambda: kind.public_document(callback_url(app, method_id))) if kind is not None else None
    if found is None:
        raise Unknown(_("There is nothing to read here."))
    return found


def used_up(app: Application, method_id: str, args: Mapping[str, str], *, browser: str, now: datetime) -> Begun:
    """Use the attempt up that an answer belongs to: of many answers at once, one does.

    :raises Refused: when there is none for this state, in this browser, with this method, now.
    """
    digest = digest_of(args.get("state", ""))

    def unit(session: Session) -> LoginAttempt | None:
        mine = (LoginAttempt.digest == digest, LoginAttempt.browser == digest_of(browser), LoginAttempt.method == method_id)
        return session.scalar(delete(LoginAttempt).where(*mine, LoginAttempt.expires_at > now).returning(LoginAttempt))

    row = app.db.attempt(unit)
    if row is None:
        raise Refused(STALE, hint=_("Begin again."), code="stale-sign-in")
    known, kind = _opened(app, row), _kind(app, method_id)
    posted = known.get("posted", {}) if kind is not None and kind.posted_state is not None else None
    return Begun(
        method=method_id, purpose=row.purpose, account_id=row.account_id, target=row.target, remembered=known["remembered"], posted=posted
    )


def enter(app: Application, begun: Begun, args: Mapping[str, str], *, address: str | None, agent: str | None, now: datetime) -> Outcome:
    """Sign in whoever came back; where the institution wants it, whoever comes for the first time gets an account (R66).

    :raises NotProved: when it is proved to be nobody.
    :raises ProviderError: when the service cannot be asked.
    """
    found, method = _proved(app, begun, args, address=address, agent=agent, now=now)
    speaks_for = found.email is not None and guarded(method.label, lambda: method.speaks_for(found.email or ""))
    welcome = Welcome(app=app, method=begun.method, settings=method.settings, found=found, address=address, now=now)
    outcome = sign_in.by_identity(
        app.db, begun.method, found, speaks_for=speaks_for is True, address=address, agent=agent, now=now,
        vouched=_vouches(method, found), opens=welcome if welcome.is_wanted else None,
    )  # fmt: skip
    if welcome.opened is not None:
        changes.wake(app)
    return outcome


def link(app: Application, actor: Actor, begun: Begun, args: Mapping[str, str], *, agent: str | None, now: datetime) -> None:
    """Link whoever came back to the account that began it; that it had proved itself freshly was asked when it began.

    :raises Refused: when another account came back, or the identity signs somebody in already.
    """
    account_id = _own(actor, begun)
    found, _ = _proved(app, begun, args, address=actor.address, agent=agent, now=now)

    def unit(session: Session) -> None:
        account = session.get_one(Account, account_id, with_for_update=True)
        identities.link(
            session, account, method=begun.method, issuer=found.issuer, subject=found.subject, how=identities.SELF, actor=actor, now=now
        )
        links.behind(session, [account_id])

    app.db.attempt(unit)


def again(app: Application, actor: Actor, begun: Begun, args: Mapping[str, str], *, agent: str | None, now: datetime) -> Outcome:
    """Tell whether whoever came back is the account that had to prove again who it is, and whether its code is asked for next (S-08)."""
    account_id = _own(actor, begun)
    found, _ = _proved(app, begun, args, address=actor.address, agent=agent, now=now)
    return sign_in.confirm_by_identity(app.db, begun.method, found, account_id=account_id, address=actor.address, now=now)


def unlink(app: Application, actor: Actor, identity_id: int, *, now: datetime) -> str:
    """Take an identity away from one's own account; return the method.

    :raises Unknown: when one has no such identity.
    :raises Refused: when it is the last way in, or the office's decision.
    """

    def unit(session: Session) -> str:
        account = session.get_one(Account, actor.account_id, with_for_update=True)
        row = next((each for each in identities.of_account(session, account.id) if each.id == identity_id), None)
        why = identities.why_kept(session, account, row) if row is not None else None
        if why is not None:
            raise Refused(why)
        method = identities.unlink(session, account.id, identity_id, actor=actor, now=now).method
        links.behind(session, [account.id])
        return method

    return app.db.attempt(unit)


def _vouches(method: LoginMethod, found: ExternalIdentity) -> bool:
    """Whether the service asked for a second factor, as far as the institution believes it."""
    there = method.settings.get("second_factor_there")
    return there == ALWAYS or (there == TOLD and found.second_factor is True)


def _method(app: Application, method_id: str) -> LoginMethod:
    with app.db.read() as session:
        return app.login_methods.get(session, app.plugins.view(session), method_id)


def _kind(app: Application, method_id: str) -> type[LoginMethod] | None:
    with app.db.read() as session:
        return app.plugins.view(session).login_methods.get(method_id)


def _seal(app: Application, digest: str, known: Mapping[str, Mapping[str, str]]) -> bytes:
    return app.keyring.seal(json.dumps(known), place("login_attempt", digest, "sealed"))


def _opened(app: Application, row: LoginAttempt) -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = json.loads(app.keyring.open(row.sealed, place("login_attempt", row.digest, "sealed")))
    return known


def _proved(
    app: Application, begun: Begun, args: Mapping[str, str], *, address: str | None, agent: str | None, now: datetime
) -> tuple[ExternalIdentity, LoginMethod]:
    method = _method(app, begun.method)
    try:
        return guarded(method.label, lambda: method.complete(args, callback_url(app, begun.method), begun.remembered)), method
    except NotProved as error:
        log.warning("sign-in not proved", method=begun.method, detail=error.detail)
        sign_in.not_proved(app.db, begun.method, address=address, agent=agent, now=now)
        raise


def _own(actor: Actor, begun: Begun) -> int:
    if actor.account_id is None or actor.account_id != begun.account_id:
        raise Refused(STALE, hint=_("Begin again."), code="stale-sign-in")
    return actor.account_id
