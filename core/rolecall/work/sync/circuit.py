"""Decides whether a provider may be called now, and learns from what came of the calls.

Owns a provider's state: ok, open (it is down and left alone, but for a probe now and then) or paused (its settings are refused, or a
person said so). A provider that comes back is not met with everything at once: what may be on its way doubles with each group of calls that
succeeds, over all workers, whatever process they are in. Knows nothing of accounts; no account loses an attempt for its provider's sake.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import alerts, audit
from rolecall.accounts.actors import WORKER, Actor
from rolecall.errors import ProviderError, Unknown
from rolecall.store.engine import now
from rolecall.store.tables import PluginState, Setting

OK, OPEN, PAUSED = "ok", "open", "paused"

#: Transient failures in a row, over all accounts, that open the circuit.
THRESHOLD = 10
PROBE = timedelta(seconds=60)
LONGEST_PROBE = timedelta(minutes=15)
#: A provider that takes so many at once has come back.
RECOVERED = 256

_OPTIONS = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether calls may be made. ``probe``: one, to see whether the provider is back. ``failures`` in a row happened before.

    ``at_once``: how many links may be on their way to the provider, over all workers; none: as many as they take.
    """

    open: bool
    probe: bool = False
    failures: int = 0
    at_once: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What a group of calls taught about the provider, in their order: ``failures`` come after the last success, if there was one.

    ``answered``: it said something about an account, be it no.
    """

    succeeded: bool = False
    answered: bool = False
    failures: int = 0
    reason: str = ""
    #: What the server asked everybody to wait.
    hold: timedelta | None = None
    #: The provider refuses us as a whole (401, 403): nobody is called until its settings are mended.
    refusal: str | None = None


def admit(session: Session, provider: str, moment: datetime, *, given: timedelta | None = None) -> Admission:
    """Say whether the provider may be called now. Taking a probe puts the next one off, so only one worker has it.

    A provider that refused its settings is tried again by itself once they were saved. ``given``: the operator enabled it by a setting of
    the process, which nobody saves here, so it is tried again after that long.
    """
    row = session.scalar(select(PluginState).where(PluginState.plugin == provider), execution_options={"populate_existing": True})
    if row is None or not (row.enabled or given is not None):
        return Admission(open=False)
    if row.state == PAUSED:
        is_old = given is not None and (row.changed_at is None or row.changed_at + given <= moment)
        if row.paused_by is not None or not (is_old or _saved_since(session, provider, row.changed_at)):
            return Admission(open=False)
        resume(session, provider)
        return Admission(open=True)
    if row.until is not None and row.until > moment:
        return Admission(open=False)
    if row.state != OPEN:
        return Admission(open=True, failures=row.failures, at_once=_allowance(session, provider) if row.at_once is not None else None)
    taken = session.execute(
        update(PluginState)
        .where(PluginState.plugin == provider, PluginState.state == OPEN, PluginState.until == row.until)
        .values(until=moment + _interval(row.failures))
        .returning(PluginState.plugin),
        execution_options=_OPTIONS,
    ).first()
    return Admission(open=taken is not None, probe=True, failures=row.failures, at_once=1)


def learn(session: Session, provider: str, experience: Experience, moment: datetime, *, begun: datetime) -> bool:
    """Write down what a group of calls taught that began at ``begun``: settings saved since then were not the ones refused.

    :returns: whether it was just stopped; :func:`note_stop` is then for the caller, at the end of its transaction.
    """
    row = session.execute(
        select(PluginState.state, PluginState.failures, PluginState.until, PluginState.at_once)
        .where(PluginState.plugin == provider)
        .with_for_update()
    ).one_or_none()
    if row is None or row.state == PAUSED:
        return False
    if experience.refusal is not None:
        worked = {"last_success_at": moment} if experience.succeeded else {}
        _set(session, provider, state=PAUSED, reason=experience.refusal, paused_by=None, until=None, changed_at=begun, **worked)
        return True
    values: dict[str, object] = {}
    if experience.succeeded:
        values = {"last_success_at": moment, "failures": experience.failures}
        if row.state == OPEN:
            values |= {"state": OK, "reason": None, "until": None, "changed_at": moment, "at_once": 2}
    elif experience.failures:
        values = _failed(row.state, row.failures + experience.failures, experience.reason, moment)
    if row.at_once is not None and row.state == OK and experience.answered and not experience.failures:
        values["at_once"] = row.at_once * 2 if row.at_once * 2 < RECOVERED else None
    if experience.hold:
        until = max([moment + experience.hold, *(each for each in (row.until, values.get("until")) if isinstance(each, datetime))])
        values |= {"until": until, "reason": experience.reason}
    if values:
        _set(session, provider, **values)
    return False


def note_stop(session: Session, provider: str) -> None:
    """Write into the audit that a provider was stopped because it refuses us, and when it last worked."""
    row = session.execute(select(PluginState.reason, PluginState.last_success_at).where(PluginState.plugin == provider)).one()
    payload = {"provider": provider, "reason": row.reason, "worked": _iso(row.last_success_at)}
    audit.append(session, actor=WORKER, kind=alerts.STOPPED, payload=payload)


def is_stopped(session: Session, provider: str) -> bool:
    """Whether a provider is left alone because of its settings, or because a person said so."""
    row = session.execute(select(PluginState.state, PluginState.fault).where(PluginState.plugin == provider)).one_or_none()
    return row is not None and (row.state == PAUSED or row.fault is not None)


def pause(session: Session, provider: str, actor: Actor) -> None:
    """Leave a provider alone until a person resumes it.

    :raises Unknown: when no such provider was ever enabled.
    """
    _known(session, provider)
    reason = f"Paused by {actor.label}."
    _set(session, provider, state=PAUSED, reason=reason, paused_by=actor.label[:200], until=None, changed_at=now(session))


def resume(session: Session, provider: str) -> None:
    """Call a provider again: paused ones, and those that were waited for.

    :raises Unknown: when no such provider was ever enabled.
    """
    _known(session, provider)
    _set(session, provider, state=OK, reason=None, paused_by=None, until=None, failures=0, at_once=None, changed_at=now(session))


def report_fault(session: Session, provider: str, fault: str | None) -> None:
    """Remember why the provider's object cannot be built, or that it can.

    The alert addresses are told of one that has worked before: who sets it up for the first time sees it.
    """
    row = session.execute(select(PluginState.fault, PluginState.last_success_at).where(PluginState.plugin == provider)).one_or_none()
    if row is None or row.fault == fault:
        return
    _set(session, provider, fault=fault)
    if fault is not None and row.last_success_at is not None:
        # No entry of the audit: processes that were started differently would write one each time they look.
        worked = {"provider": provider, "worked": _iso(row.last_success_at)}
        alerts.tell(session, alerts.STOPPED, worked, who=WORKER.label, at=now(session))


def sentence(error: Exception) -> str:
    """Return the text of an error as a person may read it: a plugin's bug is named, but not quoted, because it may hold secrets."""
    if isinstance(error, ProviderError):
        text = str(error)
    else:
        text = f"The plugin failed unexpectedly ({type(error).__name__}). The log has the details."
    return "".join(character if character.isprintable() else " " for character in text)[:2000].strip()


def _failed(state: str, failures: int, reason: str, moment: datetime) -> dict[str, object]:
    if state == OPEN:
        return {"failures": failures, "reason": reason, "until": moment + _interval(failures)}
    if failures < THRESHOLD:
        return {"failures": failures}
    return {"state": OPEN, "failures": THRESHOLD, "reason": reason, "until": moment + PROBE, "changed_at": moment}


def _allowance(session: Session, provider: str) -> int | None:
    """How many may be on their way while the provider comes back, as it is now: whoever claims after us waits here until we did."""
    return session.scalar(select(PluginState.at_once).where(PluginState.plugin == provider).with_for_update())


def _interval(failures: int) -> timedelta:
    return min(PROBE * (1 << min(max(failures - THRESHOLD, 0), 10)), LONGEST_PROBE)


def _saved_since(session: Session, provider: str, moment: datetime | None) -> bool:
    saved = session.scalar(select(func.max(Setting.changed_at)).where(Setting.plugin == provider))
    return saved is not None and (moment is None or saved > moment)


def _known(session: Session, provider: str) -> None:
    if session.scalar(select(PluginState.plugin).where(PluginState.plugin == provider)) is None:
        raise Unknown(f"There is no provider called {provider}.", hint="rolecall plugins lists what is installed.")


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _set(session: Session, provider: str, **values: object) -> None:
    session.execute(update(PluginState).where(PluginState.plugin == provider).values(**values), execution_options=_OPTIONS)
