"""Pages of accounts: the list with its export, and one account with its tabs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.sdk.spreadsheet import csv_lines
from rolecall.store import accounts_query
from rolecall.store.engine import now
from rolecall.work.application import Application
from rolecall.work.changes import retry_links
from rolecall_webapp import account_list, account_page, views
from rolecall_webapp.account_list import Asked
from rolecall_webapp.frame import application, needs, require_fresh
from rolecall_webapp.menu import action_groups
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Empty, Link

pages = Blueprint("accounts", __name__)

#: The columns that every export has (R14); the ones chosen in the list are added.
_EXPORTED = ("name", "username", "email", "type", "role", "state", "last_login", "pending", "external")
_CHUNK = 1_000


@pages.get("/accounts")
@needs("accounts:view")
def index() -> ResponseReturnValue:
    """The list (R8-R14)."""
    asked = account_list.read(request.args, g.view)
    scripted = "HX-Request" in request.headers
    if not scripted and any(not value for value in request.args.values()):
        return redirect(asked.address, 303)  # a form sends its empty fields too; the address is to be read by people
    moment = now(g.db)
    clauses, period_id = account_list.clauses(g.db, g.view, asked, moment)
    found = accounts_query.page(
        g.db, clauses, now=moment, sort=asked.sort, limit=asked.size, offset=(asked.page - 1) * asked.size, period_id=period_id
    )
    if not found.rows and found.total:
        return redirect(replace(asked, page=-(-found.total // asked.size)).address, 303)
    bar = account_list.bar(g.db, g.view, asked)
    chips = account_list.chips(asked, bar)
    columns = account_list.shown_columns(g.view, asked)
    page = render_template(
        "accounts.html",
        title="Accounts",
        bar=bar,
        asked=asked,
        chips=chips,
        clear=replace(asked, words={}, page=1).address,
        sentence=account_list.sentence(found.total, asked, bar),
        total=found.total,
        rows=replace(account_list.table(g.db, g.view, asked, found), empty=_empty(bool(chips), asked)),
        groups=action_groups(bulk=True),
        columns=[(each, label, each in columns) for each, label in account_list.all_columns(g.view).items()],
        saved=views.of(g.db, g.actor, asked),
        may_share=views.may_share(),
        tools=True,
    )
    return page, {"HX-Push-Url": asked.address} if scripted else {}


@pages.post("/accounts/export")
@needs("accounts:view")
def export() -> ResponseReturnValue:
    """The same list as CSV, every page of it; that it was taken is in the audit."""
    asked = replace(account_list.read(request.args, g.view), page=1)
    require_fresh(asked.address)
    clauses, period_id = account_list.clauses(g.db, g.view, asked, now(g.db))
    total = accounts_query.count(g.db, clauses)
    app = application()
    with app.db.write() as writing:
        audit.append(writing, actor=g.actor, kind="accounts.export", payload={"filter": dict(asked.words), "accounts": total})
    response = Response(csv_lines(_lines(app, g.actor, asked, clauses, period_id)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="accounts-{datetime.now(UTC):%Y-%m-%d}.csv"'
    return response


@pages.get("/accounts/<int:account_id>")
@needs("accounts:view")
def overview(account_id: int) -> ResponseReturnValue:
    """One account: who it is."""
    return account_page.draw(account_id, "overview")


@pages.get("/accounts/<int:account_id>/access")
@needs("accounts:view")
def access(account_id: int) -> ResponseReturnValue:
    """One account: why they can't sign in (R34)."""
    return account_page.draw(account_id, "access")


@pages.get("/accounts/<int:account_id>/roles")
@needs("accounts:view")
def roles(account_id: int) -> ResponseReturnValue:
    """One account: its role in each period (R15)."""
    return account_page.draw(account_id, "roles")


@pages.get("/accounts/<int:account_id>/external")
@needs("accounts:view")
def external(account_id: int) -> ResponseReturnValue:
    """One account: what it is at each provider (R61)."""
    return account_page.draw(account_id, "external")


@pages.get("/accounts/<int:account_id>/logins")
@needs("accounts:view")
def logins(account_id: int) -> ResponseReturnValue:
    """One account: every attempt to sign in (R32)."""
    return account_page.draw(account_id, "logins")


@pages.get("/accounts/<int:account_id>/timeline")
@needs("accounts:view")
def timeline(account_id: int) -> ResponseReturnValue:
    """One account: everything that happened to it."""
    return account_page.draw(account_id, "timeline")


@pages.post("/accounts/<int:account_id>/retry")
@needs("integrations:edit")
def retry(account_id: int) -> ResponseReturnValue:
    """Try what is behind at a provider again now."""
    tried = retry_links(application(), g.actor, accounts=[account_id], providers=request.form.getlist("provider"))
    say("It is tried again now." if tried else "Nothing is waiting there.", "ok" if tried else "info")
    return redirect(url_for("accounts.external", account_id=account_id), 303)


def _empty(filtered: bool, asked: Asked) -> Empty:
    if filtered:
        return Empty(
            kind="match",
            text="No account matches all of these filters.",
            hint="Remove one of them above, or all.",
            links=[Link(label="Clear all", href=replace(asked, words={}, page=1).address)],
        )
    return Empty(text="There are no accounts yet.", hint="Import the people of the school first; then open accounts for them.")


def _lines(app: Application, actor: Actor, asked: Asked, clauses: list[ColumnElement[bool]], period_id: int | None) -> Iterator[list[str]]:
    """The lines of the export, read page by page in a unit of its own: the answer is still being sent when the request is over."""
    with app.read_as(actor) as session:
        view = app.plugins.view(session)
        labels = {"name": "Name", "username": "User name", "pending": "Pending"} | account_list.all_columns(view)
        columns = [*_EXPORTED, *(each for each in account_list.shown_columns(view, asked) if each not in _EXPORTED)]
        yield [labels[each] for each in columns]
        cursor: str | None = None
        while True:
            found = accounts_query.page(
                session, clauses, now=now(session), sort=asked.sort, limit=_CHUNK, cursor=cursor, period_id=period_id
            )
            ids = [row.id for row in found.rows]
            extra = {each: view.columns[each].values(session, ids) for each in columns if each in view.columns}
            for row in found.rows:
                yield [account_list.text_of(each, row, extra, _written) for each in columns]
            cursor = found.next
            if cursor is None:
                return


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
