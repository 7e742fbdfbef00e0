"""What people do to their own account, sessions included: each is one transaction with its audit entry (R59b, S-07).

Owns that it is always the account of whoever asks, and never one that was named. The rules are in ``accounts``.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from rolecall.accounts import audit, own_email, own_profile, sessions, trying, working_period
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Forbidden, Refused
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account, WebSession
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.runs.validators import Outside, Validators

T = TypeVar("T")
#: What a change answers, and the values that differ, before and after; empty ones when none does.
Changed = tuple[T, Mapping[str, Any], Mapping[str, Any]]


def rename(app: Application, actor: Actor, names: Mapping[str, str]) -> bool:
    """Change the name that one's account shows, and tell whether it differs (R29).

    :raises Refused: when the institution or a plugin does not allow it.
    :raises Invalid: with the sentences of each wrong field.
    """

    def change(session: Session) -> Changed[bool]:
        before, after = own_profile.rename(session, session.get_one(Account, _own(actor)), names)
        return bool(after), before, after

    return _seen_elsewhere(app, actor, "account.own_name", change)


def change_email(app: Application, actor: Actor, *, address: str, password: str) -> str:
    """Change the address of one's account, and return what that means: a mode of ``emails`` (R22, A-20).

    :raises Refused: when a provider signs the account in, or the address cannot be used.
    :raises Invalid: when it is no address, or the present password is not right.
    :raises Busy: after too many wrong passwords.
    """
    proved = own_email.prove(
        app.db, app.keyring, actor=actor, account_id=_own(actor), address=address, password=password, now=datetime.now(UTC)
    )

    def change(session: Session) -> Changed[str]:
        mode = own_email.change(session, proved, address, now=now(session))
        email = session.get_one(Account, proved.id).email
        return mode, {"email": proved.email}, {"email": email, "mode": mode}

    return _seen_elsewhere(app, actor, "account.own_email", change)


def choose_language(app: Application, actor: Actor, language: str) -> bool:
    """Set the language of the messages that one gets, and tell whether it differs.

    :raises Invalid: for a language that is not offered.
    """

    def unit(session: Session) -> bool:
        before, after = own_profile.choose_language(session, session.get_one(Account, _own(actor)), language)
        if after:
            _note(session, actor, "account.own_language", before, after)
        return bool(after)

    return app.db.attempt(unit)


def switch_period(app: Application, actor: Actor, view: SessionView, period_id: int) -> str:
    """Let one's session work in another period; return its new token (R59).

    :raises Refused: when one has no role there.
    """
    return app.db.attempt(lambda session: working_period.switch(session, view, period_id, actor=actor, now=now(session)))


def try_role(app: Application, actor: Actor, view: SessionView, role_id: int) -> str:
    """Let one's session have the menu and the rights of a role to look at; return its new token (R57).

    :raises Forbidden: when the role holds more than one does.
    """
    return app.db.attempt(lambda session: trying.start(session, view, role_id, actor=actor, now=now(session)))


def stop_trying(app: Application, actor: Actor, view: SessionView) -> str:
    """Give one's session its own rights back; return its new token."""
    return app.db.attempt(lambda session: trying.stop(session, view, actor=actor, now=now(session)))


def end_session(app: Application, actor: Actor, handle: str) -> bool:
    """End one of one's own sessions, by its handle; false when there is none any more."""

    def unit(session: Session) -> bool:
        found = next((each for each in _living(session, actor) if sessions.handle_of(each.digest) == handle), None)
        if found is None:
            return False
        payload = {"address": found.address, "device": found.agent, "since": found.created_at}
        sessions.end(session, found.digest)
        audit.append(session, actor=actor, kind="session.end", payload=payload, account_id=_own(actor))
        return True

    return app.db.attempt(unit)


def end_other_sessions(app: Application, actor: Actor, digest: str) -> int:
    """End all of one's own sessions but the one with this digest; return how many that were."""

    def unit(session: Session) -> int:
        count = sum(each.digest != digest for each in _living(session, actor))
        sessions.end_all(session, [_own(actor)], except_digest=digest)
        if count:
            audit.append(session, actor=actor, kind="session.end", payload={"others": count}, account_id=_own(actor))
        return count

    return app.db.attempt(unit)


def _seen_elsewhere(app: Application, actor: Actor, kind: str, change: Callable[[Session], Changed[T]]) -> T:
    """Make a change that plugins may refuse and providers are told of; nothing is done besides when nothing differs."""

    def unit(session: Session) -> tuple[T, list[str]]:
        own, view = _own(actor), app.plugins.view(session)
        links.lock_accounts(session, [own])
        validators = Validators(Outside(app=app, session=session, view=view))
        validators.remember([own])
        result, before, after = change(session)
        if not after:
            return result, []
        session.flush()
        for _code, message in validators.refusals([own]).values():
            raise Refused(message)
        links.behind(session, [own])
        listing.refresh(session, [own])
        _note(session, actor, kind, before, after)
        return result, list(view.providers)

    result, providers = app.db.attempt(unit)
    for provider in providers:
        app.nudge("drain", provider, 0)
    return result


def _note(session: Session, actor: Actor, kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    audit.append(session, actor=actor, kind=kind, payload={"before": before, "after": after}, account_id=_own(actor))


def _living(session: Session, actor: Actor) -> list[WebSession]:
    return sessions.of_account(session, _own(actor), now(session))


def _own(actor: Actor) -> int:
    if actor.account_id is None:
        raise Forbidden("Only somebody with an account has one of their own.")
    return actor.account_id
