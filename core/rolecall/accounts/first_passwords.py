"""Gives accounts a new first-time password: sealed, not hashed, so thousands cost microseconds each (R46)."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.passwords import generate_first_password
from rolecall.sdk.action import Context
from rolecall.store.tables import Account


def replace(context: Context, ids: Sequence[int]) -> dict[int, str]:
    """Replace whatever password these accounts have by a generated one and return the passwords by account.

    Whether it must be changed at the next sign-in is the institution's setting (R47).
    """
    must_change = bool(core_settings(context.session)["must_change_first_password"])
    passwords = {each: generate_first_password() for each in ids}
    rows = [
        {"b_id": each, "b_sealed": context.seal(password, table="account", row=each, column="sealed_password")}
        for each, password in passwords.items()
    ]
    table = Account.__table__
    statement = (
        update(table)  # type: ignore[arg-type]
        .where(table.c.id == bindparam("b_id"))
        .values(sealed_password=bindparam("b_sealed"), sealed_at=context.now, password_hash=None, must_change_password=must_change)
    )
    if rows:
        context.session.connection().execute(statement, rows)
        context.session.expire_all()
    return passwords


def fall_back(context: Context, ids: Sequence[int]) -> dict[int, str]:
    """Go back to the first-time password where it is still kept, to a new one where it is gone; returns the new ones (R39)."""
    kept = set(context.session.scalars(select(Account.id).where(Account.id.in_(ids), Account.sealed_password.is_not(None))))
    if kept:
        context.session.execute(update(Account).where(Account.id.in_(kept)).values(password_hash=None))
    return replace(context, [each for each in ids if each not in kept])
