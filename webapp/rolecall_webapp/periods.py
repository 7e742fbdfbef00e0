"""Pages of academic periods: the list, adding, editing, closing, and making one the current one (R59, R59a)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import periods
from rolecall.errors import Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.store.tables import Period
from rolecall.work import changes
from rolecall_webapp import forms
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Button, Buttons, Cell, Confirm, Empty, Facts, Form, Head, Link, Part, Row, State, Table, cell

pages = Blueprint("periods", __name__, url_prefix="/periods")

_FIELDS = (
    FormField(name="code", label="Code", kind="text", required=True, help="Short and unique, such as 2026; filters and files use it."),
    FormField(name="name", label="Name", kind="text", required=True),
    FormField(name="starts_on", label="First day", kind="date", required=True),
    FormField(name="ends_on", label="Last day", kind="date", required=True, help="A period never ends by its dates alone."),
)


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
            ("Accounts with a role", cell(f"{periods.counts(g.db).get(period.id, 0):,}", plain=True)),
            ("Accounts without a role", Cell(text="Show them", href=without, plain=True)),
        ]
    )
    parts: list[Part] = [facts]
    actions = []
    if may("periods:edit"):
        actions = [Button(label="Edit", href=url_for("periods.edit", period_id=period.id), look="main")]
        parts.append(Buttons(groups=[("", _verbs(period))]))
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
        period_id = changes.add_period(application(), g.actor, _values())
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, _FIELDS), wrong), status
    say("The period is added. It is open, and not the current one yet.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.get("/<int(max=2147483647):period_id>/edit")
@needs("periods:edit")
def edit(period_id: int) -> ResponseReturnValue:
    """Show the period to change."""
    period = periods.get(g.db, period_id)
    return _form(period, {each.name: getattr(period, each.name) for each in _FIELDS})


@pages.post("/<int(max=2147483647):period_id>/edit")
@needs("periods:edit")
def save(period_id: int) -> ResponseReturnValue:
    """Change the period, unless somebody else did meanwhile."""
    period = periods.get(g.db, period_id)
    version = request.form.get("version", "")
    try:
        known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else period.version
        changes.edit_period(application(), g.actor, period_id, _values(), version=known)
    except Refused as error:
        wrong, status = problems(error)
        return _form(period, forms.echo(request.form, _FIELDS), wrong, version=version), status
    say("The period is saved.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


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
    changes.edit_period(application(), g.actor, period_id, {}, is_current=True)
    say(f"{period.name} is the current period now.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


@pages.post("/<int(max=2147483647):period_id>/open")
@needs("periods:edit")
def set_open(period_id: int) -> ResponseReturnValue:
    """Close the period, or open it again."""
    opens = request.form.get("open") == "yes"
    changes.edit_period(application(), g.actor, period_id, {}, is_open=opens)
    say("The period is open again." if opens else "The period is closed. Its roles stay and can be looked at.")
    return redirect(url_for("periods.page", period_id=period_id), 303)


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


def _values() -> dict[str, Any]:
    sent = forms.collect(request.form, _FIELDS, keep_empty=True)
    days, wrong = {}, {}
    for name in ("starts_on", "ends_on"):
        try:
            days[name] = date.fromisoformat(sent[name])
        except ValueError:
            wrong[name] = ["Write the day as year-month-day, such as 2026-09-01."]
    if wrong:
        raise Invalid("A day is missing or cannot be read.", fields=wrong)
    return {"code": sent["code"], "name": sent["name"], **days}


def _form(period: Period | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = "") -> str:
    form = Form(
        action=url_for("periods.create") if period is None else url_for("periods.save", period_id=period.id),
        fields=_FIELDS,
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


def _row(period: Period, accounts: int) -> Row:
    return Row(
        off=not period.is_open,
        cells=[
            Cell(text=period.name, href=url_for("periods.page", period_id=period.id), note=period.code),
            Cell(states=_states(period)),
            cell(f"{period.starts_on:%-d %b %Y}", plain=True),
            cell(f"{period.ends_on:%-d %b %Y}", plain=True),
            cell(f"{accounts:,}", plain=True, numeric=True),
        ],
    )


def _states(period: Period) -> list[State]:
    if period.is_current:
        return [State(word="Current", look="ok")]
    return [State(word="Open", look="info")] if period.is_open else [State(word="Closed", look="off")]
