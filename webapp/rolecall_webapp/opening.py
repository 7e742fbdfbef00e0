"""Opening accounts for people: shows what would be done first, then begins the run (R4, R49, R50, R51)."""

from collections.abc import Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Invalid
from rolecall.sdk.words import LISTS
from rolecall.store.cursors import LARGEST_ID
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.opening_plan import OpeningPlan, plan_opening
from rolecall_webapp.frame import application, needs
from rolecall_webapp.notices import watch
from rolecall_webapp.parts import Form, Head, Link, Note, Part, Row, Table, cell

pages = Blueprint("opening", __name__, url_prefix="/people/open")

#: More ids than a page can tick (X-11).
_MOST = 5_000


@pages.get("")
@needs("accounts:create")
def ask() -> ResponseReturnValue:
    """Show how many accounts would be opened, for whom not and why, and the names of the first."""
    people, people_list = _chosen(request.args.getlist("ids"), request.args.get("all", ""), request.args.get("list", ""))
    return _page(people, people_list)


@pages.post("")
@needs("accounts:create")
def go() -> ResponseReturnValue:
    """Open them, if their number is still the one that was shown."""
    people, people_list = _chosen(request.form.get("ids", "").split(","), request.form.get("all", ""), request.form.get("list", ""))
    if request.form.get("expected") != str(plan_opening(g.db, g.actor, people=people, people_list=people_list).will):
        note = Note(text="The selection has changed since you saw it. Look at it again.", look="wait")
        return _page(people, people_list, [note]), 409
    run_id = start_opening(application(), g.actor, people=people, people_list=people_list)
    watch(run_id)
    return redirect(url_for("runs.page", run_id=run_id), 303)


def _page(people: list[int] | None, people_list: str | None, before: Sequence[Part] = ()) -> str:
    plan = plan_opening(g.db, g.actor, people=people, people_list=people_list)
    parts: list[Part] = [*before]
    if not plan.total:
        nobody = "Nobody is selected." if people is not None else "Everybody who can have an account has one."
        back = Link(label="To the people", href=url_for("people.index"))
        return render_template("page.html", title="Open accounts", parts=[*parts, Note(text=nobody, links=[back])])
    if plan.examples:
        rows = [Row(cells=[cell(name), cell(of, plain=True), cell(username)]) for name, of, username in plan.examples]
        heads = [Head(label=label) for label in ("Person", "List", "User name")]
        title = "They get" if plan.will <= len(rows) else f"The first {len(rows)} of {plan.will:,}"
        parts.append(Table(caption="Accounts to open", title=title, heads=heads, rows=rows))
    if plan.skipped:
        heads = [Head(label="Why"), Head(label="People", numeric=True)]
        rows = [Row(cells=[cell(why, plain=True), cell(f"{number:,}", plain=True, numeric=True)]) for why, number in plan.skipped]
        parts.append(Table(caption="People who are left out", title="Left out", heads=heads, rows=rows))
    if plan.will:
        parts.append(_form(plan, people, people_list))
    return render_template("page.html", title="Open accounts", note=_sentence(plan, people_list), parts=parts)


def _form(plan: OpeningPlan, people: list[int] | None, people_list: str | None) -> Form:
    hidden = {"expected": str(plan.will)}
    if people is None:
        hidden |= {"all": "1", "list": people_list or ""}
    else:
        hidden["ids"] = ",".join(map(str, people))
    return Form(
        action=url_for("opening.go"),
        fields=[],
        button="Open 1 account" if plan.will == 1 else f"Open {plan.will:,} accounts",
        help="Each gets a user name, a first-time password that is kept sealed, and the default role of its type in the current period."
        + _invitations(plan),
        hidden=hidden,
        cancel=url_for("people.index", list=people_list) if people_list else url_for("people.index"),
    )


def _invitations(plan: OpeningPlan) -> str:
    """Who is written to at once, which cannot be taken back (R51)."""
    told = f" An invitation is sent to {plan.invited:,} of them at once." if plan.invited else ""
    return told + (f" {plan.unreachable:,} cannot be invited, because their record has no e-mail." if plan.unreachable else "")


def _sentence(plan: OpeningPlan, people_list: str | None) -> str:
    whose = f" of the list {people_list}" if people_list else ""
    if plan.will == plan.total:
        return f"{plan.will:,} {'person' if plan.will == 1 else 'people'}{whose} without an account."
    return f"{plan.will:,} of {plan.total:,} people{whose} can have an account."


def _chosen(ids: Sequence[str], everybody: str, people_list: str) -> tuple[list[int] | None, str | None]:
    """Whom the form means: these people, or everybody of a list (or of all) who can have an account.

    :raises Invalid: for what no form of ours sends.
    """
    if everybody:
        if people_list and people_list not in LISTS:
            raise Invalid(f"There is no list called {people_list[:40]!r}.", hint=f"The lists are {', '.join(LISTS)}.")
        return None, people_list or None
    given = [each for each in ids if each]
    if len(given) > _MOST:
        raise Invalid(f"At most {_MOST:,} people can be chosen one by one.", hint="Choose a whole list instead.")
    if not all(each.isascii() and each.isdigit() and int(each[:11]) <= LARGEST_ID for each in given):
        raise Invalid("Somebody was chosen who does not exist.", hint="Choose again in the list of people.")
    return list(dict.fromkeys(map(int, given))), None
