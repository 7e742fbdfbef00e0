"""One run as parts: how far it is, tiles, reasons, buttons and the items, failures first."""

from flask import g, render_template, request, url_for
from sqlalchemy.orm import Session

from rolecall.accounts.messages import UNUSABLE
from rolecall.accounts.requirements import HAS_PERSONAL_EMAIL, HAS_PHONE
from rolecall.errors import Invalid
from rolecall.sdk.words import OUTCOMES
from rolecall.store.engine import now
from rolecall.store.tables import Run
from rolecall.work.runs.conclusion import KEY as CONCLUSION
from rolecall.work.runs.documents import Document, at_providers, counts
from rolecall.work.runs.results import NOT_INVITED, ORDER, Reason, items_page, reasons
from rolecall.work.runs.secrets import count_secrets
from rolecall.work.runs.undo import why_no_undo
from rolecall_webapp import slips
from rolecall_webapp.frame import application, may
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Empty,
    Facts,
    Head,
    Link,
    Note,
    Part,
    Progress,
    Row,
    State,
    Table,
    Tile,
    Tiles,
    cell,
)
from rolecall_webapp.run_words import OUTCOME_LOOKS, changes_text, run_state, run_title, seconds_between, took

_ACTIVE = ("queued", "running")
_LABELS = {"failed": "Failed", "skipped": "Skipped", "done": "Done", "waiting": "Waiting"}
#: Seconds between two looks at the progress: often at first, seldom when it takes long.
_STEPS = ((15, 1), (60, 2))
_SELDOM = 5
#: Reasons that are mended in the person's record, which they lead to (R40).
_IN_RECORD = frozenset({HAS_PERSONAL_EMAIL.code, HAS_PHONE.code, UNUSABLE, NOT_INVITED})


def draw(run: Run) -> str:
    """Draw a run's page."""
    outcome, code, number = _narrowed()
    counted = counts(g.db, [run.id])[run.id]
    found_reasons = reasons(g.db, run.id)
    failed = [State(word=f"{counted['failed']:,} failed", look="bad")] if counted["failed"] else []
    parts: list[Part] = []
    if run.error:
        parts.append(Note(text=run.error, look="bad"))
    if run.state in _ACTIVE or counted["waiting"]:
        parts.append(progress(run))
    parts += [*_conclusion(run), _tiles(run, counted, outcome), *_buttons(run, counted), *_reasons(run, found_reasons), _facts(run)]
    return render_template(
        "page.html",
        title=run_title(g.view, run.kind, run.action),
        kicker=f"Run {run.id}",
        states=[run_state(run.state), *failed],
        parts=[*parts, _items(run, counted, found_reasons, outcome, code, number)],
    )


def progress(run: Run, *, asked: int = 0) -> Progress:
    """How far a run is, and when to look again."""
    counted = counts(g.db, [run.id])[run.id]
    total = sum(counted.values())
    done = total - counted["waiting"]
    words = [f"{done:,} of {total:,}"]
    if run.state == "queued":
        words.append("waits for a worker")
    elif run.state == "running":
        seconds = seconds_between(run.started_at, now(g.db))
        if done and seconds > 1:
            rate = done / seconds
            words += [
                f"{rate:,.0f} per second" if rate >= 1 else f"{rate * 60:,.0f} per minute",
                f"about {took(counted['waiting'] / rate)} left",
            ]
        if run.stop_requested:
            words.append("stops after this batch")
    every = next((seconds for below, seconds in _STEPS if asked < below), _SELDOM)
    poll = url_for("runs.progress", run_id=run.id, asked=asked + 1) if run.state in _ACTIVE else None
    return Progress(done=done, total=total, sentence=" · ".join(words), poll=poll, every=every)


def _narrowed() -> tuple[str | None, str | None, int]:
    outcome, code = (request.args.get(name) or None for name in ("outcome", "code"))
    if outcome is not None and outcome not in OUTCOMES:
        raise Invalid(f"{outcome[:40]} is not an outcome.", hint=f"The outcomes are {', '.join(OUTCOMES)}.")
    return outcome, code, page_number(request.args)


def _address(run: Run, **words: str | None) -> str:
    return address("runs.page", {name: value or "" for name, value in words.items()}, run_id=run.id)


def _conclusion(run: Run) -> list[Part]:
    """What the run did besides its accounts, and whom somebody should look at."""
    found = run.facts.get(CONCLUSION, {})
    notes: list[Part] = [Note(text=each) for each in found.get("notes", ())]
    for each in found.get("look_at", ()):
        href = url_for("accounts.index", **each["filter"])
        notes.append(Note(text=each["text"], look="wait", links=[Link(label="Show them", href=href)] if may("accounts:view") else []))
    return notes


def _tiles(run: Run, counted: dict[str, int], outcome: str | None) -> Tiles:
    return Tiles(
        tiles=[
            Tile(
                label=_LABELS[each],
                number=counted[each],
                # The tile that is chosen leads back to everything.
                href=_address(run, outcome=None if each == outcome else each),
                look=OUTCOME_LOOKS[each],
                current=each == outcome,
            )
            for each in ORDER
        ]
    )


def _buttons(run: Run, counted: dict[str, int]) -> list[Part]:
    buttons: list[Button] = []
    mine = run.actor == g.actor.name
    action = g.view.actions.get(run.action)
    prints = action is not None and action.prints
    waiting = count_secrets(g.db, run.id) if mine and not prints else 0
    if waiting:
        text = "Shown once: print or copy it then. After 24 hours they are gone."
        buttons.append(
            Button(label=f"Fetch {waiting:,} new passwords", href=url_for("runs.secrets", run_id=run.id), post=True, help=text, look="main")
        )
    buttons += slips.buttons(g.db, run, main=prints)
    if mine or may("runs:edit"):
        buttons += _controls(run, counted)
    if run.state not in _ACTIVE and why_no_undo(g.db, application(), g.actor, run) is None:
        buttons.append(Button(label="Undo …", href=url_for("runs.ask_undo", run_id=run.id), help="See first what would be taken back."))
    if may("accounts:view") and run.kind != "import":
        buttons.append(
            Button(label="Open as list", href=url_for("accounts.index", run=run.id), help="These accounts, whatever they are now.")
        )
    buttons.append(Button(label="Results as CSV", href=url_for("runs.results", run_id=run.id)))
    return [Buttons(groups=[("", buttons)])]


def _controls(run: Run, counted: dict[str, int]) -> list[Button]:
    if run.state in _ACTIVE:
        return [Button(label="Stop", href=url_for("runs.stop", run_id=run.id), post=True, help="What is done stays done.")]
    target = url_for("runs.resume", run_id=run.id)
    buttons = []
    if run.state in ("stopped", "failed") and counted["waiting"]:
        buttons.append(Button(label="Resume", href=target, post=True, look="main"))
    if run.state in ("done", "stopped", "failed") and counted["failed"]:
        buttons.append(Button(label=f"Try {counted['failed']:,} failed again", href=target, post=True, values={"failed": "yes"}))
    return buttons


def _reasons(run: Run, found: list[Reason]) -> list[Part]:
    rows = [
        Row(
            cells=[
                Cell(states=[State(word=each.outcome, look=OUTCOME_LOOKS[each.outcome])]),
                Cell(text=each.message, href=_address(run, outcome=each.outcome, code=each.code)),
                cell(f"{each.count:,}", numeric=True, plain=True),
            ]
        )
        for each in found
    ]
    heads = [Head(label="Outcome"), Head(label="Reason"), Head(label="How many", numeric=True)]
    return [Table(title="Reasons", caption="Reasons", heads=heads, rows=rows)] if rows else []


def _facts(run: Run) -> Facts:
    facts = [("Started by", Cell(text=run.actor_label, note=run.address or "")), ("When", Cell(at=run.created_at))]
    if run.finished_at:
        ended = f"after {took(seconds_between(run.started_at, run.finished_at))}" if run.started_at else ""
        facts.append(("Ended", Cell(at=run.finished_at, note=ended)))
    if run.reason:
        facts.append(("Why", cell(run.reason)))
    if run.filter is not None:
        words = " ".join(f"{name}={value}" for name, value in run.filter.items()) or "all accounts"
        facts.append(("Selected by", Cell(text=words, href=url_for("accounts.index", **run.filter) if may("accounts:view") else None)))
    facts += [
        (name.replace("_", " ").capitalize(), cell(_value(value))) for name, value in run.params.items() if value not in ("", [], None)
    ]
    facts += _at_providers(run)
    if run.undoes:
        facts.append(("Takes back", Cell(text=f"Run {run.undoes}", href=url_for("runs.page", run_id=run.undoes), plain=True)))
    if undone := _undone_by(g.db, run):
        facts.append(("Taken back by", Cell(text=f"Run {undone}", href=url_for("runs.page", run_id=undone), plain=True)))
    return Facts(facts=facts)


def _at_providers(run: Run) -> list[tuple[str, Cell]]:
    """What of the run has not reached a provider yet, and what cannot."""
    pending = at_providers(g.db, [run.id])[run.id]
    told = [f"{pending[name]:,} {said}" for name, said in (("waiting", "on the way"), ("blocked", "blocked")) if pending[name]]
    href = url_for("accounts.index", run=run.id, pending="yes") if may("accounts:view") else None
    return [("At providers", Cell(text=", ".join(told), href=href))] if told else []


def _undone_by(session: Session, run: Run) -> int | None:
    found: int | None = session.query(Run.id).filter(Run.undoes == run.id).order_by(Run.id.desc()).limit(1).scalar()
    return found


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _items(run: Run, counted: dict[str, int], found_reasons: list[Reason], outcome: str | None, code: str | None, number: int) -> Table:
    if code:
        total = sum(each.count for each in found_reasons if each.code == code and outcome in (None, each.outcome))
    else:
        total = counted[outcome] if outcome else sum(counted.values())
    found = items_page(g.db, run.id, counted, outcome=outcome, code=code, limit=SIZE, offset=(number - 1) * SIZE)
    words = {"outcome": outcome or "", "code": code or ""}
    narrowed = f", {outcome}" if outcome else ""
    return Table(
        title=f"Results{narrowed}",
        caption="Results",
        heads=[Head(label="Who"), Head(label="Outcome"), Head(label="Reason"), Head(label="Changes")],
        rows=[_item(each) for each in found],
        empty=Empty(text="There is nothing here."),
        pager=pager(number, total, "runs.page", words, run_id=run.id),
    )


def _item(item: Document) -> Row:
    account, person = item["account"], item["person"]
    if account:
        href = url_for("accounts.overview", account_id=account["id"]) if may("accounts:view") else None
        who = Cell(text=account["name"] or account["username"], href=href, note=account["username"])
    else:
        who = Cell(text=person["name"], note=f"{person['list']}, {person['code']}") if person else cell(f"Line {item['n']}", plain=True)
    record = url_for("people.card", person_id=person["id"]) if person and item["code"] in _IN_RECORD and may("people:view") else None
    changes = changes_text(item["before"], item["after"])
    state = State(word=item["outcome"], look=OUTCOME_LOOKS[item["outcome"]])
    return Row(cells=[who, Cell(states=[state]), cell(item["message"], href=record), cell(changes)])
