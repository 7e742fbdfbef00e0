"""Changes that are no run: one person's record, roles, periods, statuses, settings, plugins. Each is one transaction with its audit entry.

Owns that none of them is left out of the audit, whichever face asks (R67). The rules are in ``accounts``; permissions are the face's to
declare, except what the rules themselves ask of the actor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, people, periods, roles, settings, statuses
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.plugins import state
from rolecall.plugins.registry import View
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person, PluginState, Role
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.documents import period_document, settings_schema, status_document
from rolecall.work.runs.validators import Validators
from rolecall.work.sync import circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where validators are asked about a change that is no batch of a run."""

    app: Application
    session: Session
    view: View


def add_person(app: Application, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a person and return the id (R2, R6).

    :raises Invalid: with the sentences of every wrong field.
    """

    def unit(session: Session) -> int:
        person = people.create(session, values, now=now(session))
        payload = {"person": person.id, "list": person.list, "code": person.code}
        audit.append(session, actor=actor, kind="person.create", payload=payload)
        return person.id

    return app.db.attempt(unit)


def edit_person(app: Application, actor: Actor, person_id: int, values: Mapping[str, Any], *, version: int | None = None) -> None:
    """Change what is given of a person; the account falls behind at its providers, and plugins may refuse the change.

    :raises Invalid: with the sentences of every wrong field.
    :raises Refused: when a plugin's service could not take it, in the plugin's words.
    :raises Stale: when somebody else changed the record since ``version``.
    """

    def unit(session: Session) -> None:
        ids = list(session.scalars(select(Account.id).where(Account.person_id == person_id)))
        links.lock_accounts(session, ids)
        people.get(session, person_id, lock=True)
        validators = Validators(_Place(app=app, session=session, view=app.plugins.view(session)))
        validators.remember(ids)
        edited = people.edit(session, person_id, values, now=now(session), version=version)
        if not edited.after:
            return
        for _code, message in validators.refusals(ids).values():
            raise Refused(message)
        links.behind(session, ids)
        payload = {"person": person_id, "before": dict(edited.before), "after": dict(edited.after)}
        audit.append(session, actor=actor, kind="person.edit", payload=payload, account_id=ids[0] if ids else None)

    app.db.attempt(unit)
    _wake(app)


def add_role(app: Application, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a role and return its id; ``values`` are the arguments of :func:`roles.create`."""

    def unit(session: Session) -> int:
        role = roles.create(session, actor=actor, **values)
        audit.append(session, actor=actor, kind="role.create", payload={"role": role.id, **_role_facts(session, role)})
        return role.id

    return app.db.attempt(unit)


def edit_role(app: Application, actor: Actor, role_id: int, values: Mapping[str, Any], *, version: int | None = None) -> None:
    """Change what is given of a role; ``values`` are the arguments of :func:`roles.edit`."""

    def unit(session: Session) -> None:
        before = _role_facts(session, roles.get(session, role_id, lock=True))
        role = roles.edit(session, role_id, actor=actor, version=version, **values)
        payload = {"role": role.id, "before": before, "after": _role_facts(session, role)}
        audit.append(session, actor=actor, kind="role.edit", payload=payload)

    app.db.attempt(unit)


def add_period(app: Application, actor: Actor, values: Mapping[str, Any], *, current: bool = False) -> int:
    """Add a period, open, and make it the current one if asked to; return its id (R59a)."""

    def unit(session: Session) -> int:
        period = periods.create(session, **values)
        if current:
            periods.make_current(session, period.id)
        audit.append(session, actor=actor, kind="period.create", payload=period_document(period))
        return period.id

    return app.db.attempt(unit)


def edit_period(
    app: Application, actor: Actor, period_id: int, values: Mapping[str, Any], *, version: int | None = None,
    is_open: bool | None = None, is_current: bool | None = None,
) -> None:  # fmt: skip
    """Change what is given of a period, close or reopen it, make it the current one (R59, R59a).

    :raises Refused: when it is the current one and would be closed or would no longer be current.
    """

    def unit(session: Session) -> None:
        period = periods.get(session, period_id, lock=True)
        before = period_document(period)
        periods.edit(session, period_id, version=version, **values)
        if is_open is True:
            periods.reopen(session, period_id)
        if is_current is True:
            periods.make_current(session, period_id)
        elif is_current is False and period.is_current:
            raise Refused(f"{period.code} is the current period.", hint="Make another period the current one instead.")
        if is_open is False:
            periods.close(session, period_id)
        audit.append(session, actor=actor, kind="period.edit", payload={"before": before, "after": period_document(period)})

    app.db.attempt(unit)


def add_status(app: Application, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a student status and return its id (R3)."""

    def unit(session: Session) -> int:
        status = statuses.create(session, **values)
        audit.append(session, actor=actor, kind="status.create", payload=status_document(status))
        return status.id

    return app.db.attempt(unit)


def edit_status(app: Application, actor: Actor, status_id: int, values: Mapping[str, Any]) -> None:
    """Change what is given of a student status; accounts of its students fall behind when providers have to do something else (R3)."""

    def unit(session: Session) -> None:
        before = status_document(statuses.get(session, status_id))
        status = statuses.edit(session, status_id, **values)
        if status.provider_action != before["provider_action"]:
            holders = select(Account.id).join(Person, Person.id == Account.person_id).where(Person.status_id == status_id)
            links.behind(session, holders)
        audit.append(session, actor=actor, kind="status.edit", payload={"before": before, "after": status_document(status)})

    app.db.attempt(unit)
    _wake(app)


def set_plugin(app: Application, actor: Actor, name: str, *, enabled: bool | None = None, values: Mapping[str, Any] | None = None) -> None:
    """Save settings of a plugin and switch it on or off: both or nothing (R56, R69).

    Accounts fall behind at a provider that was enabled, or whose settings changed: what differs is sent, and nothing else.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: when it cannot be enabled.
    :raises Invalid: with the sentences of every wrong setting.
    """
    plugin = app.plugins.installed.get(name)
    if plugin is None:
        raise Unknown(f"There is no plugin called {name}.", hint="The integrations page lists what is installed.")
    schema = settings_schema(plugin)
    if values and schema is None:
        raise Invalid(f"{plugin.label} has no settings.", fields={each: ["There is no such setting."] for each in values})

    def unit(session: Session) -> None:
        saved = values and schema is not None and settings.write(session, name, schema, values, actor=actor, keyring=app.keyring)
        switched = enabled is not None and state.set_enabled(session, app.plugins, name, enabled, now=now(session))
        if plugin.providers and (saved or (switched and enabled)):
            links.behind(session, select(Account.id), providers=list(plugin.providers))
        if switched:
            kind = "plugin.enable" if enabled else "plugin.disable"
            audit.append(session, actor=actor, kind=kind, payload={"plugin": name})

    app.db.attempt(unit)
    _wake(app)


def pause_provider(app: Application, actor: Actor, name: str) -> None:
    """Leave a provider alone until it is resumed (R61).

    :raises Unknown: when no such provider was ever enabled.
    """
    _switch_provider(app, actor, name, paused=True)


def resume_provider(app: Application, actor: Actor, name: str) -> None:
    """Call a provider again that was paused or is down (R61).

    :raises Unknown: when no such provider was ever enabled.
    """
    _switch_provider(app, actor, name, paused=False)


def retry_links(app: Application, actor: Actor, *, accounts: list[int] | None = None, providers: list[str] | None = None) -> int:
    """Try again now what is blocked or waits for its next attempt; returns how many links that were (R61)."""

    def unit(session: Session) -> int:
        count = links.retry(session, accounts, providers)
        if count:
            audit.append(session, actor=actor, kind="sync.retry", payload={"accounts": accounts, "providers": providers, "links": count})
        return count

    count = app.db.attempt(unit)
    _wake(app)
    return count


def _switch_provider(app: Application, actor: Actor, name: str, *, paused: bool) -> None:
    def unit(session: Session) -> None:
        row = session.get(PluginState, name)
        if row is None or not row.is_provider:
            raise Unknown(f"There is no provider called {name}.", hint="The integrations page lists what is installed and enabled.")
        if paused:
            circuit.pause(session, name, actor)
        else:
            circuit.resume(session, name)
        audit.append(session, actor=actor, kind="provider.pause" if paused else "provider.resume", payload={"provider": name})

    app.db.attempt(unit)
    _wake(app)


def _wake(app: Application) -> None:
    """Providers may have something to do now; one that has nothing notices at once."""
    with app.db.read() as session:
        for provider in app.plugins.view(session).providers:
            app.nudge("drain", provider, 0)


def _role_facts(session: Session, role: Role) -> dict[str, Any]:
    return {
        "name": role.name, "user_type": role.user_type, "active": role.active, "is_default": role.is_default,
        "permissions": sorted(roles.held(session, role.id)),
    }  # fmt: skip
