"""Writes down what came of a group of claimed links: one transaction, guarded by each link's fence.

``synced`` becomes the ``wanted`` that was seen at the claim, so a change that was made meanwhile stays pending. A link whose fence has
moved belongs to a newer worker, and what we have for it is dropped. Knows nothing of how the outcomes came about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER
from rolecall.errors import Conflict
from rolecall.sdk.provider import Verb
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link
from rolecall.work import brakes, class_links, links
from rolecall.work.sync import conversion, rows, totals
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.circuit import learn, note_stop, sentence
from rolecall.work.sync.outcome import Outcome, experience
from rolecall.work.sync.rows import Frame, Known

_TABLE = cast(Table, Link.__table__)
#: What only links of accounts have: how people sign in there.
_CREDENTIALS = ("sealed_password", "password_since", "sign_in_name")
_OPTIONS = {"synchronize_session": False}
_STATEMENT = rows.statement(_TABLE, *_CREDENTIALS)


def settle(session: Session, frame: Frame, outcomes: Sequence[Outcome]) -> int:
    """Write the outcomes down and return how many links were brought up to date or blocked."""
    moment = now(session)
    learned = experience(outcomes)
    down = frame.is_down(learned)
    links.lock_accounts(session, [outcome.link.account_id for outcome in outcomes])
    known = rows.lock(session, outcomes)
    ours = rows.still_ours(outcomes, known)
    written = {outcome.link.id: _row(outcome, known[outcome.link.id], moment, frame, down=down) for outcome in ours}
    final = _write(session, ours, written, known, moment, frame)
    _release_brakes(session, final, moment)
    moved = [each.link.account_id for each in final if (written[each.link.id]["external_id"] is None) != (each.link.external_id is None)]
    if moved:
        listing.refresh(session, moved)
    resumed = [each.link.account_id for each in final if each.error is None and each.change is not None and each.change.verb is Verb.RESUME]
    if arrived := [*moved, *resumed]:
        class_links.behind_of_accounts(session, arrived, providers=[frame.provider])
    _convert(session, frame.provider, [each for each in final if each.link.converts and each.error is None and not each.left], moment)
    stopped = learn(session, frame.provider, learned, moment, begun=frame.begun)
    totals.add_changes(session, frame.provider, outcomes)
    _record(session, frame.provider, [each for each in final if each.change is not None or each.error is not None], written)
    if stopped:
        note_stop(session, frame.provider)
    return sum(1 for each in final if not each.left and (each.error is None or written[each.link.id]["blocked"]))


def _release_brakes(session: Session, outcomes: Sequence[Outcome], moment: datetime) -> None:
    """Note what was closed within the limits, and forget what they said of what is done (R62)."""
    done = [each for each in outcomes if each.error is None and not each.left]
    free = [(each.link.id, each.change.verb) for each in done if each.change is not None and each.link.brake == brakes.FREE]
    for verb in (Verb.SUSPEND, Verb.DELETE):
        if closed := [link_id for link_id, of in free if of is verb]:
            noted = update(Link).where(Link.id.in_(closed)).values(closed_by=str(verb), closed_at=moment)
            session.execute(noted, execution_options=_OPTIONS)
    # What was changed meanwhile has been said something new of; of what turned out to close an account after all nothing was said yet.
    over = [each.link.id for each in done if each.link.brake is not None]
    again = [each.link.id for each in outcomes if each.left and each.link.brake is not None]
    if over or again:
        finished = and_(Link.id.in_(over), Link.synced >= Link.wanted)
        guarded = Link.account_id.in_(select(Account.id).where(brakes.is_guarded()))
        undecided = and_(Link.id.in_(again), or_(Link.brake == brakes.IDLE, and_(Link.brake.in_((brakes.FREE, brakes.APPROVED)), guarded)))
        session.execute(update(Link).where(or_(finished, undecided)).values(brake=None), execution_options=_OPTIONS)


def _row(outcome: Outcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    row = rows.row(outcome, known, moment, frame, down=down) | {name: getattr(outcome.link, name) for name in _CREDENTIALS}
    return row if outcome.left or outcome.error is not None else row | _remote(outcome, moment)


def _convert(session: Session, provider: str, outcomes: Sequence[Outcome], moment: datetime) -> None:
    """Give the accounts that were converted what they take from the provider (R23)."""
    if outcomes:
        conversion.over(session, [each.link.id for each in outcomes])
    if found := [each.conversion for each in outcomes if each.conversion is not None]:
        conversion.take_over(session, provider, found, moment)


def _remote(outcome: Outcome, moment: datetime) -> dict[str, Any]:
    """What the link knows of the remote account after a success."""
    change, link = outcome.change, outcome.link
    if change is None:
        return {}
    if change.verb is Verb.DELETE:
        return {"external_id": None, "sent": None, **dict.fromkeys(_CREDENTIALS)}
    sent = sent_state.load(link.sent).after(change, adopted=outcome.adopted)
    facts: dict[str, Any] = {"external_id": outcome.external_id, "sent": sent_state.dump(sent)}
    if change.verb is not Verb.SUSPEND:
        facts["sign_in_name"] = outcome.sign_in_name
    if change.verb is Verb.CREATE and outcome.adopted and outcome.is_password_new:
        # An account that was there before us has a password of its own; ours was never set.
        return facts | {"sealed_password": None}
    return facts | ({"password_since": moment} if change.verb is Verb.CREATE else {})


def _write(
    session: Session,
    outcomes: Sequence[Outcome],
    written: dict[int, dict[str, Any]],
    known: Mapping[int, Known],
    moment: datetime,
    frame: Frame,
) -> list[Outcome]:
    """Write the rows, and block those whose remote account belongs to another of our accounts; ``written`` has what was written."""
    if not written:
        return []
    try:
        with session.begin_nested():
            session.connection().execute(_STATEMENT, list(written.values()))
        return list(outcomes)
    except IntegrityError:
        return [_write_one(session, outcome, written, known[outcome.link.id], moment, frame) for outcome in outcomes]


def _write_one(
    session: Session, outcome: Outcome, written: dict[int, dict[str, Any]], known: Known, moment: datetime, frame: Frame
) -> Outcome:
    try:
        with session.begin_nested():
            session.connection().execute(_STATEMENT, [written[outcome.link.id]])
        return outcome
    except IntegrityError:
        error = Conflict(
            "The account found at the provider belongs to another account here.",
            hint="Look for two accounts of one person, or for two with the same user name or e-mail there.",
        )
        doubtful = replace(outcome, error=error, external_id=None)
        written[outcome.link.id] = _row(doubtful, known, moment, frame, down=False)
        session.connection().execute(_STATEMENT, [written[outcome.link.id]])
        return doubtful


def _record(session: Session, provider: str, outcomes: Sequence[Outcome], written: Mapping[int, Mapping[str, Any]]) -> None:
    """Write one entry of the audit for what was done at the provider and what was given up; names of attributes, never their values."""
    told = [_line(each) for each in outcomes if not each.left and (each.error is None or written[each.link.id]["blocked"])]
    if told:
        account_id = told[0]["account"] if len(told) == 1 else None
        audit.append(session, actor=WORKER, kind="sync", payload={"provider": provider, "accounts": told}, account_id=account_id)


def _line(outcome: Outcome) -> dict[str, Any]:
    line: dict[str, Any] = {"account": outcome.link.account_id, "verb": str(outcome.change.verb) if outcome.change else "plan"}
    if outcome.change is not None and outcome.change.after:
        line["attributes"] = sorted(outcome.change.after)
    if outcome.error is not None:
        return line | {"blocked": sentence(outcome.error)}
    facts = {"external_id": outcome.external_id, "adopted": outcome.adopted or None}
    return line | {name: value for name, value in facts.items() if value is not None}
