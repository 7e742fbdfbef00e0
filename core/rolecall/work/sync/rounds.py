"""One worker's rounds at one provider: claim, plan, prepare, call, settle, until nothing is due or there is a reason to stop.

Owns the transactions around these, and that none is open while a provider is called. What is claimed, planned, called and written is the
subclass's to say: accounts are in `accounts`, classes in `classes`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy.orm import Session

from rolecall.sdk.provider import Provider
from rolecall.store.engine import now
from rolecall.work import leases, slots
from rolecall.work.leases import Lease
from rolecall.work.slots import Slot
from rolecall.work.sync import circuit, rules
from rolecall.work.sync.circuit import Admission
from rolecall.work.sync.claim import ClaimedLink, claim_links, is_any_due, on_their_way
from rolecall.work.sync.instances import Instance
from rolecall.work.sync.outcome import LinkOutcome
from rolecall.work.sync.rows import Frame

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Links claimed at once: enough that the bookkeeping costs little, few enough that a killed worker keeps little waiting. Only whole batches
#: are claimed: 50 links for batches of 20 would be three calls where two and a half are needed, and 1,000 updates at Microsoft 365 took
#: 1.2 times as many calls as they do now.
CLAIM = 50
#: Results are written down in groups of this many ...
GROUP = 25
#: ... or when the first of them is so many seconds old, so that a kill loses little.
GROUP_SECONDS = 0.25

Stop = Callable[[], bool]
LinkT = TypeVar("LinkT", bound=ClaimedLink)
PlannedT = TypeVar("PlannedT")
OutcomeT = TypeVar("OutcomeT", bound=LinkOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Generic[LinkT]):
    """One claim on its way."""

    instance: Instance
    provider: Provider
    admission: Admission
    links: Sequence[LinkT]
    lease: Lease
    frame: Frame


def whole_batches(batch: int) -> int:
    """Return how many links to claim for a provider that takes so many in one call: whole batches, at least one."""
    return max(1, CLAIM // max(1, batch)) * max(1, batch)


class Rounds(ABC, Generic[LinkT, PlannedT, OutcomeT]):
    """The rounds of one worker in one place."""

    def __init__(self, kind: type[LinkT], app: "Application", provider_id: str, slot: Slot, stop: Stop) -> None:
        """Take a worker's place. ``kind`` is what is claimed."""
        self.kind = kind
        self.app = app
        self.provider_id = provider_id
        self.stop = stop
        self._slot = slot

    def run(self) -> int:
        """Go round, and return how many links were brought up to date or blocked."""
        settled = 0
        while not self.stop():
            begun = time.monotonic()
            found = self.app.db.attempt(lambda session, begun=begun: self._claim(session, begun))  # type: ignore[misc]
            if found is None:
                return settled
            with leases.under(found.lease):
                done, goes_on = self._work(found)
            settled += done
            if not goes_on:
                return settled
        return settled

    def concerns(self, provider: Provider) -> bool:
        """Tell whether this provider, as it is set now, has anything of the kind."""
        return True

    def decide(self, session: Session, provider: Provider, moment: datetime) -> None:
        """Decide what may not be claimed, before anything is."""

    @abstractmethod
    def plan(self, found: Round[LinkT]) -> tuple[list[PlannedT], list[OutcomeT]]:
        """Decide for every link and write down what will be tried; those without anything to call have their outcome at once."""

    def prepare(self, found: Round[LinkT], planned: list[PlannedT]) -> tuple[list[PlannedT], list[OutcomeT]]:
        """Make what all of the plan needs, before any of it; where that fails, nothing is left to be called."""
        return planned, []

    @abstractmethod
    def carry_out(self, found: Round[LinkT], planned: Sequence[PlannedT]) -> Iterator[OutcomeT]:
        """Have the provider carry the plan out: one outcome for each."""

    @abstractmethod
    def write(self, session: Session, frame: Frame, outcomes: Sequence[OutcomeT]) -> int:
        """Write outcomes down and return how many links were brought up to date or blocked."""

    def _claim(self, session: Session, begun: float) -> Round[LinkT] | None:
        instance = self.app.instances.get(session, self.app.plugins.view(session), self.provider_id)
        if instance is None or instance.provider is None or not self.concerns(instance.provider):
            return None
        if rules.is_report_only(instance.provider):
            return None
        moment = now(session)
        self.decide(session, instance.provider, moment)
        # Before a probe of a provider that was down is spent on nothing.
        if not is_any_due(session, self.kind.table, self.provider_id, moment):
            return None
        admission = circuit.admit(session, self.provider_id, moment)
        if not admission.open or not self._slot.renew(session, instance.lease):
            return None
        self._share_rate(session, instance)
        limit = whole_batches(instance.provider.limits.batch)
        if admission.at_once is not None:
            # It comes back: what others have on their way to it counts as well.
            limit = min(limit, admission.at_once - on_their_way(session, self.provider_id, moment))
            if limit <= 0:
                return None
        links = claim_links(session, self.kind, self.provider_id, limit=limit, lease=instance.lease, moment=moment)
        if not links:
            return None
        fences = {link.id: link.fence for link in links}
        return Round(
            instance=instance,
            provider=instance.provider,
            admission=admission,
            links=links,
            lease=Lease(self.app.db, fences, length=instance.lease, begun=begun, slot=self._slot, table=self.kind.table),
            frame=Frame(provider=self.provider_id, admission=admission, begun=moment, settling=instance.provider.limits.settling),
        )

    def _share_rate(self, session: Session, instance: Instance) -> None:
        """Keep to this process's part of the provider's rate: that of the workers at it which are ours.

        Looked at with every claim and every group of results, so a process that comes or goes is noticed within a second or so.
        """
        if instance.http is not None and instance.http.rate is not None:
            everybody = slots.owners(session, self._slot.name)
            ours = everybody & self.app.instances.at_work
            instance.http.share(len(ours) / max(1, len(everybody)))

    def _work(self, found: Round[LinkT]) -> tuple[int, bool]:
        """Plan, call and settle one claim; returns how much that settled, and whether to go on."""
        planned, outcomes = self.plan(found)
        settled = self._settle(found, outcomes)
        if not planned:
            return settled, True
        planned, outcomes = self.prepare(found, planned)
        settled += self._settle(found, outcomes)
        if not planned:
            return settled, False
        group: list[OutcomeT] = []
        first, goes_on = 0.0, True
        for outcome in self.carry_out(found, planned):
            first = first if group else time.monotonic()
            group.append(outcome)
            goes_on = goes_on and not outcome.left
            if len(group) >= GROUP or time.monotonic() - first >= GROUP_SECONDS:
                settled += self._settle(found, group)
                group = []
        return settled + self._settle(found, group), goes_on

    def _settle(self, found: Round[LinkT], outcomes: Sequence[OutcomeT]) -> int:
        if not outcomes:
            return 0

        def record(session: Session) -> int:
            self._share_rate(session, found.instance)
            return self.write(session, found.frame, outcomes)

        settled = self.app.db.attempt(record)
        found.lease.settled(outcome.link.id for outcome in outcomes)
        return settled
