"""Conversions of an account: to administrator, to staff, and to Global Owner (R26, R33)."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema
from sqlalchemy import and_, or_, select, update

from rolecall.accounts import ownership, roles, user_types
from rolecall.accounts.requirements import ACTIVE, HAS_ROLE_FOR, NOT_DELETED, NOT_OWNER, NOT_YET_OWNER, TYPE
from rolecall.builtin.oneself import spare_oneself
from rolecall.builtin.restoring import restore_fields
from rolecall.errors import Forbidden
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.fields import Choice, FormContext, Option
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Role

GROUP = "account"
SET_BASED = 2_000


def former_role_choices(context: FormContext) -> Sequence[Option]:
    """Active roles of administrators by name."""
    names = context.session.scalars(select(Role.name).where(Role.active, Role.user_type == "administrator").order_by(Role.name))
    return [(name, name) for name in names]


class Transfer(Schema):
    """What the present owner keeps."""

    former_role = Choice(
        choices=former_role_choices,
        load_default="",
        metadata={
            "label": "Role of the present owner",
            "help": "What the present Global Owner is in the current period from now on. Not needed while there is no Global Owner.",
        },
    )


@action(
    "account.to_admin", label="Convert to administrator", group=GROUP, bulk=True, batch=SET_BASED,
    requires=(NOT_DELETED, TYPE("staff"), HAS_ROLE_FOR("administrator")), undo=restore_fields, grade=Grade.AGREE, fresh_login=True,
    confirm="They lose every role they have, in every period, and are signed out. Being an administrator gives no right by itself: "
    "nobody can sign in again until a role of administrators is assigned for the current period.",
)  # fmt: skip
def to_admin(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Make employees administrators, without any role yet (R33)."""
    _convert(context, accounts.ids, "administrator")
    _replace_phones(context, accounts.ids)


@action(
    "account.to_staff", label="Convert to staff", group=GROUP, bulk=True, batch=SET_BASED,
    requires=(NOT_DELETED, TYPE("administrator"), NOT_OWNER, HAS_ROLE_FOR("staff")), undo=restore_fields, grade=Grade.AGREE,
    fresh_login=True,
    confirm="They lose every role they have, in every period, with all rights of administrators; they are signed out and their API "
    "tokens are revoked for good. Nobody can sign in again until a role of staff is assigned for the current period.",
)  # fmt: skip
def to_staff(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Make administrators employees without rights again (R33)."""
    spare_oneself(context, accounts.ids, "convert to staff")
    _convert(context, accounts.ids, "staff")


@action(
    "account.global_owner", label="Convert to Global Owner", group=GROUP, params=Transfer,
    requires=(NOT_DELETED, ACTIVE, TYPE("administrator"), NOT_YET_OWNER), grade=Grade.AGREE, fresh_login=True, owner_only=True,
    confirm="The Global Owner has every right in every area and period, and can sign in as any user. There is one: the present owner "
    "stays an administrator with the role that is named here, and cannot take this back.",
)  # fmt: skip
def make_owner(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Pass ownership of the institution on; only the present owner or the command line can (R26)."""
    session = context.session
    present = ownership.present_owner(session)
    if context.actor_account_id is not None and context.actor_account_id != present:
        raise Forbidden("Only the present Global Owner, or the operator at the command line, can make somebody else the owner.")
    if present is not None:
        context.include([present])
    role = roles.by_name(session, "administrator", params["former_role"]) if params["former_role"] else None
    for account_id in accounts.ids:
        ownership.transfer(session, account_id, present=present, former_role_id=role.id if role else None, now=context.now)


def _convert(context: Context, ids: Sequence[int], user_type: str) -> None:
    user_types.drop_roles(context.session, ids)
    user_types.become(context.session, ids, user_type, now=context.now)


def _replace_phones(context: Context, ids: Sequence[int]) -> None:
    """Administrators sign in with no phone number: a generated password takes its place, and kept copies of numbers go (A-19)."""
    signs_in = or_(Account.phone_guesses_left.is_not(None), and_(Account.first_is_phone, Account.password_hash.is_(None)))
    within = Account.id.in_(among(context.session, ids))
    for account_id, password in context.new_first_passwords(
        list(context.session.scalars(select(Account.id).where(within, signs_in)))
    ).items():
        context.secret(account_id, password)
        context.record(account_id, "password", None, "generated")
    context.session.execute(
        update(Account).where(within, Account.first_is_phone).values(sealed_password=None, sealed_at=None, first_is_phone=False),
        execution_options={"synchronize_session": False},
    )


ACTIONS: tuple[Action, ...] = (to_admin, to_staff, make_owner)
