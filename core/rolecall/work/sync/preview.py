"""Shows what a sync would do: per account and field, before -> after, with nothing sent (R63).

Uses the same plan as the sync itself. With settings that are not saved yet it shows what saving them would change. Writes nothing and
calls nobody; accounts are read in parts, so any number of them can be shown.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Refused, Unknown
from rolecall.sdk.fields import form
from rolecall.sdk.integration import IntegrationSettings
from rolecall.sdk.provider import Provider, Verb
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Person
from rolecall.work import links
from rolecall.work.links import Integration
from rolecall.work.runs.forms import Form
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.circuit import sentence
from rolecall.work.sync.plan import plan

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Accounts read at once.
_PART = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What would happen to one account. ``fields`` are (before, after) by attribute.

    ``queued`` tells that it is due anyway; otherwise it would happen with the next sync of the account. ``error`` is the sentence why no
    plan could be made.
    """

    account_id: int
    username: str
    name: str
    verb: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    queued: bool = False
    error: str | None = None


def preview(
    app: "Application", actor: Actor, provider_id: str, *, values: Mapping[str, Any] | None = None, account_id: int | None = None
) -> Iterator[Line]:
    """Walk the accounts for which something would be done, in the order of their ids; of those whom the actor's rights reach (R58).

    ``values`` are settings in place of the saved ones; with ``account_id`` only this account is looked at.

    Memberships are shown as the groups that are added and removed.

    :raises Unknown: when no such provider is installed.
    :raises Refused: when it could not be built with these settings.
    :raises Invalid: with the sentences of every wrong setting.
    """
    with opened(app, provider_id, values) as provider:
        with app.db.read() as session:
            integration, moment = _integration(app, session, provider_id, values or {}), now(session)
        after = 0
        reached = [*reach.accounts(actor.types), *([] if account_id is None else [Account.id == account_id])]
        while True:
            with app.db.read() as session:
                rows = session.execute(_part(integration, moment, after).where(*reached)).all()
                accounts = account_snapshots(session, [row.id for row in rows])
            for row in rows:
                line = _line(provider, accounts[row.id], row)
                if line is not None:
                    yield line
            if len(rows) < _PART:
                return
            after = rows[-1].id


@contextmanager
def opened(app: "Application", provider_id: str, values: Mapping[str, Any] | None) -> Iterator[Provider]:
    """Build a provider with ``values`` in place of what is saved, for a plan that is only shown.

    :raises Unknown: when no such provider is installed.
    :raises Refused: when it could not be built with these settings.
    """
    plugin = next((each for each in app.plugins.installed.values() if provider_id in each.providers), None)
    if plugin is None:
        raise Unknown(f"There is no provider called {provider_id}.", hint="rolecall plugins lists what is installed.")
    with app.db.read() as session:
        instance = app.instances.candidate(session, plugin, plugin.providers[provider_id], values)
    try:
        if instance.provider is None:
            raise Refused(f"{plugin.label} cannot show a plan.", hint=instance.fault or "")
        yield instance.provider
    finally:
        if instance.http is not None:
            instance.http.close()


def _integration(app: "Application", session: Session, provider_id: str, values: Mapping[str, Any]) -> Integration:
    saved = next(iter(links.integrations(session, [provider_id])), None)
    settings: dict[str, Any] = asdict(saved) if saved is not None else {}
    settings.pop("provider", None)
    known = IntegrationSettings().fields
    given = {name: value for name, value in values.items() if name in known}
    with form(Form(session=session, view=app.plugins.view(session))):
        settings |= {name: value for name, value in IntegrationSettings().load(given, partial=True).items() if name in given}
    return Integration.of(provider_id, settings)


def _part(integration: Integration, moment: datetime, after: int) -> Select[Any]:
    """Linked accounts, and those that would get a link; with the goal that a change would set now."""
    linked = and_(Link.account_id == Account.id, Link.provider == integration.provider)
    ours = and_(Link.id.is_not(None), Link.goal != "released")
    ours = and_(ours, or_(Link.synced < Link.wanted, ~links.left_alone(integration)))
    missing = and_(Link.id.is_(None), Account.active, Account.deleted_at.is_(None), links.in_scope(integration))
    columns = (Link.id.label("link_id"), Link.goal, Link.external_id, Link.sent, Link.sealed_password, Link.blocked)
    return (
        select(Account.id, links.goal(integration, moment).label("now"), (Link.synced < Link.wanted).label("behind"), *columns)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(Link, linked)
        .where(Account.id > after, ~Person.no_sync, or_(ours, missing))
        .order_by(Account.id)
        .limit(_PART)
    )


def _line(provider: Provider, account: Any, row: Any) -> Line | None:
    facts = {"account_id": account.id, "username": account.username, "name": f"{account.person.first_name} {account.person.last_name}"}
    queued = bool(row.behind) and not row.blocked
    try:
        change = plan(
            provider,
            account,
            link_id=row.link_id or 0,
            goal=row.goal if queued else row.now,
            external_id=row.external_id,
            sent=sent_state.load(row.sent),
            may_exist=row.external_id is None and row.sealed_password is not None,
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this account's line
        return Line(verb="none", queued=queued, error=sentence(error if isinstance(error, Exception) else RuntimeError()), **facts)
    if change is None:
        return None
    fields = {} if change.verb is Verb.DELETE else {name: pair(change.before.get(name), value) for name, value in change.after.items()}
    return Line(verb=str(change.verb), fields=fields, queued=queued, **facts)


def pair(before: Any, after: Any) -> tuple[Any, Any]:
    """Return a field before and after; of a set, what is taken away and what is added."""
    if isinstance(after, frozenset):
        known = before if isinstance(before, frozenset) else frozenset()
        return sorted(known - after), sorted(after - known)
    return before, after
