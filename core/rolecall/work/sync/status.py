"""The numbers of the sync page: per provider how much is pending, since when, and what stands in the way. A read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.sdk.words import SYNC_STATES
from rolecall.store.engine import now
from rolecall.store.tables import ClassLink, Link, PluginState, Setting
from rolecall.work import links
from rolecall.work.sync.classes.waiting import ClassFigures, figures
from rolecall.work.sync.held_groups import because, groups, state_of

if TYPE_CHECKING:
    from rolecall.plugins.registry import View

#: Reasons shown per provider; more are the same trouble in other words.
REASONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why links are blocked or wait: the class of the error, its text, and how many; of accounts or of classes (``of``)."""

    error_class: str
    text: str
    count: int
    of: str = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """How one provider is. ``state`` is ok, open, paused or held; ``oldest`` is when the longest waiting link fell behind."""

    provider: str
    label: str
    enabled: bool
    state: str
    reason: str | None
    until: datetime | None
    fault: str | None
    last_success_at: datetime | None
    linked: int
    pending: int
    oldest: datetime | None
    by_state: Mapping[str, int]
    reasons: Sequence[Reason]
    #: How many accounts would be closed and wait for somebody (R62), and the sentence that says so.
    held: int = 0
    held_because: str = ""
    #: Nothing is sent, and what would be is only shown.
    report_only: bool = False
    #: As the figures before, but of classes.
    classes: ClassFigures = field(default_factory=ClassFigures)


def status(session: Session, view: "View", provider: str | None = None) -> list[ProviderStatus]:
    """Return how the enabled providers are, or one of them; also those that were disabled and have links."""
    moment = now(session)
    rows = session.execute(
        select(Link.provider, links.state(moment).label("state"), func.count().label("number"), func.min(Link.changed_at).label("oldest"))
        .where(Link.goal != links.RELEASED, Link.provider == provider if provider else Link.provider.is_not(None))
        .group_by(Link.provider, "state")
    ).all()
    classes = figures(session)
    names = dict.fromkeys([*view.providers, *(row.provider for row in rows), *classes])
    states = {row.plugin: row for row in session.scalars(select(PluginState))}
    quiet = select(Setting.plugin, Setting.value).where(Setting.key == "report_only", Setting.value.is_not(None))
    reporting = {row.plugin for row in session.execute(quiet) if row.value["value"] is True}
    waiting_for_somebody = groups(session, provider)
    found = []
    for name in names:
        if provider is not None and name != provider:
            continue
        own = [row for row in rows if row.provider == name]
        waiting = [row for row in own if row.state != "done"]
        kind, row = view.providers.get(name), states.get(name)
        held = [each for each in waiting_for_somebody if each.provider == name]
        state, why = state_of(row, held)
        found.append(
            ProviderStatus(
                provider=name,
                label=kind.label if kind else name,
                enabled=kind is not None,
                state=state,
                reason=why,
                until=row.until if row else None,
                fault=row.fault if row else None,
                last_success_at=row.last_success_at if row else None,
                linked=sum(each.number for each in own),
                pending=sum(each.number for each in waiting),
                oldest=min((each.oldest for each in waiting), default=None),
                by_state={word: sum(each.number for each in own if each.state == word) for word in SYNC_STATES},
                reasons=[*_reasons(session, name), *_reasons(session, name, ClassLink)],
                classes=classes.get(name, ClassFigures()),
                report_only=name in reporting,
                held=sum(each.number for each in held),
                held_because=because(held),
            )
        )
    return found


def _reasons(session: Session, provider: str, table: type[Link] | type[ClassLink] = Link) -> list[Reason]:
    number = func.count().label("number")
    rows = session.execute(
        select(table.error_class, table.error, number)
        .where(table.provider == provider, table.synced < table.wanted, table.error.is_not(None))
        .group_by(table.error_class, table.error)
        .order_by(number.desc(), table.error)
        .limit(REASONS)
    )
    of = "class" if table is ClassLink else "account"
    return [Reason(error_class=row.error_class or "error", text=row.error, count=row.number, of=of) for row in rows]
