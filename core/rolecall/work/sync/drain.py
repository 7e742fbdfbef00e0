"""Brings one provider up to date: claim, plan, write down what will be tried, call, settle, until nothing is due.

Owns the transactions around these, and that none is open while a provider is called. Idempotent: it may be begun twice, forgotten
or killed at any point; what is due is in the rows.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import Ambiguous, Misconfigured, ProviderError, Transient
from rolecall.sdk.provider import Provider
from rolecall.store.engine import now
from rolecall.work import leases, slots
from rolecall.work.leases import Lease
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import circuit, groups, intent
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.call import Caller, Planned
from rolecall.work.sync.circuit import Admission
from rolecall.work.sync.claim import Claimed, claim
from rolecall.work.sync.instances import Instance
from rolecall.work.sync.outcome import Outcome
from rolecall.work.sync.plan import plan
from rolecall.work.sync.settle import Frame, settle

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: Links claimed at once: enough that the bookkeeping costs little, few enough that a killed worker keeps little waiting.
CLAIM = 50
#: Results are written down in groups of this many ...
GROUP = 25
#: ... or when the first of them is so many seconds old, so that a kill loses little.
GROUP_SECONDS = 0.25

Stop = Callable[[], bool]


def drain(app: "Application", provider_id: str, *, stop: Stop = lambda: False) -> int:
    """Work off what is due at a provider and return how many links were brought up to date or blocked.

    Returns at once when the provider is disabled, paused, down, cannot be built, or as many others as it can take are at work.
    """
    with app.db.read() as session:
        instance = app.instances.get(session, app.plugins.view(session), provider_id)
    if instance is None:
        return 0
    places = 1 if instance.provider is None else max(1, instance.provider.limits.concurrency)
    with app.db.write() as session:
        circuit.report_fault(session, provider_id, instance.fault)
        slot = None if instance.provider is None else slots.take(session, f"drain:{provider_id}", count=places, length=instance.lease)
    if slot is None:
        return 0
    try:
        return _Drain(app, provider_id, slot, stop).run()
    finally:
        with app.db.write() as session:
            slot.free(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One claim on its way."""

    instance: Instance
    provider: Provider
    admission: Admission
    links: Sequence[Claimed]
    lease: Lease
    frame: Frame


class _Drain:
    """One worker at one provider."""

    def __init__(self, app: "Application", provider_id: str, slot: slots.Slot, stop: Stop) -> None:
        self._app = app
        self._provider_id = provider_id
        self._slot = slot
        self._stop = stop
        #: Grows again from one when the provider has come back.
        self._size = CLAIM

    def run(self) -> int:
        """Go round until nothing is due or there is a reason to stop."""
        settled = 0
        while not self._stop():
            begun = time.monotonic()
            found = self._app.db.attempt(lambda session, begun=begun: self._claim(session, begun))  # type: ignore[misc]
            if found is None:
                return settled
            with leases.under(found.lease):
                done, goes_on = self._work(found)
            settled += done
            if not goes_on:
                return settled
            self._size = min(self._size * 2, max(CLAIM, found.provider.limits.batch))
        return settled

    def _claim(self, session: Session, begun: float) -> _Round | None:
        instance = self._app.instances.get(session, self._app.plugins.view(session), self._provider_id)
        if instance is None or instance.provider is None:
            return None
        moment = now(session)
        admission = circuit.admit(session, self._provider_id, moment)
        if not admission.open or not self._slot.renew(session, instance.lease):
            return None
        if admission.probe:
            self._size = 1
        links = claim(session, self._provider_id, limit=self._size, lease=instance.lease, moment=moment)
        if not links:
            return None
        fences = {link.id: link.fence for link in links}
        return _Round(
            instance=instance,
            provider=instance.provider,
            admission=admission,
            links=links,
            lease=Lease(self._app.db, fences, length=instance.lease, begun=begun, slot=self._slot),
            frame=Frame(provider=self._provider_id, admission=admission, begun=moment, settling=instance.provider.limits.settling),
        )

    def _work(self, found: _Round) -> tuple[int, bool]:
        """Plan, call and settle one claim; returns how much that settled, and whether to go on."""
        planned, outcomes = self._plan(found)
        settled = self._settle(found, outcomes)
        if not planned:
            return settled, True
        planned, outcomes = self._with_groups(found, planned)
        settled += self._settle(found, outcomes)
        if not planned:
            return settled, False
        group: list[Outcome] = []
        first, goes_on = 0.0, True
        caller = Caller(
            found.provider, found.lease, seconds=found.instance.call_seconds, failures=found.admission.failures, stop=self._stop
        )
        for outcome in caller.carry_out(planned):
            first = first if group else time.monotonic()
            group.append(outcome)
            goes_on = goes_on and not outcome.left
            if len(group) >= GROUP or time.monotonic() - first >= GROUP_SECONDS:
                settled += self._settle(found, group)
                group = []
        return settled + self._settle(found, group), goes_on

    def _plan(self, found: _Round) -> tuple[list[Planned], list[Outcome]]:
        """Decide for every link; those without anything to call, or whose planning fails, have their outcome at once."""
        with self._app.db.read() as session:
            accounts = account_snapshots(session, [link.account_id for link in found.links])
        planned: list[Planned] = []
        outcomes: list[Outcome] = []
        for link in found.links:
            try:
                change = plan(
                    found.provider,
                    accounts[link.account_id],
                    link_id=link.id,
                    goal=link.goal,
                    external_id=link.external_id,
                    sent=sent_state.load(link.sent),
                    may_exist=link.may_exist,
                )
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this account's outcome
                outcomes.append(_unplanned(link, error))
                continue
            if change is None:
                outcomes.append(Outcome(link=link))
            else:
                planned.append(Planned(link=link, change=change))
        if planned:
            with self._app.db.write() as session:
                planned, broken = intent.commit_to(session, self._app.keyring, planned)
            outcomes.extend(broken)
        return planned, outcomes

    def _with_groups(self, found: _Round, planned: list[Planned]) -> tuple[list[Planned], list[Outcome]]:
        """Make the groups first. If the provider does not answer, only one account has that attempt counted."""
        try:
            groups.ensure(self._app, found.instance, self._provider_id, planned)
        except (Transient, Ambiguous, Misconfigured) as error:
            first, *rest = planned
            failed = Outcome(link=first.link, change=first.change, error=error)
            return [], [failed, *(Outcome(link=each.link, change=each.change, called=False) for each in rest)]
        except (Exception, SystemExit) as error:  # a plugin may raise anything; whoever needs that group will tell what is wrong with it
            log.error("groups not made", provider=self._provider_id, exc_info=error)
        return planned, []

    def _settle(self, found: _Round, outcomes: Sequence[Outcome]) -> int:
        if not outcomes:
            return 0
        settled = self._app.db.attempt(lambda session: settle(session, found.frame, outcomes))
        found.lease.settled(outcome.link.id for outcome in outcomes)
        return settled


def _unplanned(link: Claimed, error: BaseException) -> Outcome:
    if not isinstance(error, Exception):
        error = RuntimeError(f"The plugin tried to end the program ({type(error).__name__}).")
    if not isinstance(error, ProviderError):
        log.error("plugin failed", provider=link.provider, link=link.id, verb="attributes", exc_info=error)
    return Outcome(link=link, error=error)
