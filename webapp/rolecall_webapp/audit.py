"""Pages of the audit: the entries with filters in the address, one entry, the export, and the check of the chain (R67)."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import audit
from rolecall.accounts.audit import Filters
from rolecall.errors import Invalid
from rolecall.sdk.spreadsheet import csv_lines
from rolecall.store.cursors import LARGEST_ID
from rolecall.store.tables import AuditEntry
from rolecall.work.runs.documents import changes_in_words
from rolecall.work.runs.evidence import alarm, verify_all
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, asked, by_cursor
from rolecall_webapp.parts import (
    Button,
    Cell,
    Chip,
    Empty,
    Facts,
    FilterBar,
    FilterField,
    Head,
    Link,
    Note,
    Part,
    Prose,
    Row,
    Table,
    cell,
)  # fmt: skip

pages = Blueprint("audit", __name__, url_prefix="/audit")

_WORDS = {"q": "Search", "kind": "What", "actor": "Who", "since": "From", "until": "To", "account": "Account number", "run": "Run number"}
_CHUNK = 1_000


@pages.get("")
@needs("audit:view")
def index() -> ResponseReturnValue:
    """The entries, newest first."""
    words = asked(request.args, _WORDS)
    filters = _filters(words)
    total = audit.count(g.db, filters)
    cursor = request.args.get("before")
    found = audit.entries(g.db, filters, cursor=cursor, limit=SIZE)
    pager = by_cursor(cursor, found.next, "audit.index", words, name="before")
    table = Table(
        caption="Entries",
        heads=[Head(label=label) for label in ("Entry", "When", "Who", "What", "About")],
        rows=[_row(each) for each in found.items],
        pager=pager,
        empty=Empty(
            kind="match" if words else "nothing",
            text="No entry matches all of these filters." if words else "Nothing has happened yet.",
            links=[Link(label="Clear all", href=url_for("audit.index"))] if words else [],
        ),
    )
    actions = [
        Button(
            label="Verify the chain", href=url_for("audit.verify"), post=True, help="Checks that no entry and no line of a run was changed"
        ),
        Button(label="Export CSV", href=address("audit.export", words), post=True),
    ]
    return render_template(
        "list.html",
        title="Audit",
        note="Everything that changed something. Entries cannot be edited or deleted.",
        actions=actions,
        bar=_bar(words),
        sentence="1 entry" if total == 1 else f"{total:,} entries",
        chips=[Chip(label=f"{_WORDS[name]}: {value}", remove=address("audit.index", {**words, name: ""})) for name, value in words.items()],
        clear=url_for("audit.index"),
        rows=table,
    )


@pages.get("/<int(max=2147483647):seq>")
@needs("audit:view")
def entry(seq: int) -> ResponseReturnValue:
    """One entry with everything in it."""
    found = audit.get(g.db, seq)
    facts: list[tuple[str, Cell]] = [
        ("When", Cell(at=found.at)),
        ("Who", cell(found.actor_label, note=found.actor)),
        ("On behalf of", cell(found.on_behalf)),
        ("From", cell(found.address)),
        ("What", cell(found.kind)),
        ("Account", _account(found)),
        ("Run", _run(found)),
        ("Link of the chain", cell(found.chain)),
    ]
    parts: list[Part] = [Facts(facts=[each for each in facts if each[1] != Cell()])]
    if found.payload is None:
        parts.append(Note(text="What it says was erased together with a person. The chain still holds."))
    else:
        changed = _changes(found.payload)
        if changed:
            heads = [Head(label=label) for label in ("Field", "Before", "After")]
            rows = [Row(cells=[cell(each) for each in line]) for line in changed]
            parts.append(Table(title="What changed", caption="What changed", heads=heads, rows=rows))
        parts.append(Prose(title="Everything it says", code=json.dumps(found.payload, indent=2, ensure_ascii=False, sort_keys=True)))
    return render_template("page.html", title=f"Entry {found.seq}", kicker="Audit", parts=parts)


@pages.post("/export")
@needs("audit:view")
def export() -> ResponseReturnValue:
    """The entries that the filters match as CSV; that they were taken is an entry of its own."""
    words = asked(request.args, _WORDS)
    require_fresh(address("audit.index", words))
    filters = _filters(words)
    app, actor = application(), g.actor
    total = audit.count(g.db, filters)
    with app.db.write() as writing:
        audit.append(writing, actor=g.actor, kind="audit.export", payload={"filter": words, "entries": total})

    def lines() -> Iterator[list[str | None]]:
        yield ["entry", "when", "who", "actor", "on behalf of", "from", "what", "account", "run", "says", "chain"]
        cursor: str | None = None
        # A unit of its own: the answer is still being sent when the request is over.
        with app.read_as(actor) as session:
            while True:
                found = audit.entries(session, filters, cursor=cursor, limit=_CHUNK)
                for each in found.items:
                    yield _line(each)
                session.expunge_all()
                cursor = found.next
                if cursor is None:
                    return

    response = Response(csv_lines(lines()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{datetime.now(UTC):%Y-%m-%d}.csv"'
    return response


@pages.post("/verify")
@needs("audit:view")
def verify() -> ResponseReturnValue:
    """Walk the whole chain and say whether it holds."""
    # The chain is one: also whoever sees only some of its entries can have all of it checked.
    with application().db.read() as everything:
        verdict = verify_all(everything)
    alarm(application(), g.actor, verdict)
    more = {} if verdict.seq is None else {"href": url_for("audit.entry", seq=verdict.seq), "link": f"Entry {verdict.seq}"}
    say(verdict.message, "ok" if verdict.ok else "bad", **more)
    return redirect(url_for("audit.index"), 303)


def _filters(words: Mapping[str, str]) -> Filters:
    until = _day(words, "until")
    return Filters(
        kind=words.get("kind", "")[:60],
        actor=words.get("actor", "")[:120],
        text=words.get("q", "")[:200],
        account_id=_number(words, "account"),
        run_id=_number(words, "run"),
        since=_day(words, "since"),
        until=until + timedelta(days=1) if until else None,
    )


def _number(words: Mapping[str, str], name: str) -> int | None:
    text = words.get(name, "")
    if text and not (text.isascii() and text.isdigit() and int(text[:11]) <= LARGEST_ID):
        raise Invalid(f"{_WORDS[name]} is a whole number.", hint="It stands in the address of the account or the run.")
    return int(text) if text else None


def _day(words: Mapping[str, str], name: str) -> datetime | None:
    if name not in words:
        return None
    try:
        day = date.fromisoformat(words[name])
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(0) if day.year < 9999 else None
    except ValueError:
        raise Invalid(f"{words[name][:20]} is no day.", hint="Write year-month-day, such as 2026-09-01.") from None


def _bar(words: Mapping[str, str]) -> FilterBar:
    kinds = [(each, each) for each in audit.kinds(g.db)]
    fields = [
        FilterField(id="q", label=_WORDS["q"], help="Anything in the entry", search=True, value=words.get("q", "")),
        FilterField(id="kind", label=_WORDS["kind"], options=kinds, value=words.get("kind", "")),
        FilterField(id="actor", label=_WORDS["actor"], value=words.get("actor", "")),
        FilterField(id="since", label=_WORDS["since"], help="2026-09-01", value=words.get("since", "")),
        FilterField(id="until", label=_WORDS["until"], help="2027-06-30", value=words.get("until", "")),
        FilterField(id="account", label=_WORDS["account"], value=words.get("account", ""), advanced=True),
        FilterField(id="run", label=_WORDS["run"], value=words.get("run", ""), advanced=True),
    ]
    return FilterBar(action=url_for("audit.index"), fields=fields)


def _row(entry_: AuditEntry) -> Row:
    return Row(
        cells=[
            Cell(text=str(entry_.seq), href=url_for("audit.entry", seq=entry_.seq), plain=True),
            Cell(at=entry_.at),
            cell(entry_.actor_label, note=entry_.address or ""),
            cell(entry_.kind),
            cell(_about(entry_)),
        ]
    )


def _about(entry_: AuditEntry) -> str:
    """The entry in a line: what changed, else its first plain facts."""
    if entry_.payload is None:
        return "erased"
    changed = _changes(entry_.payload)
    said = [f"{name}: {before} → {after}" if before else f"{name}: {after}" for name, before, after in changed[:3]]
    plain = {name: value for name, value in entry_.payload.items() if isinstance(value, str | int)}
    said = said or [f"{name}: {value}" for name, _, value in changes_in_words(None, plain)][:4]
    text = "; ".join(said)
    return text if len(text) <= 160 else f"{text[:159]}…"


def _changes(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(field, before, after) where the entry tells of a change, in either of the two shapes that entries have."""
    before, after = payload.get("before"), payload.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for line in changes_in_words(before, after) if line[1] != line[2]]
    changed = payload.get("changes")
    if not isinstance(changed, dict):
        return []
    lines = []
    for name, what in changed.items():
        if isinstance(what, dict) and set(what) == {"before", "after"}:
            lines += changes_in_words({name: what["before"]}, {name: what["after"]})
        else:
            lines.append((str(name), "", str(what)))
    return lines


def _account(entry_: AuditEntry) -> Cell:
    if entry_.account_id is None:
        return Cell()
    where = url_for("accounts.overview", account_id=entry_.account_id) if may("accounts:view") else None
    return Cell(text=str(entry_.account_id), href=where, plain=True)


def _run(entry_: AuditEntry) -> Cell:
    if entry_.run_id is None:
        return Cell()
    return Cell(text=str(entry_.run_id), href=url_for("runs.page", run_id=entry_.run_id), plain=True)


def _line(entry_: AuditEntry) -> list[str | None]:
    says = None if entry_.payload is None else json.dumps(entry_.payload, ensure_ascii=False, sort_keys=True)
    at = entry_.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    numbers = [str(each) if each is not None else None for each in (entry_.account_id, entry_.run_id)]
    return [
        str(entry_.seq), at, entry_.actor_label, entry_.actor, entry_.on_behalf, entry_.address, entry_.kind, *numbers, says, entry_.chain
    ]  # fmt: skip
