"""What faces show besides accounts and people, as the outside contract words it: one shape for the API and ``--json``.

Owns the names of the fields. Accounts and people are in ``accounts.documents``, runs and their items in ``runs.documents``.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.documents import Document, account_documents, person_documents
from rolecall.accounts.roles import RoleRow
from rolecall.accounts.settings import Described
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.sdk.mapping import mode_of, template_of
from rolecall.store.bulk import among
from rolecall.store.classes_query import ClassRow, MemberRow
from rolecall.store.engine import now
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import AuditEntry, ClassLink, Link, Period, PluginState, SchoolClass, SignIn, StudentStatus
from rolecall.work.links import RELEASED
from rolecall.work.sync.held_groups import groups, state_of

__all__ = [
    "Document", "account_documents", "audit_document", "class_documents", "class_facts", "core_settings_document", "link_document",
    "member_document", "moment", "period_document", "person_documents", "plugin_document", "role_document", "settings_schema",
    "sign_in_document", "status_document",
]  # fmt: skip


def moment(at: datetime | date | None) -> str | None:
    """A time or day as documents write it: ISO 8601, times in UTC with ``Z``."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def link_document(link: Link | ClassLink, now: datetime) -> Document:
    """One account or class at one provider, and how far it is."""
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
    word, why = state_of(state, [each for name in plugin.providers for each in groups(session, name)])
    fault = plugin.fault or (plugin.given.fault if plugin.given else None) or (state.fault if state else None)
    schema = settings_schema(plugin)
    described = given_or_saved(session, plugin, schema) if schema else []
    return {
        "id": plugin.name,
        "label": plugin.label,
        "version": plugin.version,
        "enabled": plugin.name == "core" or plugin.given is not None or bool(state and state.enabled),
        "state": word,
        "reason": why,
        "fault": fault,
        "provides": list(plugin.provides),
        "settings": {each.key: each.value for each in described},
        "given_by": plugin.given.origin if plugin.given else None,
        "connected_at": moment(state.connected_at) if state else None,
        "mapping": mapping_document(plugin, described),
        "secrets_set": [each.key for each in described if each.secret and each.is_set],
    }


def given_or_saved(session: Session, plugin: Plugin, schema: Any) -> list[Described]:
    """The settings of a plugin as they count now: what the operator gave the process stands before what is saved (R56)."""
    described = settings.describe(session, plugin.name, schema)
    return described if plugin.given is None else settings.overlaid(described, plugin.given.values, plugin.given.origin)


def mapping_document(plugin: Plugin, described: Sequence[Described]) -> list[Document]:
    """What may be mapped at a provider: what holds of each attribute, and what is the plugin's own (R54)."""
    kind = None if plugin.fault else plugin.providers.get(plugin.name)
    chosen = next((each.value for each in described if each.key == "mapping"), None) or {}
    return [
        {
            "name": each.name, "label": each.label, "help": each.help, "required": each.required,
            "template": template_of(each, chosen), "mode": str(mode_of(each, chosen)),
            "own_template": each.template, "own_mode": str(each.mode),
        }
        for each in (kind.mapping if kind else ())
    ]  # fmt: skip


def settings_schema(plugin: Plugin) -> Any:
    """The schema of a plugin's settings page: a provider's own fields with the common ones, or none where there is nothing to set."""
    return plugin.settings_schema


def core_settings_document(session: Session, view: View) -> Document:
    """The institution's own settings by name."""
    schema = view.plugins["core"].settings
    return {each.key: each.value for each in settings.describe(session, "core", schema)} if schema else {}


def role_document(row: RoleRow) -> Document:
    """One role with what it allows, for which user types (none: all of them), and how many accounts have it in some period."""
    return {
        "id": row.id, "name": row.name, "user_type": row.user_type, "active": row.active, "is_default": row.is_default,
        "permissions": list(row.permissions), "limited_to": None if row.limited_to is None else list(row.limited_to),
        "menus": [{"id": each.item, "hidden": each.hidden, "label": each.label} for each in row.menus],
        "accounts": row.accounts, "version": row.version,
    }  # fmt: skip


def period_document(period: Period) -> Document:
    """One academic period."""
    return {
        "id": period.id, "code": period.code, "name": period.name, "starts_on": moment(period.starts_on), "ends_on": moment(period.ends_on),
        "is_open": period.is_open, "is_current": period.is_current, "version": period.version,
    }  # fmt: skip


def status_document(status: StudentStatus) -> Document:
    """One student status."""
    return {
        "id": status.id, "label": status.label, "type": status.type, "provider_action": status.provider_action, "version": status.version,
    }  # fmt: skip


def class_documents(session: Session, rows: Sequence[ClassRow]) -> list[Document]:
    """Classes with how many are in them, as far as the session sees them, and how they stand at each provider."""
    at, links = now(session), dict[int, list[Document]]()
    held = select(ClassLink).where(ClassLink.class_id.in_(among(session, [each.id for each in rows])), ClassLink.goal != RELEASED)
    for link in session.scalars(held.order_by(ClassLink.provider)):
        links.setdefault(link.class_id, []).append(link_document(link, at))
    return [
        {
            "id": each.id, "key": each.key, "code": each.code, "name": each.name, "period": each.period, "active": each.active,
            "students": each.students, "teachers": each.teachers, "assistants": each.assistants, "links": links.get(each.id, []),
            "version": each.version,
        }
        for each in rows
    ]  # fmt: skip


def member_document(row: MemberRow) -> Document:
    """Somebody in a class; ``account`` is the id of their account, or none."""
    return {
        "person": row.person_id, "role": row.role, "list": row.list, "code": row.code, "first_name": row.first_name,
        "last_name": row.last_name, "active": row.active, "account": row.account_id,
    }  # fmt: skip


def class_facts(session: Session, made: SchoolClass) -> Document:
    """What a class is by itself, without who is in it; ``period`` is the code of its period."""
    period = session.get_one(Period, made.period_id)
    return {"key": made.key, "code": made.code, "name": made.name, "period": period.code, "active": made.active}


def audit_document(entry: AuditEntry) -> Document:
    """One entry of the audit. The payload is none when it was erased together with a person."""
    return {
        "seq": entry.seq, "at": moment(entry.at), "actor": entry.actor_label, "actor_id": entry.actor, "on_behalf": entry.on_behalf,
        "address": entry.address, "kind": entry.kind, "run": entry.run_id, "account": entry.account_id, "payload": entry.payload,
    }  # fmt: skip


def sign_in_document(row: SignIn) -> Document:
    """One attempt to sign in."""
    return {"id": row.id, "at": moment(row.at), "method": row.method, "result": row.result, "address": row.address, "device": row.agent}
