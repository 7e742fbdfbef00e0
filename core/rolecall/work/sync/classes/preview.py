"""Shows what a sync would do to classes: attributes before -> after, and who comes and goes, with nothing sent (R63).

Uses the same plan as the sync itself. Writes nothing and calls nobody; classes are read in parts, so any number of them can be shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.sdk.integration import ClassSettings
from rolecall.sdk.provider import Provider
from rolecall.store.tables import ClassLink, Period, SchoolClass
from rolecall.work import class_links
from rolecall.work.class_links import Integration
from rolecall.work.snapshots import class_snapshots
from rolecall.work.sync.circuit import sentence
from rolecall.work.sync.classes import sent as sent_state
from rolecall.work.sync.classes.plan import ClassChange, plan
from rolecall.work.sync.classes.roll import Roll, rolls
from rolecall.work.sync.preview import opened, pair

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Classes read at once.
_PART = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLine:
    """What would happen to one class. ``fields`` are (before, after) by attribute; ``members`` are who leaves and who comes, by user name.

    ``added`` and ``removed`` are their numbers, also where the actor may not see who they are. ``queued`` and ``error`` as for accounts.
    """

    class_id: int
    code: str
    name: str
    period: str
    verb: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    added: int = 0
    removed: int = 0
    queued: bool = False
    error: str | None = None


def preview_classes(app: "Application", actor: Actor, provider_id: str, *, values: Mapping[str, Any] | None = None) -> Iterator[ClassLine]:
    """Walk the classes for which something would be done, in the order of their ids; none where classes are not kept in step.

    ``values`` are settings in place of the saved ones. Raises what :func:`rolecall.work.sync.preview.preview` does.
    """
    with opened(app, provider_id, values) as provider:
        if not provider.has_classes() or not provider.settings.get("classes"):
            return
        integration = _integration(provider)
        after = 0
        while True:
            with app.db.read() as session:
                rows = session.execute(_part(integration, after)).all()
                lines = _lines(session, provider, rows)
            yield from (line if actor.types is None else _without_names(line) for line in lines)
            if len(rows) < _PART:
                return
            after = rows[-1].id


def _integration(provider: Provider) -> Integration:
    settings: dict[str, Any] = {**ClassSettings().load({}), **provider.settings}
    return Integration(provider=provider.id, class_periods=settings["class_periods"], on_class_end=settings["on_class_end"])


def _part(integration: Integration, after: int) -> Select[Any]:
    """Classes that have a link, and those that would get one; with the goal that a change would set now."""
    linked = and_(ClassLink.class_id == SchoolClass.id, ClassLink.provider == integration.provider)
    taught = class_links.is_taught(integration)
    concerned = taught if integration.on_class_end == "leave" else or_(taught, ClassLink.id.is_not(None))
    behind = and_(ClassLink.id.is_not(None), ClassLink.synced < ClassLink.wanted)
    columns = (ClassLink.id.label("link_id"), ClassLink.goal, ClassLink.external_id, ClassLink.sent, ClassLink.blocked)
    return (
        select(SchoolClass.id, class_links.goal(integration).label("now"), behind.label("behind"), *columns)
        .join(Period, Period.id == SchoolClass.period_id)
        .outerjoin(ClassLink, linked)
        .where(SchoolClass.id > after, or_(concerned, behind))
        .order_by(SchoolClass.id)
        .limit(_PART)
    )


def _lines(session: Session, provider: Provider, rows: Any) -> list[ClassLine]:
    ids = [row.id for row in rows]
    classes = class_snapshots(session, ids)
    sent = {row.id: sent_state.load(row.sent) for row in rows}
    roll = rolls(session, provider.id, ids, {class_id: each.members for class_id, each in sent.items() if each is not None})
    lines = []
    for row in rows:
        each = classes[row.id]
        queued = bool(row.behind) and not row.blocked
        line = ClassLine(class_id=row.id, code=each.code, name=each.name, period=each.period.code, verb="none", queued=queued)
        try:
            change = plan(
                provider, each, link_id=row.link_id or 0, goal=row.goal if queued else row.now, external_id=row.external_id,
                sent=sent[row.id], roll=roll[row.id],
            )  # fmt: skip
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this class's line
            lines.append(replace(line, error=sentence(error if isinstance(error, Exception) else RuntimeError())))
            continue
        if change is not None:
            lines.append(_told(line, change, roll[row.id]))
    return lines


def _told(line: ClassLine, change: ClassChange, roll: Roll) -> ClassLine:
    fields = {name: pair(change.before.get(name), value) for name, value in change.after.items()}
    if change.add or change.remove:
        gone, new = (sorted(f"{roll.names[each.external_id]} ({each.role})" for each in moved) for moved in (change.remove, change.add))
        fields["members"] = (gone, new)
    return replace(line, verb=str(change.verb), fields=fields, added=len(change.add), removed=len(change.remove))


def _without_names(line: ClassLine) -> ClassLine:
    return replace(line, fields={name: each for name, each in line.fields.items() if name != "members"})
