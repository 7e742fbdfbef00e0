"""Whether anybody works off what waits for the account: its part of a run, a change for a provider, a message."""

from collections.abc import Iterator

from rolecall.work import brakes, heartbeat
from rolecall.work.doctor.case import Case
from rolecall.work.doctor.finding import OPERATOR, WARNING, Finding


def worker(case: Case) -> Iterator[Finding]:
    """That nobody looks for what is due, while something for this account is; a worker that is there needs no word."""
    if not case.work.idle:
        return
    at_providers = any(each.synced < each.wanted and not each.blocked and each.brake not in brakes.WAITING for each in case.links)
    waits = [
        *(["an action on this account"] if case.waits.action else []),
        *(["a change for a service"] if at_providers and not case.person.no_sync else []),
        *(["a message to the person"] if case.waits.message else []),
    ]
    if not waits:
        return
    since = "No worker was ever here" if case.work.looked_at is None else f"No worker was here since {case.when(case.work.looked_at)}"
    yield Finding(
        code="nobody-works", subject="Worker", state=WARNING, sentence=f"{since}, so what is to be done waits: {', '.join(waits)}.",
        detail=heartbeat.START, done_by=OPERATOR,
    )  # fmt: skip
