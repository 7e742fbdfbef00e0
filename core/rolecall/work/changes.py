"""Changes that are no run: one person's record, roles, settings, plugins. Each is one transaction with its audit entry.

Owns that none of them is left out of the audit, whichever face asks (R67). The rules are in ``accounts``; permissions are the face's to
declare, except what the rules themselves ask of the actor.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, escalation, people, role_menus, roles, settings
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Invalid, Refused, Unknown
from rolecall.plugins import state
from rolecall.sdk.fields import form
from rolecall.store import listing, reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, PluginState, Role, RolePeriod
from rolecall.work import class_links, connection, leaving, links
from rolecall.work.application import Application
from rolecall.work.documents import settings_schema
from rolecall.work.leaving import Consequence
from rolecall.work.runs.forms import Form
from rolecall.work.runs.validators import Outside, Validators
from rolecall.work.sync import circuit


def add_person(app: Application, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a person and return the id (R2, R6).

    :raises Invalid: with the sentences of every wrong field.
    :raises Forbidden: for a list that the actor's rights do not reach.
    """
    return app.db.attempt(lambda session: person_added(session, actor, values))


def person_added(session: Session, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a person within a unit that does more; everything else as :func:`add_person`."""
    person = people.create(session, values, now=now(session))
    escalation.require_list(person.list, actor)
    payload = {"person": person.id, "list": person.list, "code": person.code}
    audit.append(session, actor=actor, kind="person.create", payload=payload)
    return person.id


def edit_person(
    app: Application, actor: Actor, person_id: int, values: Mapping[str, Any], *, version: int | None = None
) -> Consequence | None:
    """Change what is given of a person, and return what became of their account by it, if anything did (R7).

    The account falls behind at its providers, and plugins may refuse the change.

    :raises Invalid: with the sentences of every wrong field.
    :raises Refused: when a plugin's service could not take it, in the plugin's words; or when it would close the actor's own account.
    :raises Forbidden: when the person's account may do more than the actor.
    :raises Stale: when somebody else changed the record since ``version``.
    """

    follows = app.db.attempt(lambda session: person_edited(app, session, actor, person_id, values, version=version))
    wake(app)
    return follows


def person_edited(
    app: Application, session: Session, actor: Actor, person_id: int, values: Mapping[str, Any], *, version: int | None = None
) -> Consequence | None:
    """Change a person within a unit that does more, and calls :func:`wake` when it is over; everything else as :func:`edit_person`."""
    escalation.require_person(session, actor, person_id)
    ids = list(session.scalars(select(Account.id).where(Account.person_id == person_id)))
    links.lock_accounts(session, ids)
    people.get(session, person_id, lock=True)
    place = Outside(app=app, session=session, view=app.plugins.view(session))
    validators = Validators(place)
    validators.remember(ids)
    were_eligible = leaving.eligible_among(session, [person_id])
    at = now(session)
    edited = people.edit(session, person_id, values, now=at, version=version)
    if not edited.after:
        return None
    followed = leaving.follow(place, actor, [person_id], were_eligible, now=at)
    follows = followed.get(person_id)
    if follows is not None and follows.verdict == leaving.OWN:
        raise Refused("This would deactivate the account you are working with.", hint="Ask another administrator to do it.")
    for _code, message in validators.refusals(ids).values():
        raise Refused(message)
    concerned = [*ids, *leaving.opened(followed)]
    if follows is not None:
        listing.refresh(session, concerned)
    links.behind(session, concerned)
    if "no_sync" in edited.after:
        class_links.behind_of_accounts(session, concerned)
    before, after = dict(edited.before), dict(edited.after)
    if follows is not None:
        before, after = leaving.told(before, after, follows)
    payload = {"person": person_id, "before": before, "after": after}
    if follows is not None:
        payload["follows"] = follows.message
    audit.append(session, actor=actor, kind="person.edit", payload=payload, account_id=concerned[0] if concerned else None)
    return follows


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
        after = _role_facts(session, role)
        if after["name"] != before["name"]:
            # Groups and mapped attributes at providers may be called by it.
            links.behind(session, select(RolePeriod.account_id).where(RolePeriod.role_id == role.id))
        payload = {"role": role.id, "before": before, "after": after}
        audit.append(session, actor=actor, kind="role.edit", payload=payload)

    app.db.attempt(unit)


def copy_role(app: Application, actor: Actor, role_id: int, name: str | None = None) -> int:
    """Copy a role and return the copy's id (R57)."""

    def unit(session: Session) -> int:
        role = roles.copy(session, role_id, actor=actor, name=name)
        audit.append(session, actor=actor, kind="role.create", payload={"role": role.id, "copy_of": role_id, **_role_facts(session, role)})
        return role.id

    return app.db.attempt(unit)


def remove_role(app: Application, actor: Actor, role_id: int) -> None:
    """Delete a role that nobody has (R57)."""

    def unit(session: Session) -> None:
        role = roles.get(session, role_id, lock=True)
        payload = {"role": role.id, **_role_facts(session, role)}
        roles.remove(session, role_id)
        audit.append(session, actor=actor, kind="role.delete", payload=payload)

    app.db.attempt(unit)


def set_plugin(
    app: Application,
    actor: Actor,
    name: str,
    *,
    enabled: bool | None = None,
    values: Mapping[str, Any] | None = None,
    untested: bool = False,
) -> None:
    """Save settings of a plugin and switch it on or off: both or nothing (R56, R69).

    Settings that a connection depends on are tried first, unless ``untested`` says that they are wanted all the same (R54). Accounts fall
    behind at a provider that was enabled, or whose settings changed: what differs is sent, and nothing else.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: when it cannot be enabled.
    :raises NotConnected: when the connection does not work with these settings.
    :raises Invalid: with the sentences of every wrong setting.
    """
    plugin = app.plugins.installed.get(name)
    if plugin is None:
        raise Unknown(f"There is no plugin called {name}.", hint="The integrations page lists what is installed.")
    schema = settings_schema(plugin)
    if values and plugin.given is not None:
        hint = f"The operator gave the process {plugin.given.origin}, which counts whatever is saved here."
        raise Refused(f"The settings of {plugin.label} cannot be changed here.", hint=hint)
    if values and schema is None:
        raise Invalid(f"{plugin.label} has no settings.", fields={each: ["There is no such setting."] for each in values})

    depends = bool(values) and connection.depends(app, plugin, values or {})
    if depends and not untested:
        connection.prove(app, plugin, values or {})

    def unit(session: Session) -> None:
        with form(Form(session=session, view=app.plugins.view(session))):
            saved = values and schema is not None and settings.write(session, name, schema, values, actor=actor, keyring=app.keyring)
        if saved and "new_account_roles" in saved:
            _refuse_higher_roles(session, actor, settings.value(session, name, "new_account_roles", []))
        if depends:
            is_provider = bool(plugin.providers)
            state.remember_connection(session, name, None if untested else now(session), is_provider=is_provider)
        switched = enabled is not None and state.set_enabled(session, app.plugins, name, enabled, now=now(session))
        if plugin.providers and (saved or (switched and enabled)):
            links.behind(session, select(Account.id), providers=list(plugin.providers))
            for provider in plugin.providers:
                class_links.recheck(session, provider)
        if switched:
            kind = "plugin.enable" if enabled else "plugin.disable"
            audit.append(session, actor=actor, kind=kind, payload={"plugin": name})

    app.db.attempt(unit)
    wake(app)


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


def retry_links(
    app: Application,
    actor: Actor,
    *,
    accounts: list[int] | None = None,
    classes: list[int] | None = None,
    providers: list[str] | None = None,
) -> int:
    """Try again now what is blocked or waits for its next attempt; returns how many links, of accounts and classes, that were (R61).

    Classes are tried again with everything else where no ``accounts`` are named.
    """

    def unit(session: Session) -> int:
        # Of an actor with limited rights, "all" are those whom the rights reach, and of the named ones the same (R58).
        named = [] if accounts is None else [Account.id.in_(accounts)]
        reached = accounts if actor.types is None else select(Account.id).where(*named, *reach.accounts(actor.types))
        count = links.retry(session, reached, providers) if classes is None or accounts is not None else 0
        if classes is not None or accounts is None:
            count += class_links.retry(session, class_ids=classes, providers=providers)
        if count:
            payload = {"accounts": accounts, "classes": classes, "providers": providers, "links": count}
            audit.append(session, actor=actor, kind="sync.retry", payload=payload)
        return count

    count = app.db.attempt(unit)
    wake(app)
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
    wake(app)


def wake(app: Application) -> None:
    """Providers and channels may have something to do now; one that has nothing notices at once."""
    with app.db.read() as session:
        view = app.plugins.view(session)
        for provider in view.providers:
            app.nudge("drain", provider, 0)
        for channel in view.channels:
            app.nudge("deliver", channel, 0)


def _refuse_higher_roles(session: Session, actor: Actor, named: Collection[str] | None) -> None:
    """Refuse that people get a role by a rule which the actor could not give them (R58, Z-04)."""
    if named and escalation.roles_beyond(session, actor, [int(each) for each in named]):
        raise Forbidden("A role of new accounts holds more than you may give.", hint="Leave it out, or ask an administrator who holds it.")


def _role_facts(session: Session, role: Role) -> dict[str, Any]:
    return {
        "name": role.name, "user_type": role.user_type, "active": role.active, "is_default": role.is_default,
        "limited_to": role.limited_to, "permissions": sorted(roles.held(session, role.id)),
        "menus": {each.item: each.label or "hidden" for each in role_menus.of_role(session, role.id)},
    }  # fmt: skip
