"""Actions on roles per period: add, replace, remove; and closing a period for accounts."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy import select

from rolecall.accounts import role_periods
from rolecall.accounts.requirements import NOT_DELETED
from rolecall.builtin.choices import current_period, find_role, period_choices, period_ids, role_choices
from rolecall.builtin.restoring import restore_fields
from rolecall.errors import Forbidden
from rolecall.sdk.action import Action, Batch, Context, action
from rolecall.sdk.fields import Choice, Choices
from rolecall.store.tables import Role, RolePermission

GROUP = "roles"
SET_BASED = 5_000


class Assignment(Schema):
    """A role for a period."""

    mode = fields.String(
        load_default="add",
        validate=validate.OneOf(
            ["add", "replace", "remove"],
            labels=["Add where the period has none", "Replace whatever the period has", "Remove from the period"],
        ),
        metadata={"label": "What to do"},
    )
    period = Choice(choices=period_choices, default=current_period, required=True, metadata={"label": "Period"})
    role = Choice(
        choices=role_choices,
        load_default="",
        metadata={"label": "Role", "help": "Not needed for removing: whichever it is goes."},
    )

    @validates_schema
    def role_is_needed(self, data: Mapping[str, Any], **_: Any) -> None:
        """Adding and replacing need a role."""
        if data.get("mode") != "remove" and not data.get("role"):
            raise ValidationError("Choose the role.", "role")


class SomePeriods(Schema):
    """Periods to close for the accounts."""

    periods = Choices(choices=period_choices, required=True, validate=validate.Length(min=1), metadata={"label": "Periods"})


@action(
    "roles.assign", label="Assign a role", group=GROUP, bulk=True, batch=SET_BASED, params=Assignment, requires=(NOT_DELETED,),
    undo=restore_fields,
)  # fmt: skip
def assign(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Add, replace or remove the role that accounts have in a period; each period has one role (R15, R35)."""
    (period_id,) = period_ids(context.session, [params["period"]])
    role = find_role(context.session, params["role"]) if params.get("role") else None
    if role is not None and params["mode"] != "remove":
        _refuse_escalation(context, role)
    left = role_periods.assign(context.session, accounts.ids, period_id, role.id if role else None, params["mode"], now=context.now)
    for account_id, why in left.items():
        context.skip(account_id, why)


@action(
    "roles.disable_period", label="Disable from periods", group=GROUP, bulk=True, batch=SET_BASED, params=SomePeriods,
    requires=(NOT_DELETED,), undo=restore_fields,
)  # fmt: skip
def disable_period(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Take the accounts out of periods; their roles are remembered and come back with “Activate” (R37)."""
    left = role_periods.disable(context.session, accounts.ids, period_ids(context.session, params["periods"]))
    for account_id, why in left.items():
        context.skip(account_id, why)


def _refuse_escalation(context: Context, role: Role) -> None:
    granted = context.session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role.id))
    if not all(context.may(permission) for permission in granted):
        raise Forbidden(f"“{role.name}” holds permissions that you do not have, so you cannot assign it.")


ACTIONS: tuple[Action, ...] = (assign, disable_period)
