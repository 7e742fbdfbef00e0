"""Accounts and people as the outside contract words them, for the API, the command line and exports (R14).

Owns the names and shapes of the fields. Secrets are not among them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.store.engine import now as database_now
from rolecall.store.people_query import PersonRow, person_rows
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, Link, LinkedIdentity, Period, Role, RolePeriod

Document = dict[str, Any]


def account_documents(session: Session, ids: Sequence[int], *, now: datetime | None = None) -> list[Document]:
    """One document per account in the order of ``ids``, in six statements whatever their number; unknown ids are left out."""
    ids = list(ids)
    moment = now or database_now(session)
    accounts = {account.id: account for account in session.scalars(select(Account).where(Account.id.in_(ids)))}
    people = {row.id: row for row in person_rows(session, [account.person_id for account in accounts.values()])}
    roles: dict[int, list[Document]] = {}
    held = select(RolePeriod.account_id, Period.code, Role.name, RolePeriod.enabled)
    held = held.join(Period, Period.id == RolePeriod.period_id).join(Role, Role.id == RolePeriod.role_id)
    for account_id, period, role, enabled in session.execute(
        held.where(RolePeriod.account_id.in_(ids)).order_by(Period.starts_on, Period.id)
    ):
        roles.setdefault(account_id, []).append({"period": period, "role": role, "enabled": enabled})
    links: dict[int, list[Document]] = {}
    for link in session.scalars(select(Link).where(Link.account_id.in_(ids)).order_by(Link.provider)):
        links.setdefault(link.account_id, []).append(_link(link, moment))
    identities: dict[int, list[Document]] = {}
    for row in session.scalars(select(LinkedIdentity).where(LinkedIdentity.account_id.in_(ids)).order_by(LinkedIdentity.id)):
        identities.setdefault(row.account_id, []).append(_identity(row))
    return [
        _account(accounts[each], people[accounts[each].person_id], roles.get(each, []), links.get(each, []), identities.get(each, []))
        for each in ids
        if each in accounts
    ]


def _identity(row: LinkedIdentity) -> Document:
    """Who an account is at a service that signs it in (R66); ``id`` is what ``external.unlink_identity`` takes."""
    return {
        "id": row.id,
        "method": row.method,
        "issuer": row.issuer,
        "subject": row.subject,
        "how": row.how,
        "linked_at": time_text(row.linked_at),
        "last_used_at": time_text(row.last_used_at),
    }


def person_documents(session: Session, ids: Sequence[int]) -> list[Document]:
    """One document per person in the order of ``ids``; unknown ids are left out."""
    return [person_document(row) for row in person_rows(session, list(ids))]


def person_document(row: PersonRow) -> Document:
    """One person; ``account`` is the id of their account, if they have one."""
    return {
        "id": row.id,
        "list": row.list,
        "code": row.code,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email": row.email,
        "phone": row.phone,
        "language": row.language,
        "active": row.active,
        "status": row.status,
        "no_sync": row.no_sync,
        "account": row.account_id,
        "version": row.version,
    }


def _account(account: Account, person: PersonRow, roles: list[Document], links: list[Document], identities: list[Document]) -> Document:
    return {
        "id": account.id,
        "key": account.key,
        "username": account.username,
        "email": account.email,
        "email_verified": account.email_verified,
        "must_verify_email": account.must_verify_email,
        "former_email": account.former_email,
        "sender_email": account.sender_email,
        "type": account.type,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "active": account.active,
        "deleted": account.deleted_at is not None,
        "protected": account.protected,
        "must_change_password": account.must_change_password,
        "sso": account.sso_provider is not None,
        "invited_at": time_text(account.invited_at),
        "last_login_at": time_text(account.last_login_at),
        "pending": any(link["state"] != "done" for link in links),
        "person": person_document(person),
        "roles": roles,
        "links": links,
        "identities": identities,
        "version": account.version,
    }


def _link(link: Link, now: datetime) -> Document:
    state = sync_state(link, now)
    return {
        "provider": link.provider,
        "external_id": link.external_id,
        "sign_in_name": link.sign_in_name,
        "goal": link.goal,
        "state": state,
        "attempts": link.attempts,
        "next_attempt_at": None if state in {"done", "blocked"} else time_text(link.not_before),
        "error_class": link.error_class,
        "error": link.error,
    }


def time_text(moment: datetime | None) -> str | None:
    """An instant as the API writes it: ISO 8601 in UTC, with Z."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
