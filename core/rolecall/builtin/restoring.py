"""The undo that most of core's actions share: put the fields of the snapshot back as the run found them.

Equal values are put back together, so that taking back 10,000 role assignments is a handful of statements.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update

from rolecall.accounts import emails, user_types, usernames
from rolecall.sdk.action import Batch, Context, Undo
from rolecall.store.tables import Account, Period, RolePeriod
from rolecall.work.projection import ROLE

_COLUMNS = (
    "active", "closed_by_rule", "email_verified", "email_verified_by", "first_name", "last_name", "must_change_password",
    "must_verify_email", "name_by_hand", "protected", "sender_email",
)  # fmt: skip
#: Fields that are put back together, because the keys of addresses, sessions and messages go with them.
_ADDRESSES = frozenset({"email", "former_email", "must_verify_email"})


def restore_fields(context: Context, accounts: Batch, undos: Mapping[int, Undo]) -> None:
    """Put back columns, user names, deletion and roles per period; what the run did not change is not touched."""
    _restore_columns(context, undos)
    _restore_types(context, undos)
    _restore_addresses(context, undos)
    _restore_roles(context, undos)
    renamed = {each for each, undo in undos.items() if "username" in undo.before}
    for account in accounts if renamed else ():
        if account.id in renamed:
            usernames.claim(context.session, account, undos[account.id].before["username"], now=context.now)


def _restore_columns(context: Context, undos: Mapping[int, Undo]) -> None:
    groups: dict[tuple[str, Any], list[int]] = defaultdict(list)
    for account_id, undo in undos.items():
        for name in _COLUMNS:
            if name in undo.before:
                groups[name, undo.before[name]].append(account_id)
        if "deleted" in undo.before:
            groups["deleted_at", context.now if undo.before["deleted"] else None].append(account_id)
    for (name, value), ids in groups.items():
        context.session.execute(update(Account).where(Account.id.in_(ids)).values({name: value}))


def _restore_types(context: Context, undos: Mapping[int, Undo]) -> None:
    groups: dict[str, list[int]] = defaultdict(list)
    for account_id, undo in undos.items():
        if "type" in undo.before:
            groups[undo.before["type"]].append(account_id)
    for user_type, ids in groups.items():
        user_types.become(context.session, ids, user_type, now=context.now)


def _restore_addresses(context: Context, undos: Mapping[int, Undo]) -> None:
    befores = {each: undo.before for each, undo in undos.items() if not _ADDRESSES.isdisjoint(undo.before)}
    if befores:
        for account_id, why in emails.put_back(context.session, befores, now=context.now, run_id=context.run_id).items():
            context.refuse(account_id, why, code="email-is-username")


def _restore_roles(context: Context, undos: Mapping[int, Undo]) -> None:
    groups: dict[tuple[str, int | None, bool], list[int]] = defaultdict(list)
    for account_id, undo in undos.items():
        for code, was in _roles(undo.before):
            groups[code, was["role_id"] if was else None, bool(was and was["enabled"])].append(account_id)
    if not groups:
        return
    codes = {code for code, _, _ in groups}
    periods = dict(context.session.execute(select(Period.code, Period.id).where(Period.code.in_(codes))).all())
    for (code, role_id, enabled), ids in groups.items():
        if code not in periods:
            for account_id in ids:
                context.skip(account_id, f"There is no period {code} any more, so the role in it is left as it is.", code="no-period")
            continue
        here = (RolePeriod.period_id == periods[code], RolePeriod.account_id.in_(ids))
        if role_id is None:
            context.session.execute(delete(RolePeriod).where(*here))
            continue
        have = set(context.session.scalars(select(RolePeriod.account_id).where(*here)))
        context.session.execute(update(RolePeriod).where(*here).values(role_id=role_id, enabled=enabled))
        missing = [each for each in ids if each not in have]
        if missing:
            values = {"period_id": periods[code], "role_id": role_id, "enabled": enabled, "created_at": context.now}
            context.session.execute(insert(RolePeriod), [{"account_id": each, **values} for each in missing])


def _roles(fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name.removeprefix(ROLE), value) for name, value in fields.items() if name.startswith(ROLE))
