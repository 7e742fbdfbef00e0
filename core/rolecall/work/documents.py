"""What faces show besides accounts and people, as the outside contract words it: one shape for the API and ``--json``.

Owns the names of the fields. Accounts and people are in ``accounts.documents``, runs and their items in ``runs.documents``.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.documents import Document, account_documents, person_documents
from rolecall.accounts.roles import RoleRow
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.sdk.integration import integration_schema
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import AuditEntry, Link, Period, PluginState, SignIn, StudentStatus

__all__ = [
    "Document", "account_documents", "audit_document", "core_settings_document", "link_document", "moment", "period_document",
    "person_documents", "plugin_document", "role_document", "settings_schema", "sign_in_document", "status_document",
]  # fmt: skip


def moment(at: datetime | date | None) -> str | None:
    """A time or day as documents write it: ISO 8601, times in UTC with ``Z``."""
    return at.isoformat().replace("+00:00", "Z") if at else None


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
