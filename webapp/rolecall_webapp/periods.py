"""Pages of academic periods: the list, adding, editing, closing, and making one the current one (R59, R59a)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import periods
from rolecall.errors import Refused
from rolecall.store.engine import now
from rolecall.store.tables import Period
from rolecall.work import period_changes
from rolecall_webapp import forms, period_form
from rolecall_webapp.frame import application, institution, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import address, problems
from rolecall_webapp.parts import Button, Buttons, Cell, Confirm, Empty, Facts, Form, Head, Link, Note, Part, Row, State, Table, cell

pages = Blueprint("periods", __name__, url_prefix="/periods")


@pages.get("")
@needs("periods:view")
def index() -> ResponseReturnValue:
    """All periods, the current one first."""
    counts = periods.counts(g.db)
    add_period = Link(label="Add a period", href=url_for("periods.add"))
    table = Table(
        caption="Periods",
        heads=[
            Head(label="Name"),
            Head(label="State"),
            Head(label="From"),
            Head(label="To"),
            Head(label="Accounts with a role", numeric=True),
        ],
        rows=[_row(each, counts.get(each.id, 0)) for each in periods.every(g.db)],
        empty=Empty(
            text="There is no period yet.",
            hint="Roles are given for a period, so nobody can sign in before there is one.",
            links=[add_period] if may("periods:create") else [],
        ),
    )
    actions = [Button(label="Add a period", href=add_period.href, look="main")] if may("periods:create") else []
    return render_template("page.html", title="Periods", actions=actions, parts=[table])


@pages.get("/<int(max=2147483647):period_id>")
@needs("periods:view")
def page(period_id: int) -> ResponseReturnValue:
    """One period, and what can be done with it."""
    period = periods.get(g.db, period_id)
    without = url_for("accounts.index", role="none", period=period.code)
    facts = Facts(
        facts=[
            ("Code", cell(period.code)),
            ("First day", cell(f"{period.starts_on:%-d %B %Y}", plain=True)),
            ("Last day", cell(f"{period.ends_on:%-d %B %Y}", plain=True)),
            ("Now", cell(_now(period), plain=True)),
            ("Accounts with a role", cell(f"{periods.counts(g.db).get(period.id, 0):,}", plain=True)),
            ("Accounts without a role", Cell(text="Show them", href=without, plain=True)),
        ]
    )
    actions = [Button(label="Edit", href=url_for("periods.edit", period_id=period.id))] if may("periods:edit") else []
    verbs = [*(_verbs(period) if may("periods:edit") else []), *([_delete(period)] if may("periods:delete") else [])]
    parts: list[Part] = [*_overdue(period), facts, Buttons(groups=[("Roles", _carrying(period)), ("This period", verbs)])]
    return render_template("page.html", title=period.name, kicker="Period", states=_states(period), actions=actions, parts=parts)


@pages.get("/new")
@needs("periods:create")
def add() -> ResponseReturnValue:
    """Ask for a new period."""
    return _form(None, {})


@pages.post("/new")
@needs("periods:create")
def create() -> ResponseReturnValue:
    """Add the period, open and not current."""
    try:
        period_id = period_changes.add_period(application(), g.actor, period_form.values(request.form))
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, period_form.FIELDS), wrong), status
    say("The period is added. It is open, and not the current one yet.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.get("/<int(max=2147483647):period_id>/edit")
@needs("periods:edit")
def edit(period_id: int) -> ResponseReturnValue:
    """Show the period to change."""
    period = periods.get(g.db, period_id)
    return _form(period, {each.name: getattr(period, each.name) for each in period_form.FIELDS})


@pages.post("/<int(max=2147483647):period_id>/edit")
@needs("periods:edit")
def save(period_id: int) -> ResponseReturnValue:
    """Change the period, unless somebody else did meanwhile."""
    period = periods.get(g.db, period_id)
    try:
        period_changes.edit_period(
            application(), g.actor, period_id, period_form.values(request.form), version=_version() or period.version
        )
    except Refused as error:
        wrong, status = problems(error)
        return _form(period, forms.echo(request.form, period_form.FIELDS), wrong, version=request.form.get("version", "")), status
    say("The period is saved.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.get("/<int(max=2147483647):period_id>/copy")
@needs("act:roles.copy")
def copy(period_id: int) -> ResponseReturnValue:
    """Lead to the dialog of the action, which shows this period and the one that roles most likely come from."""
    period = periods.get(g.db, period_id)
    others = [each for each in periods.every(g.db) if each.id != period.id]
    back = url_for("periods.page", period_id=period.id)
    preset = {"set:period": period.code, "set:from_period": others[0].code if others else ""}
    return redirect(address("actions.ask", {"all": "1", "back": back, **preset}, action_id="roles.copy"), 303)


@pages.get("/<int(max=2147483647):period_id>/current")
@needs("periods:edit")
def ask_current(period_id: int) -> ResponseReturnValue:
    """Say what making this period the current one means, before it is done."""
    return _ask_current(periods.get(g.db, period_id))


@pages.post("/<int(max=2147483647):period_id>/current")
@needs("periods:edit")
def make_current(period_id: int) -> ResponseReturnValue:
    """Make it the current period."""
    period = periods.get(g.db, period_id)
    if "agreed" not in request.form:
        return _ask_current(period, {"agreed": ["Tick the box first."]}), 409
    period_changes.edit_period(application(), g.actor, period_id, {}, is_current=True)
    say(f"{period.name} is the current period now.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.post("/<int(max=2147483647):period_id>/open")
@needs("periods:edit")
def set_open(period_id: int) -> ResponseReturnValue:
    """Close the period, or open it again."""
    opens = request.form.get("open") == "yes"
    period_changes.edit_period(application(), g.actor, period_id, {}, is_open=opens)
    say("The period is open again." if opens else "The period is closed. Its roles stay and can be looked at.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.get("/<int(max=2147483647):period_id>/delete")
@needs("periods:delete")
def ask_delete(period_id: int) -> ResponseReturnValue:
    """Ask once more before the period is deleted."""
    period = periods.get(g.db, period_id)
    why = periods.why_not_removable(g.db, period)
    back = url_for("periods.page", period_id=period.id)
    if why:
        note = Note(text=why, look="bad", hint="It can be closed instead.", links=[Link(label="To the period", href=back)])
        return render_template("page.html", title=period.name, kicker="Delete the period", parts=[note]), 409
    form = Form(
        action=url_for("periods.delete", period_id=period.id),
        fields=[],
        button=f"Delete {period.code}",
        help="Nobody has a role in it. What the audit says of it stays.",
        hidden={"version": str(period.version)},
        cancel=back,
        danger=True,
    )
    return render_template("page.html", title=period.name, kicker="Delete the period", parts=[form])


@pages.post("/<int(max=2147483647):period_id>/delete")
@needs("periods:delete")
def delete(period_id: int) -> ResponseReturnValue:
    """Delete the period, unless it is used by now."""
    gone = period_changes.remove_period(application(), g.actor, period_id, version=_version())
    say(f"The period {gone['code']} is deleted.")
    return redirect(url_for("periods.index"), 303)


def _version() -> int | None:
    """The version that the form was drawn from."""
    sent = request.form.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else None


def _ask_current(period: Period, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    before = periods.current(g.db)
    having, left_out = periods.counts(g.db).get(period.id, 0), periods.left_out(g.db, period.id)
    losing = "1 account" if left_out == 1 else f"{left_out:,} accounts"
    text = (
        f"Everybody's role is the one of {period.name} from now on{f', no longer that of {before.name}' if before else ''}. "
        f"{having:,} accounts have a role there. {losing} that can sign in now could not any more, and their sessions end."
    )
    form = Form(
        action=url_for("periods.make_current", period_id=period.id),
        fields=[],
        button=f"Make {period.code} the current period",
        confirm=Confirm(grade="agree", text=text),
        errors=wrong or {},
        cancel=url_for("periods.page", period_id=period.id),
        danger=left_out > 0,
    )
    return render_template("page.html", title=period.name, kicker="Make it the current period", parts=[form])


def _form(period: Period | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = "") -> str:
    form = Form(
        action=url_for("periods.create") if period is None else url_for("periods.save", period_id=period.id),
        fields=period_form.FIELDS,
        values=values,
        errors=wrong or {},
        button="Add the period" if period is None else "Save",
        hidden={} if period is None else {"version": version or str(period.version)},
        cancel=url_for("periods.index") if period is None else url_for("periods.page", period_id=period.id),
    )
    title, kicker = ("Add a period", "Periods") if period is None else (period.name, "Edit the period")
    return render_template("page.html", title=title, kicker=kicker, parts=[form])


def _verbs(period: Period) -> list[Button]:
    where = url_for("periods.set_open", period_id=period.id)
    if not period.is_open:
        return [Button(label="Open again", href=where, post=True, values={"open": "yes"})]
    if period.is_current:
        return [Button(label="Close", href=where, why_not="The current period stays open. Make another one the current one first.")]
    return [
        Button(label="Make it the current period", href=url_for("periods.ask_current", period_id=period.id)),
        Button(label="Close", href=where, post=True, values={"open": "no"}, help="Its roles stay; nobody is given one there any more."),
    ]


def _carrying(period: Period) -> list[Button]:
    """What carries roles out of this period and into it."""
    buttons = []
    if may("act:roles.rollover"):
        label, help_ = "Roll over …", "Into the next period: see first who becomes what."
        buttons.append(Button(label=label, href=url_for("rollover.index", period_id=period.id), help=help_, look="main"))
    if may("act:roles.copy"):
        label, where = "Copy roles from another period …", url_for("periods.copy", period_id=period.id)
        why_not = None if period.is_open else "The period is closed, so nobody is given a role in it."
        buttons.append(Button(label=label, href=where, help="As they are; see first how many.", why_not=why_not))
    return buttons


def _overdue(period: Period) -> list[Part]:
    """That the current period is over by its dates, which ends nothing by itself (R59)."""
    if not period.is_current or period.ends_on >= _today():
        return []
    text = f"The last day of {period.name} has passed, and it still is the current period."
    links = (
        [Link(label="Roll over into the next", href=url_for("rollover.index", period_id=period.id))] if may("act:roles.rollover") else []
    )
    return [Note(text=text, look="wait", hint="It stays so until another one is made the current period.", links=links)]


def _now(period: Period) -> str:
    """Where in time a period is, in words."""
    today = _today()
    if today < period.starts_on:
        return f"Begins in {_days((period.starts_on - today).days)}"
    if today > period.ends_on:
        return f"Over since {_days((today - period.ends_on).days)}"
    return f"Day {(today - period.starts_on).days + 1} of {(period.ends_on - period.starts_on).days + 1}"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"


def _today() -> date:
    return now(g.db).astimezone(ZoneInfo(institution()[1])).date()


def _delete(period: Period) -> Button:
    where = url_for("periods.ask_delete", period_id=period.id)
    return Button(label="Delete", href=where, why_not=periods.why_not_removable(g.db, period))


def _row(period: Period, accounts: int) -> Row:
    return Row(
        off=not period.is_open,
        cells=[
            Cell(text=period.name, href=url_for("periods.page", period_id=period.id), note=period.code),
            Cell(states=_states(period)),
            cell(f"{period.starts_on:%-d %b %Y}", plain=True),
            cell(f"{period.ends_on:%-d %b %Y}", plain=True, note=_now(period)),
            cell(f"{accounts:,}", plain=True, numeric=True),
        ],
    )


def _states(period: Period) -> list[State]:
    if period.is_current:
        return [State(word="Current", look="ok")]
    return [State(word="Open", look="info")] if period.is_open else [State(word="Closed", look="off")]
