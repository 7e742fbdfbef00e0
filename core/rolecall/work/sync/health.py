"""How each provider is in one word, and what is to be done about it by whom (R61).

Owns the words and the sentences, which the page, the API and the command share. A read that costs as much as what waits, not as much as
there are accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.store.tables import PluginState, Setting
from rolecall.work import heartbeat
from rolecall.work.heartbeat import Work
from rolecall.work.sync import circuit
from rolecall.work.sync.backlog import Backlog, backlogs
from rolecall.work.sync.held_groups import because, groups, state_of

if TYPE_CHECKING:
    from rolecall.plugins.registry import View

#: The words, those that need somebody first.
WORDS = ("unusable", "refused", "down", "held", "slow", "paused", "waiting", "reporting", "working", "off")
#: What was not tried for so long is more than a queue: a worker, or the provider, is too slow for what there is to do.
SLOW = timedelta(minutes=15)

NOBODY = "Nobody has to do anything."
OFFICE = "Whoever may edit the integrations."
OPERATOR = "Whoever runs Rolecall."

_OFF = ("off", "Nothing is sent. Enable the integration to go on.", OFFICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one provider is.

    ``word`` is one of :data:`WORDS`, ``state`` the narrower one of the outside contract (ok, open, paused, held). ``advice`` says what to
    do, ``who`` whose job that is.
    """

    provider: str
    label: str
    enabled: bool
    word: str
    advice: str
    who: str
    state: str
    until: datetime | None
    last_success_at: datetime | None
    backlog: Backlog
    held_because: str = ""

    @property
    def needs_somebody(self) -> bool:
        """Whether it does not go on by itself."""
        return self.who != NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    label: str
    enabled: bool
    reports: bool
    row: PluginState | None
    held_because: str
    backlog: Backlog
    work: Work
    moment: datetime


def health(session: Session, view: "View", provider: str | None = None) -> list[Health]:
    """Return how the enabled providers are, or one of them; also those that were disabled and where something waits."""
    moment, work = now(session), heartbeat.work(session)
    waits = backlogs(session)
    states = {row.plugin: row for row in session.scalars(select(PluginState).where(PluginState.is_provider))}
    quiet = select(Setting.plugin, Setting.value).where(Setting.key == "report_only", Setting.value.is_not(None))
    reporting = {row.plugin for row in session.execute(quiet) if row.value["value"] is True}
    all_held = groups(session, provider)
    found = []
    for name in dict.fromkeys([*view.providers, *sorted(waits)]):
        if provider is not None and name != provider:
            continue
        kind, row = view.providers.get(name), states.get(name)
        held = [each for each in all_held if each.provider == name]
        state, _ = state_of(row, held)
        facts = _Facts(
            label=kind.label if kind else name, enabled=kind is not None, reports=name in reporting, row=row, held_because=because(held),
            backlog=waits.get(name, Backlog()), work=work, moment=moment,
        )  # fmt: skip
        word, advice, who = _judge(facts)
        found.append(
            Health(
                provider=name, label=facts.label, enabled=facts.enabled, word=word, advice=advice, who=who, state=state,
                until=row.until if row else None, last_success_at=row.last_success_at if row else None, backlog=facts.backlog,
                held_because=facts.held_because,
            )
        )  # fmt: skip
    return found


def absent(provider: str) -> Health:
    """A provider that is not enabled, and at which nothing waits."""
    word, advice, who = _OFF
    return Health(
        provider=provider, label=provider, enabled=False, word=word, advice=advice, who=who, state="ok", until=None, last_success_at=None,
        backlog=Backlog(),
    )  # fmt: skip


def in_order(found: Sequence[Health]) -> list[Health]:
    """Those that need somebody first."""
    return sorted(found, key=lambda each: (not each.needs_somebody, WORDS.index(each.word), each.label))


def _judge(facts: _Facts) -> tuple[str, str, str]:
    row, label = facts.row, facts.label
    if not facts.enabled:
        return _OFF
    if row is not None and row.fault:
        return "unusable", f"Mend its settings: {row.fault}", OFFICE
    if facts.reports:
        advice = "Nothing is sent. Look at the plan, and switch “Report only” off in the settings when it is right."
        return "reporting", advice, OFFICE
    reason = (row.reason if row is not None else None) or ""
    if row is not None and row.state == circuit.PAUSED:
        if row.paused_by is None:
            advice = f"{reason} Resume it, or correct its settings: saving them resumes it too."
            return "refused", advice.strip(), f"An administrator of {label}, then whoever may edit the integrations."
        return "paused", f"{reason} Resume it, or correct its settings: saving them resumes it too.".strip(), OFFICE
    if row is not None and row.state == circuit.OPEN:
        return "down", f"{reason} It is tried again by itself.".strip(), f"Nobody, unless it lasts: then whoever runs {label}."
    return _judge_work(facts)


def _judge_work(facts: _Facts) -> tuple[str, str, str]:
    """Judge a provider that may be called."""
    row, waits = facts.row, facts.backlog
    if waits.held:
        return "held", "Look at what is held, and approve or discard it. Everything else goes on.", OFFICE
    if row is not None and row.until is not None and row.until > facts.moment:
        return "waiting", f"{facts.label} asked to be left alone for a while; then it goes on by itself.", NOBODY
    blocked = _blocked(waits)
    if waits.queued_since is not None and facts.moment - waits.queued_since > SLOW:
        if facts.work.idle:
            return "slow", f"Nothing is being worked off. {heartbeat.START}", OPERATOR
        waits_for = f"Changes have waited for their turn for more than {SLOW // timedelta(minutes=1)} minutes."
        advice = f"{waits_for} If it stays so, start another worker, or ask whether {facts.label} is slow. {blocked}"
        return "slow", advice.strip(), OPERATOR
    if blocked:
        return "working", blocked, OFFICE
    if waits.pending:
        return "working", "Nothing to do: the changes are on their way.", NOBODY
    return "working", "Nothing to do: every account is in step.", NOBODY


def _blocked(waits: Backlog) -> str:
    accounts, classes = waits.accounts["blocked"], waits.classes["blocked"]
    if accounts:
        return f"{accounts:,} {'account needs' if accounts == 1 else 'accounts need'} somebody: look at the reasons, mend them, retry."
    if classes:
        needs = "class needs" if classes == 1 else "classes need"
        return f"{classes:,} {needs} somebody: look at the tab of the classes, mend them, retry."
    return ""
