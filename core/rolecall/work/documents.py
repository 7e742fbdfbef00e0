"""Accounts, people, links, plugins and what else faces show, as the outside contract words them: one shape for the API and ``--json``.

Owns the names of the fields. Runs and their items are in ``runs.documents``. Reads; never holds a secret.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.roles import RoleRow
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.sdk.integration import integration_schema
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, AuditEntry, Link, Period, Person, PluginState, Role, RolePeriod, SignIn, StudentStatus

Document = dict[str, Any]


def moment(at: datetime | date | None) -> str | None:
    """A time or day as documents write it: ISO 8601, times in UTC with ``Z``."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def account_documents(session: Session, ids: Sequence[int], *, now: datetime) -> list[Document]:
    """The accounts in the order of ``ids``, in three statements; ids that belong to none are left out."""
    if not ids:
        return []
    rows = session.execute(
        select(Account, Person, StudentStatus.label)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(StudentStatus, StudentStatus.id == Person.status_id)
        .where(Account.id.in_(ids))
    )
    by_id = {account.id: (account, person, status) for account, person, status in rows}
    roles = _roles(session, ids)
    links = _links(session, ids, now)
    return [_account(*by_id[each], roles.get(each, []), links.get(each, [])) for each in ids if each in by_id]


def person_documents(session: Session, ids: Sequence[int]) -> list[Document]:
    """The people in the order of ``ids``, in one statement; ids that belong to nobody are left out."""
    rows = session.execute(
        select(Person, StudentStatus.label, Account.id)
        .outerjoin(StudentStatus, StudentStatus.id == Person.status_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Person.id.in_(ids))
    )
    by_id = {person.id: _person(person, status, account_id) for person, status, account_id in rows}
    return [by_id[each] for each in ids if each in by_id]


def link_document(link: Link, now: datetime) -> Document:
    """One account at one provider, and how far it is."""
    state = sync_state(link, now)
    return {
        "provider": link.provider,
        "external_id": link.external_id,
        "goal": link.goal,
        "state": state,
        "attempts": link.attempts,
        "next_attempt_at": moment(link.not_before) if state in ("queued", "retrying") else None,
        "error_class": link.error_class,
        "error": link.error,
    }


def plugin_document(session: Session, plugin: Plugin) -> Document:
    """One installed plugin: whether it is enabled, how its provider is, and its settings; of secrets only which are set."""
    state = session.get(PluginState, plugin.name)
    fault = plugin.fault or (state.fault if state else None)
    schema = settings_schema(plugin)
    described = settings.describe(session, plugin.name, schema) if schema else []
    return {
        "id": plugin.name,
        "label": plugin.label,
        "version": plugin.version,
        "enabled": plugin.name == "core" or bool(state and state.enabled),
        "state": state.state if state else "ok",
        "reason": state.reason if state else None,
        "fault": fault,
        "provides": list(plugin.provides),
        "settings": {each.key: each.value for each in described},
        "secrets_set": [each.key for each in described if each.secret and each.is_set],
    }


def settings_schema(plugin: Plugin) -> Any:
    """The schema of a plugin's settings page: a provider's own fields with the common ones, or none where there is nothing to set."""
    return integration_schema(plugin.settings) if plugin.providers else plugin.settings


def core_settings_document(session: Session, view: View) -> Document:
    """The institution's own settings by name."""
    schema = view.plugins["core"].settings
    return {each.key: each.value for each in settings.describe(session, "core", schema)} if schema else {}


def role_document(row: RoleRow) -> Document:
    """One role with what it allows and how many accounts have it in some period."""
    return {
        "id": row.id, "name": row.name, "user_type": row.user_type, "active": row.active, "is_default": row.is_default,
        "permissions": list(row.permissions), "accounts": row.accounts, "version": row.version,
    }  # fmt: skip


def period_document(period: Period) -> Document:
    """One academic period."""
    return {
        "id": period.id, "code": period.code, "name": period.name, "starts_on": moment(period.starts_on), "ends_on": moment(period.ends_on),
        "is_open": period.is_open, "is_current": period.is_current, "version": period.version,
    }  # fmt: skip


def status_document(status: StudentStatus) -> Document:
    """One student status."""
    return {"id": status.id, "label": status.label, "type": status.type, "provider_action": status.provider_action}


def audit_document(entry: AuditEntry) -> Document:
    """One entry of the audit. The payload is none when it was erased together with a person."""
    return {
        "seq": entry.seq, "at": moment(entry.at), "actor": entry.actor_label, "actor_id": entry.actor, "on_behalf": entry.on_behalf,
        "address": entry.address, "kind": entry.kind, "run": entry.run_id, "account": entry.account_id, "payload": entry.payload,
    }  # fmt: skip


def sign_in_document(row: SignIn) -> Document:
    """One attempt to sign in."""
    return {"id": row.id, "at": moment(row.at), "method": row.method, "result": row.result, "address": row.address, "device": row.agent}


def _account(
    account: Account, person: Person, status: str | None, roles: Sequence[Document], links: Sequence[tuple[Link, Document]]
) -> Document:
    return {
        "id": account.id,
        "key": account.key,
        "username": account.username,
        "email": account.email,
        "email_verified": account.email_verified,
        "type": account.type,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "active": account.active,
        "deleted": account.deleted_at is not None,
        "must_change_password": account.must_change_password,
        "sso": account.sso_provider,
        "invited_at": moment(account.invited_at),
        "last_login_at": moment(account.last_login_at),
        "pending": any(link.synced < link.wanted for link, _ in links),
        "person": _person(person, status, account.id),
        "roles": list(roles),
        "links": [document for _, document in links],
        "version": account.version,
    }


def _person(person: Person, status: str | None, account_id: int | None) -> Document:
    return {
        "id": person.id, "list": person.list, "code": person.code, "first_name": person.first_name, "last_name": person.last_name,
        "email": person.email, "phone": person.phone, "language": person.language, "active": person.active, "status": status,
        "no_sync": person.no_sync, "account": account_id, "version": person.version,
    }  # fmt: skip


def _roles(session: Session, ids: Sequence[int]) -> Mapping[int, list[Document]]:
    rows = session.execute(
        select(RolePeriod.account_id, Period.code, Role.name, RolePeriod.enabled)
        .join(Period, Period.id == RolePeriod.period_id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(ids))
        .order_by(Period.starts_on.desc(), Period.id.desc())
    )
    found: dict[int, list[Document]] = {}
    for account_id, period, role, enabled in rows:
        found.setdefault(account_id, []).append({"period": period, "role": role, "enabled": enabled})
    return found


def _links(session: Session, ids: Sequence[int], now: datetime) -> Mapping[int, list[tuple[Link, Document]]]:
    found: dict[int, list[tuple[Link, Document]]] = {}
    for link in session.scalars(select(Link).where(Link.account_id.in_(ids)).order_by(Link.provider)):
        found.setdefault(link.account_id, []).append((link, link_document(link, now)))
    return found
