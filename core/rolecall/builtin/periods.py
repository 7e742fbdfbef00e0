"""Actions that carry roles from one period into another: copied as they are, or by a map when the year turns (R59a).

A rollover may make the new period the current one when it has ended, in the transaction that ends it; its undo begins by going back.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy import select

from rolecall.accounts import carrying, periods, role_maps
from rolecall.accounts.requirements import NOT_DELETED
from rolecall.builtin.choices import current_period, every_period, period_choices
from rolecall.builtin.restoring import restore_fields
from rolecall.errors import Forbidden, Invalid, Refused
from rolecall.sdk.action import Action, Batch, Conclusion, Context, Ending, Grade, LookAt, action
from rolecall.sdk.fields import Choice, Lines, form_context
from rolecall.store.tables import Period, RunItem
from rolecall.work import period_changes

GROUP = "roles"
#: Accounts per transaction: a few statements each, and others may write in between.
SET_BASED = 2_000
CONFIRM = (
    "Every account gets a role in the new period by the map; roles that accounts have there already stay. Whoever ends without one "
    "cannot sign in as soon as the new period is the current one."
)


class RoleMap(Lines):
    """What becomes of roles, one ``old=new`` per line."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        lines = super()._deserialize(value, attr, data, **kwargs)
        context = form_context()
        if context is None:
            return lines
        try:
            return role_maps.write(context.session, role_maps.read(context.session, lines))
        except Invalid as error:
            raise ValidationError(error.fields.get("map") or [str(error)]) from None


class TwoPeriods(Schema):
    """From which period into which."""

    from_period = Choice(choices=every_period, default=current_period, required=True, metadata={"label": "From the period"})
    period = Choice(choices=period_choices, required=True, metadata={"label": "Into the period"})

    @validates_schema
    def are_two(self, data: Mapping[str, Any], **_: Any) -> None:
        """Nothing is carried from a period into itself."""
        if data.get("from_period") == data.get("period"):
            raise ValidationError("Choose another period than the one that roles come from.", "period")


class Copy(TwoPeriods):
    """Roles as they are."""

    mode = fields.String(
        load_default="add",
        validate=validate.OneOf(["add", "replace"], labels=["Add where the period has none", "Replace whatever the period has"]),
        metadata={"label": "What to do"},
    )


class Rollover(TwoPeriods):
    """Roles by a map."""

    map = RoleMap(
        load_default=list,
        metadata={
            "label": "What becomes of roles",
            "help": "One per line: Year 1=Year 2, or Year 6=- for no role. A role that is not named stays what it is.",
        },
    )
    make_current = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Make the new period the current one afterwards",
            "help": "When every account is through without a failure. Needs the right to edit periods.",
        },
    )


def conclude(context: Context, ending: Ending) -> Conclusion:
    """List who ends without a role, and make the new period the current one where that was asked for (R59, R59a)."""
    target = context.session.scalar(select(Period).where(Period.code == ending.params["period"]))
    if target is None:
        return Conclusion(notes=[f"There is no period {ending.params['period']} any more."])
    if ending.params.get("make_current"):
        facts, notes = _switch(context, ending, target)
    else:
        facts, notes = {}, [] if target.is_current else [f"{target.code} is not the current period. Its page makes it so."]
    of_run = select(RunItem.account_id).where(RunItem.run_id == context.run_id)
    number = carrying.without_role(context.session, target.id, of_run)
    words = {"role": "none", "period": target.code, "run": str(context.run_id)}
    who = "1 account has" if number == 1 else f"{number:,} accounts have"
    look_at = [LookAt(text=f"{who} no role in {target.code}.", filter=words)] if number else []
    return Conclusion(facts=facts, notes=notes, look_at=look_at)


def go_back(context: Context, ending: Ending) -> Conclusion:
    """Make the period current again that was, if the one that the run made current still is (R59a)."""
    made, was = ending.facts.get("made_current"), ending.facts.get("was_current")
    if not made or not was:
        return Conclusion()
    current = periods.current(context.session)
    if current is None or current.code != made:
        return Conclusion(notes=[f"{made} is not the current period any more, so that stays as it is."])
    try:
        former = periods.by_code(context.session, was)
        _require_right(context)
        period_changes.make_current(context.session, context.actor, former.id, run_id=context.run_id)
    except Refused as error:
        return Conclusion(notes=[f"{made} stays the current period. {error}"])
    return Conclusion(facts={"made_current": was}, notes=[f"{was} is the current period again."])


@action(
    "roles.copy", label="Copy roles into a period", group=GROUP, bulk=True, batch=SET_BASED, params=Copy, requires=(NOT_DELETED,),
    undo=restore_fields, conclude=conclude,
)  # fmt: skip
def copy(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give accounts in a period the role that they have in another; each period has one role (R59a)."""
    _carry(context, accounts, params, replace=params["mode"] == "replace")


@action(
    "roles.rollover", label="Roll over into a period", group=GROUP, bulk=True, batch=SET_BASED, params=Rollover, requires=(NOT_DELETED,),
    grade=Grade.AGREE, confirm=CONFIRM, undo=restore_fields, conclude=conclude, undo_conclusion=go_back,
)  # fmt: skip
def roll_over(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give accounts in a new period what their role becomes: the next year, another role, or none (R59a)."""
    _carry(context, accounts, params)


def _carry(context: Context, accounts: Batch, params: Mapping[str, Any], *, replace: bool = False) -> None:
    try:
        if params.get("make_current"):
            _require_right(context)
        roles = role_maps.read(context.session, params.get("map") or ())
        chosen = carrying.between(context.session, params["from_period"], params["period"], roles=roles, replace=replace)
    except Refused as error:
        # It stands against all of them alike: said once, and not found out account by account.
        for account_id in accounts.ids:
            context.skip(account_id, str(error), code=error.code)
        return
    for account_id, verdict in carrying.carry(context.session, accounts.ids, chosen, actor=context.actor, now=context.now).items():
        context.skip(account_id, verdict.message, code=verdict.code)


def _switch(context: Context, ending: Ending, target: Period) -> tuple[dict[str, Any], list[str]]:
    """Make the target current and return the facts and sentences of that; once in a run, whatever happened since."""
    if ending.facts.get("made_current"):
        return dict(ending.facts), []
    stays = f"{target.code} was not made the current period"
    if failed := ending.counts["failed"]:
        who = "one account failed" if failed == 1 else f"{failed:,} accounts failed"
        return {}, [f"{stays}, because {who}. Try again, or make it the current one on its page."]
    try:
        _require_right(context)
        was = period_changes.make_current(context.session, context.actor, target.id, run_id=context.run_id)
    except Refused as error:
        return {}, [f"{stays}. {error}"]
    if was == target.code:
        return {}, [f"{target.code} was the current period already."]
    return {"made_current": target.code, "was_current": was}, [f"{target.code} is the current period now."]


def _require_right(context: Context) -> None:
    if not context.may("periods:edit"):
        raise Forbidden("Only who may edit periods can make one the current one.", hint="It needs the permission “periods:edit”.")


ACTIONS: tuple[Action, ...] = (copy, roll_over)
