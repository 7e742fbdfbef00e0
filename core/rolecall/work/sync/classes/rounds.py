"""Brings the classes at a provider up to date: what is planned, written down beforehand, called and settled in each round."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from rolecall.sdk.provider import Provider
from rolecall.store.tables import ClassLink
from rolecall.work.snapshots import class_snapshots
from rolecall.work.sync.call import Guard, tamed
from rolecall.work.sync.claim import ClaimedClass
from rolecall.work.sync.classes import sent as sent_state
from rolecall.work.sync.classes.call import ClassCaller, ClassOutcome, PlannedClass
from rolecall.work.sync.classes.plan import ClassVerb, plan
from rolecall.work.sync.classes.roll import rolls
from rolecall.work.sync.classes.sent import SentClass
from rolecall.work.sync.classes.settle import settle
from rolecall.work.sync.rounds import Round, Rounds
from rolecall.work.sync.rows import Frame

_TABLE = cast(Table, ClassLink.__table__)
_INTENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"), _TABLE.c.fence == bindparam("b_fence"))
    .values(sent=bindparam("b_sent", type_=_TABLE.c.sent.type))
)


class ClassRounds(Rounds[ClaimedClass, PlannedClass, ClassOutcome]):
    """Rounds over links of classes."""

    def concerns(self, provider: Provider) -> bool:
        """Tell whether the service has classes and the office wants them there."""
        return provider.has_classes() and bool(provider.settings.get("classes"))

    def plan(self, found: Round[ClaimedClass]) -> tuple[list[PlannedClass], list[ClassOutcome]]:
        """Decide for every link; whoever goes on after a crash knows from what is written down that something was tried."""
        sent = {link.class_id: sent_state.load(link.sent) for link in found.links}
        former = {class_id: each.members for class_id, each in sent.items() if each is not None}
        ids = [link.class_id for link in found.links]
        with self.app.db.read() as session:
            classes = class_snapshots(session, ids)
            roll = rolls(session, self.provider_id, ids, former)
        planned: list[PlannedClass] = []
        outcomes: list[ClassOutcome] = []
        for link in found.links:
            try:
                change = plan(
                    found.provider, classes[link.class_id], link_id=link.id, goal=link.goal, external_id=link.external_id,
                    sent=sent[link.class_id], roll=roll[link.class_id],
                )  # fmt: skip
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this class's outcome
                outcomes.append(ClassOutcome(link=link, error=tamed(error, link, "class_attributes")))
                continue
            if change is None:
                outcomes.append(ClassOutcome(link=link))
                continue
            trying = (sent[link.class_id] or SentClass()).trying(change.add, archiving=change.verb is ClassVerb.ARCHIVE)
            planned.append(PlannedClass(link=replace(link, sent=sent_state.dump(trying)), change=change))
        if planned:
            with self.app.db.write() as session:
                rows = [{"b_id": each.link.id, "b_fence": each.link.fence, "b_sent": each.link.sent} for each in planned]
                session.connection().execute(_INTENT, rows)
        return planned, outcomes

    def carry_out(self, found: Round[ClaimedClass], planned: Sequence[PlannedClass]) -> Iterator[ClassOutcome]:
        """Call the provider."""
        guard = Guard(found.lease, seconds=found.instance.call_seconds, failures=found.admission.failures, stop=self.stop)
        return ClassCaller(found.provider, guard).carry_out(planned)

    def write(self, session: Session, frame: Frame, outcomes: Sequence[ClassOutcome]) -> int:
        """Settle."""
        return settle(session, frame, outcomes)
