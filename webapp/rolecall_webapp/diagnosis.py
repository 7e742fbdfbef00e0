"""Why can't they sign in (R34): a box on the account's page, and everything that was checked on a tab of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import g, request, url_for

from rolecall.store.accounts_query import AccountRow
from rolecall.store.tables import SignIn
from rolecall.work.doctor.diagnose import diagnose
from rolecall.work.doctor.finding import DONE_BY, OK, PROBLEM, WARNING, Diagnosis, Finding, Page
from rolecall.work.runs.plan import why_not
from rolecall_webapp.frame import application, may
from rolecall_webapp.parts import Button, Cell, Check, Checks, Head, Link, Note, Part, Row, State, Table, cell

_STATES = {
    OK: State(word="Fine", look="ok"),
    WARNING: State(word="Worth knowing", look="info"),
    PROBLEM: State(word="Keeps them out", look="bad"),
}
_YES, _NO = State(word="Can sign in", look="ok"), State(word="Cannot sign in", look="bad")
#: Pages where something is mended: label, endpoint, the argument that names which one, and the permission that opens it.
_PAGES = {
    "person": ("Open the person's record", "people.card", "person_id", "people:view"),
    "periods": ("Open the periods", "periods.index", None, "periods:view"),
    "role": ("Open the role", "roles.page", "role_id", "roles:view"),
    "integration": ("Open the integration", "integrations.page", "name", "integrations:view"),
    "sync": ("Open its sync", "sync.provider", "name", "integrations:view"),
    "external": ("See the links", "accounts.external", "account_id", "accounts:view"),
    "sign-ins": ("See all sign-ins", "accounts.logins", "account_id", "accounts:view"),
}
_NOT_ALLOWED = "Your role does not allow this."


def box(row: AccountRow) -> list[Part]:
    """The verdict; opened, with what keeps them out and what mends it, when they cannot sign in."""
    found = _ask(row)
    problems = [each for each in found.findings if each.state == PROBLEM]
    everything = Link(label="Everything that was checked", href=url_for("accounts.access", account_id=row.id))
    return [
        Checks(
            title=found.sentence if found.can_sign_in else _reasons(len(problems)),
            state=_YES if found.can_sign_in else _NO,
            checks=_checks(row, problems),
            folds=True,
            open=not found.can_sign_in,
            links=[everything],
        )
    ]


def full(row: AccountRow) -> Sequence[Part]:
    """The verdict, everything that was checked in its order, and the last attempts."""
    found = _ask(row)
    return [
        Note(text=found.sentence, look="ok" if found.can_sign_in else "bad"),
        Checks(title="What was checked", checks=_checks(row, found.findings)),
        *([_attempts(found.sign_ins)] if found.sign_ins else ()),
    ]


def _ask(row: AccountRow) -> Diagnosis:
    return diagnose(application(), g.db, row.id, now=datetime.now(UTC))


def _reasons(number: int) -> str:
    return "One thing keeps them out." if number == 1 else f"{number} things keep them out."


def _checks(row: AccountRow, findings: Sequence[Finding]) -> list[Check]:
    named = dict.fromkeys(each.action for each in findings if each.action is not None)
    reasons = why_not(g.db, g.actor, [g.view.actions[each] for each in named], row.id)
    return [
        Check(
            label=each.subject,
            text=each.sentence,
            state=_STATES[each.state],
            note=" ".join(filter(None, (each.detail, "" if each.state == OK else DONE_BY.get(each.done_by, "")))),
            buttons=_buttons(row, each, reasons),
        )
        for each in findings
    ]


def _buttons(row: AccountRow, finding: Finding, reasons: dict[str, str | None]) -> list[Button]:
    buttons = []
    if finding.action is not None:
        action = g.view.actions[finding.action]
        why = reasons[action.id] if may(action.permission) else _NOT_ALLOWED
        href = url_for("actions.ask", action_id=action.id, ids=row.id, back=request.path)
        buttons.append(Button(label=f"{action.label} …", href=href, help=action.help, why_not=why))
    if finding.page is not None:
        buttons.append(_page_button(finding.page))
    return buttons


def _page_button(page: Page) -> Button:
    label, endpoint, argument, permission = _PAGES[page.name]
    which: dict[str, Any] = {} if argument is None else {argument: page.id}
    href = url_for(endpoint, **which)
    return Button(label=label, href=href, why_not=None if may(permission) else _NOT_ALLOWED)


def _attempts(sign_ins: Sequence[SignIn]) -> Table:
    rows = [
        Row(cells=[Cell(at=each.at), cell(each.method, plain=True), cell(each.result.replace("-", " "), plain=True), cell(each.address)])
        for each in sign_ins
    ]
    heads = [Head(label=each) for each in ("When", "Method", "Result", "Address")]
    return Table(title="Last attempts", caption="Last attempts", heads=heads, rows=rows)
