"""Pages of the sync about what the safety limits hold at one provider: who would be closed there, and what to do about it (R62)."""

from datetime import datetime

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import USER_TYPES
from rolecall.work.sync import held
from rolecall.work.sync.held import HeldLink
from rolecall.work.sync.held_groups import because, groups
from rolecall.work.sync.status import ProviderStatus
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, page_number, pager, problems
from rolecall_webapp.parts import Cell, Confirm, Empty, Form, Head, Note, Part, Row, State, Table, cell
from rolecall_webapp.sync import draw, status_of

pages = Blueprint("sync_held", __name__, url_prefix="/sync")

_VERBS = {"suspend": State(word="Suspend", look="wait"), "delete": State(word="Delete", look="bad")}
_CHOICES = (
    ("approve", "Approve: all of them are closed there"),
    ("suspend", "Approve without deletions: who would be deleted is suspended instead"),
    ("discard", "Discard: they stay there as they are"),
)
_ABOUT_ONE = (
    ("approve", "Approve: it is closed there"),
    ("suspend", "Approve without deletion: where it would be deleted, it is suspended instead"),
    ("discard", "Discard: it stays there as it is"),
)


@pages.get("/<name>/held")
@needs("integrations:view")
def index(name: str) -> ResponseReturnValue:
    """Who would be closed, with which verb, since when and by which run; and what may be decided, about all of them or about one."""
    return _page(name, {}, _account_id(request.args.get("account")))


@pages.post("/<name>/held")
@needs("integrations:edit")
def decide(name: str) -> ResponseReturnValue:
    """Approve or discard what was shown, and nothing that was held since."""
    label = status_of(name).label
    choice = request.form.get("choice", "")
    account_id = _account_id(request.form.get("account"))
    if choice not in dict(_CHOICES):
        return _page(name, {"choice": ["Choose what is to be done."]}, account_id), 422
    if "agreed" not in request.form:
        return _page(name, {"agreed": ["Tick the box first."]}, account_id), 409
    expected, shown_at = _shown(request.form.get("expected", ""), request.form.get("shown_at", ""))
    only = None if account_id is None else [account_id]
    try:
        if choice == "discard":
            count = held.discard(application(), g.actor, name, expected=expected, shown_at=shown_at, accounts=only)
        else:
            deletions = choice == "approve"
            count = held.approve(application(), g.actor, name, expected=expected, shown_at=shown_at, deletions=deletions, accounts=only)
    except Refused as error:
        wrong, status = problems(error)
        return _page(name, {"": [sentence for each in wrong.values() for sentence in each]}, account_id), status
    who = "One account" if count == 1 else f"{count:,} accounts"
    if choice == "discard":
        say(f"{who} {'stays' if count == 1 else 'stay'} at {label} as {'it is' if count == 1 else 'they are'}.")
    else:
        say(f"{who} {'is' if count == 1 else 'are'} closed at {label} now.")
    return redirect(url_for("sync.provider", name=name), 303)


def _page(name: str, wrong: dict[str, list[str]], account_id: int | None) -> str:
    found = status_of(name)
    shown_at = held.moment_of(g.db)
    page = page_number(request.args)
    only = None if account_id is None else [account_id]
    rows = held.held_links(g.db, name, limit=SIZE, offset=(page - 1) * SIZE, accounts=only)
    waiting = groups(g.db, name, accounts=only)
    number, guarded = sum(each.number for each in waiting), sum(each.number for each in waiting if each.guarded)
    table = Table(
        caption="What is held",
        heads=[Head(label=label) for label in ("Account", "What", "Why", "Since", "By", *(() if only else ("Decide",)))],
        rows=[_row(each, name, alone=bool(only)) for each in rows],
        pager=pager(page, number, "sync_held.index", {}, name=name),
        empty=Empty(text="Nothing is held.", hint="Suspensions and deletions wait here when there are more of them than the limits allow."),
    )
    parts: list[Part] = [Note(text=because(waiting), look="wait"), table] if number else [table]
    if may("integrations:edit") and number:
        parts.append(_form(found, shown_at, wrong, number, guarded, account_id))
    elif wrong:
        parts.insert(0, Note(text=" ".join(sentence for each in wrong.values() for sentence in each), look="bad"))
    return draw(found, "held", parts)


def _form(
    found: ProviderStatus, shown_at: datetime, wrong: dict[str, list[str]], number: int, guarded: int, account_id: int | None
) -> Form:
    who = "the one account" if number == 1 else f"all {number:,} accounts"
    stay = f" {guarded:,} of them {'is' if guarded == 1 else 'are'} approved only one by one." if guarded and account_id is None else ""
    hidden = {"expected": str(number), "shown_at": shown_at.isoformat()}
    label, options = ("With all that is held", _CHOICES) if account_id is None else ("With this account", _ABOUT_ONE)
    back = url_for("sync.provider", name=found.provider) if account_id is None else url_for("sync_held.index", name=found.provider)
    return Form(
        action=url_for("sync_held.decide", name=found.provider),
        title="What is to be done",
        fields=[FormField(name="choice", label=label, kind="choice", options=options, required=True)],
        button="Do it",
        hidden=hidden if account_id is None else {**hidden, "account": str(account_id)},
        errors=wrong,
        confirm=Confirm(grade="agree", text=f"This is about {who} above, at {found.label}.{stay} Accounts here stay as they are."),
        cancel=back,
    )


def _row(each: HeldLink, provider: str, *, alone: bool) -> Row:
    decide = [] if alone else [Cell(text="This one alone", href=url_for("sync_held.index", name=provider, account=each.account_id))]
    name = each.name or each.username
    account = Cell(text=name, note=each.username, href=url_for("accounts.external", account_id=each.account_id))
    by = cell(each.run_actor or "A rule or setting", note=each.run_action or "")
    if each.run_id is not None:
        by = Cell(text=each.run_actor or "", note=each.run_action or "", href=url_for("runs.page", run_id=each.run_id))
    return Row(
        cells=[
            account if may("accounts:view") else cell(name, note=each.username),
            Cell(states=[_VERBS[each.verb]]),
            cell("Nobody asked for it by itself" if each.guarded else "Above the limit", note=USER_TYPES[each.user_type]),
            Cell(at=each.since),
            by,
            *decide,
        ]
    )


def _account_id(text: str | None) -> int | None:
    """Read which account a page is about; what is no number is none that is held."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _shown(expected: str, shown_at: str) -> tuple[int, datetime | None]:
    """Read what the form says was shown; what cannot be read was nothing, so the decision is refused."""
    number = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 10 else 0
    try:
        moment = datetime.fromisoformat(shown_at)
    except ValueError:
        return 0, None
    return (number, moment) if moment.tzinfo is not None else (0, None)
