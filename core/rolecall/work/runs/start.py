"""Begins a run: checks everything that can be checked, freezes the selection, and goes on in the request when it is small."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, CountChanged, Forbidden, Invalid, Refused
from rolecall.plugins.registry import View
from rolecall.sdk.action import Action, Grade
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.delivery import quotes
from rolecall.work.delivery.quotes import Quote
from rolecall.work.runs.advance import advance_now
from rolecall.work.runs.foresee import foresee
from rolecall.work.runs.forms import Form, load_params, seal_params
from rolecall.work.runs.guards import FORBIDDEN, INVALID, requirements_of
from rolecall.work.runs.plan import find_action, first_unmet, messages, refuse_pages
from rolecall.work.runs.selection import Selection, count, select_accounts

#: Runs up to this many accounts go on in the request; more are the worker's.
IN_REQUEST = 50
#: How long an idempotency key is remembered.
KEY_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a face asks for. ``expected`` is the count that was shown to the person who agreed."""

    action: str
    selection: Selection
    params: Mapping[str, Any] = field(default_factory=dict)
    agreed: bool = False
    expected: int | None = None
    reason: str | None = None
    idempotency_key: str | None = None


def start(app: Application, actor: Actor, request: Request) -> int:
    """Begin the run of an action and return its id; small ones are finished when this returns.

    :raises Refused: (and its subclasses) when permission, consent, parameters, the count or the one account stand against it;
        nothing was changed then.
    """
    body = digest(app, request)
    with app.db.read() as session:
        view = app.plugins.view(session)
        action = find_action(view, actor, request.action)
        refuse_pages(action)
        known = known_run(session, actor, request.idempotency_key, body)
        if known is not None:
            # Repeated after it had its effect, which may be why it would not apply any more.
            return known
        total = count(session, view, request.selection, actor)
        form = Form(session=session, view=view, account_ids=request.selection.ids or ())
        params = None
        quote = None
        if action.sends is not None:
            params = load_params(action.params, request.params, form)
            quote = foresee(app, session, view, actor, action.id, request.selection, params.all).quote
        _check_request(action, request, total, form, quote)
        params = params or load_params(action.params, request.params, form)
        if request.selection.is_single:
            _refuse_single(session, actor, action, request.selection)
    if quote is not None:
        quotes.ensure(app, quote)

    def freeze(session: Session) -> tuple[int, bool]:
        known = known_run(session, actor, request.idempotency_key, body)
        if known is not None:
            return known, False
        run = new_run(session, actor, kind="action", action=action.id, params=params.plain, request=request, body=body)
        run.sealed_params = seal_params(app.keyring, run.id, params)
        run.facts = {"had_secrets": bool(params.secret)}
        frozen = freeze_accounts(session, view, run, request.selection, actor)
        # Somebody may have changed the list between the count above and this transaction.
        if request.expected is not None and frozen != request.expected:
            raise _count_changed(request.expected, frozen)
        begin(app, run, frozen, now(session))
        return run.id, run.state == "running"

    run_id = go_on(app, *unique(app, freeze))
    if request.selection.is_single:
        raise_refusal(app, run_id)
    return run_id


def unique(app: Application, freeze: Any) -> tuple[int, bool]:
    """Run ``freeze``; when two requests with one idempotency key race, the second finds the first one's run."""
    try:
        return app.db.attempt(freeze)  # type: ignore[no-any-return]
    except IntegrityError:
        return app.db.attempt(freeze)  # type: ignore[no-any-return]


def go_on(app: Application, run_id: int, mine: bool) -> int:
    """Advance a small run here and now, or wake a worker for it."""
    if mine:
        advance_now(app, run_id)
    else:
        app.nudge("advance", str(run_id), 0)
    return run_id


def begin(app: Application, run: Run, total: int, at: datetime) -> None:
    """Queue the run, or lease it to this process when it is small enough to go on in the request."""
    if total <= IN_REQUEST:
        run.state, run.fence, run.started_at = "running", 1, at
        run.leased_until = at + timedelta(seconds=app.config.lease_seconds)
    else:
        run.state = "queued"


def new_run(
    session: Session,
    actor: Actor,
    *,
    kind: str,
    action: str,
    params: Mapping[str, Any],
    request: Request | None = None,
    body: str = "",
    undoes: int | None = None,
) -> Run:
    """Insert a run in the state ``queued``, without items."""
    run = Run(
        kind=kind,
        action=action,
        actor=actor.name,
        actor_account_id=actor.account_id,
        actor_label=actor.label,
        actor_period_id=actor.period_id,
        address=actor.address,
        reason=request.reason if request else None,
        params=dict(params),
        filter=dict(request.selection.words) if request and request.selection.words is not None else None,
        facts={},
        state="queued",
        undoes=undoes,
        idempotency_key=request.idempotency_key if request else None,
        body_digest=body or None,
        created_at=now(session),
    )
    session.add(run)
    session.flush()
    return run


def freeze_accounts(session: Session, view: View, run: Run, selection: Selection, actor: Actor) -> int:
    """Write one waiting item per selected account, in list order, with one statement; returns how many."""
    chosen = select_accounts(session, view, selection, actor).subquery()
    numbered = select(literal(run.id), func.row_number().over(), chosen.c.person_id, chosen.c.id, literal("waiting"))
    session.execute(insert(RunItem).from_select(["run_id", "n", "person_id", "account_id", "outcome"], numbered))
    return session.scalar(select(func.count()).select_from(RunItem).where(RunItem.run_id == run.id)) or 0


def known_run(session: Session, actor: Actor, key: str | None, body: str) -> int | None:
    """Return the run that this actor began with this idempotency key, if it is the same request.

    :raises Invalid: when the key was used for another request.
    """
    if key is None:
        return None
    run = session.scalar(select(Run).where(Run.actor == actor.name, Run.idempotency_key == key))
    if run is None:
        return None
    if run.created_at < now(session) - KEY_LIFETIME:
        run.idempotency_key = None
        session.flush()
        return None
    if run.body_digest != body:
        raise Invalid("This Idempotency-Key was used for another request.", hint="Use a new key for a new request.")
    return run.id


def digest(app: Application, request: Request) -> str:
    """A keyed digest of what is asked for: equal requests, equal digest; secrets cannot be guessed from it."""
    body = {
        "action": request.action,
        "ids": request.selection.ids,
        "words": request.selection.words,
        "params": request.params,
        "agreed": request.agreed,
        "reason": request.reason,
    }
    text = json.dumps(body, sort_keys=True, default=str)
    return hmac.new(app.config["secret_key"].encode(), text.encode(), hashlib.sha256).hexdigest()


def _check_request(action: Action, request: Request, total: int, form: Form, quote: Quote | None) -> None:
    if total > 1 and not action.bulk:
        raise Refused(f"“{action.label}” is for one account at a time; {total:,} are selected.")
    if request.expected is not None and request.expected != total:
        raise _count_changed(request.expected, total)
    if action.grade is not Grade.PLAIN and not request.agreed:
        raise ConsentRequired(" ".join(filter(None, (quote.sentence if quote else "", action.consequence(form) or action.label))))
    if action.grade is Grade.RETYPE and request.expected is None:
        raise ConsentRequired(f"{action.consequence(form)} Type the number of accounts, {total:,}, to confirm.")


def _count_changed(expected: int, found: int) -> CountChanged:
    return CountChanged(f"The selection was {expected:,} when you saw it and is {found:,} now. Look at it again.", count=found)


def _refuse_single(session: Session, actor: Actor, action: Action, selection: Selection) -> None:
    requires = requirements_of(session, actor, action)
    code = session.scalar(select(first_unmet(requires)).select_from(Account).where(Account.id.in_(selection.ids or ())))
    if code is not None:
        raise _refusal(messages(requires)[code], code)


def raise_refusal(app: Application, run_id: int) -> None:
    """For one account a refusal is the answer; the run stays in the history as skipped."""
    with app.db.read() as session:
        item = session.scalar(select(RunItem).where(RunItem.run_id == run_id, RunItem.outcome == "skipped"))
        if item is not None:
            raise _refusal(item.message or "It does not apply.", item.code)


def _refusal(message: str, code: str | None) -> Refused:
    if code in INVALID:
        return Invalid(message, code=code)
    return Forbidden(message, code=code) if code in FORBIDDEN else Refused(message, code=code)
