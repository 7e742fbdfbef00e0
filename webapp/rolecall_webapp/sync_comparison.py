"""Pages of a comparison with a provider: how it is, the figures, the lines with both sides, and decisions about many at once (R64, R65)."""

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.store.tables import Comparison
from rolecall.work.sync.comparison import job, reading
from rolecall.work.sync.comparison.decisions import SYNC, decide_all
from rolecall.work.sync.comparison.reading import Figures, Wanted
from rolecall_webapp.comparison_words import LOOKS, VERDICTS, drift_text, remote_text, standing
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Empty,
    Facts,
    FilterBar,
    FilterField,
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
from rolecall_webapp.sync import status_of, tabs

pages = Blueprint("sync_comparison", __name__, url_prefix="/sync")

_ACTIVE = ("queued", "running")


@pages.get("/<name>/comparison")
@needs("integrations:view")
def index(name: str) -> ResponseReturnValue:
    """The lines of the last whole comparison, and how the one under way is."""
    found = status_of(name)
    now, counted = reading.comparison(g.db, name), reading.figures(g.db, name)
    words = _words()
    page = page_number(request.args)
    wanted = Wanted(
        verdict=words["verdict"] if words["verdict"] in VERDICTS else None,
        drifted=words["verdict"] == "drifted",
        decided={"yes": True, "no": False}.get(words["decided"]),
        text=words["q"],
    )
    rows, total = reading.lines(g.db, name, wanted, offset=(page - 1) * SIZE, limit=SIZE)
    table = Table(
        caption="Lines of the comparison",
        heads=[Head(label=label) for label in ("Here", "There", "State", "Why")],
        rows=[_row(name, each) for each in rows],
        pager=pager(page, total, "sync_comparison.index", words, name=name),
        empty=_empty(name, now, words),
    )
    return render_template(
        "list.html",
        title=found.label,
        kicker="Sync",
        tabs_=tabs(found, "comparison"),
        before=[*_progress(name, now), *_notes(now), *_buttons(name, now, counted), *_facts(now), _tiles(name, counted, words)],
        bar=_bar(name, words) if now is not None and now.compared_at else None,
        sentence=("1 line" if total == 1 else f"{total:,} lines") if now is not None and now.compared_at else "",
        rows=table,
    )


@pages.get("/<name>/comparison/progress")
@needs("integrations:view")
def progress(name: str) -> ResponseReturnValue:
    """How far it is, as the part of the page that refreshes itself; at the end the whole page is asked for once."""
    status_of(name)
    now = reading.comparison(g.db, name)
    shown = _progress(name, now)
    if not shown:
        response = make_response("")
        response.headers["HX-Refresh"] = "true"
        return response
    return render_template("progress.html", part=shown[0])


@pages.post("/<name>/comparison")
@needs("integrations:edit")
def start(name: str) -> ResponseReturnValue:
    """Begin a comparison; nothing is sent to the provider."""
    label = status_of(name).label
    job.start(application(), g.actor, name, job.CHANGES if request.form.get("kind") == job.CHANGES else job.FULL)
    say(f"The accounts at {label} are read. What is below stays until all of them are.")
    return redirect(url_for("sync_comparison.index", name=name), 303)


@pages.post("/<name>/comparison/decide")
@needs("integrations:edit")
def decide(name: str) -> ResponseReturnValue:
    """Decide about all undecided lines that a decision is about."""
    status_of(name)
    word = request.form.get("decision", "")[:20]
    number = decide_all(application(), g.actor, name, word)
    done = {"adopt": "linked", "repair": "repaired by the sync", "accept": "left as they are there"}.get(word, word)
    say(f"One account is {done}." if number == 1 else f"{number:,} accounts are {done}.", "ok" if number else "info")
    return redirect(url_for("sync_comparison.index", name=name), 303)


def _words() -> dict[str, str]:
    """The filters of the address; “all” is none."""
    given = {name: request.args.get(name, "").strip()[:100] for name in ("verdict", "decided", "q")}
    return {name: "" if value == "all" and name != "q" else value for name, value in given.items()}


def _progress(name: str, now: Comparison | None) -> list[Part]:
    if now is None or now.state not in _ACTIVE:
        return []
    before = sum(number for word, number in reading.figures(g.db, name).by_verdict.items() if word != "here")
    sentence = f"{now.seen:,} accounts read"
    if now.state == "queued":
        sentence = f"It is tried again by itself: {now.error}" if now.error else "It waits for a worker."
    poll = url_for("sync_comparison.progress", name=name)
    return [Progress(done=now.seen, total=max(before, now.seen + 1), sentence=sentence, poll=poll, every=2)]


def _notes(now: Comparison | None) -> list[Part]:
    if now is None:
        return []
    notes: list[Part] = []
    if now.state == "failed":
        hint = "What is below is of the comparison before; nothing was concluded from what was read." if now.compared_at else ""
        notes.append(Note(look="bad", text=f"The comparison failed: {now.error}", hint=hint))
    if now.warning:
        notes.append(Note(look="wait", text=now.warning))
    return notes


def _facts(now: Comparison | None) -> list[Part]:
    """Of when what is shown is."""
    if now is None or now.compared_at is None:
        return []
    return [
        Facts(
            facts=[("Compared", Cell(at=now.compared_at)), ("Whole list read", Cell(at=now.inventory_at)), ("Begun by", cell(now.asked_by))]
        )
    ]


def _buttons(name: str, now: Comparison | None, counted: Figures) -> list[Part]:
    if not may("integrations:edit"):
        return []
    buttons: list[Button] = []
    if now is not None and now.state in _ACTIVE:
        buttons.append(Button(label="Look again", href=url_for("sync_comparison.index", name=name)))
    else:
        label = "Compare again" if now is not None else "Compare now"
        help_text = "Reads every account there. Nothing is sent."
        buttons.append(Button(label=label, href=url_for("sync_comparison.start", name=name), post=True, help=help_text))
        if now is not None and now.token:
            text = "Asks only what changed there since the last comparison."
            start = url_for("sync_comparison.start", name=name)
            buttons.append(Button(label="What changed there", href=start, post=True, values={"kind": job.CHANGES}, help=text))
    where = url_for("sync_comparison.decide", name=name)
    open_ = counted.undecided["adoptable"]
    if may(SYNC) and open_:
        keep, values = "Links them and changes nothing there until the account changes here.", {"decision": "adopt"}
        buttons.append(Button(label=f"Adopt all {open_:,}", href=where, post=True, values=values, help=keep, look="main"))
    if counted.drifted:
        if may(SYNC):
            text = "Sends again what was changed there."
            buttons.append(Button(label=f"Repair all {counted.drifted:,}", href=where, post=True, values={"decision": "repair"}, help=text))
        text = "Leaves it as it is there until the account changes here."
        buttons.append(Button(label="Accept all", href=where, post=True, values={"decision": "accept"}, help=text))
    return [Buttons(groups=[("", buttons)])]


def _tiles(name: str, counted: Figures, words: dict[str, str]) -> Tiles:
    numbers = {**counted.by_verdict, "drifted": counted.drifted}
    return Tiles(
        tiles=[
            Tile(
                label=label, number=numbers[word], look=LOOKS[word] if numbers[word] else "info", current=word == words["verdict"],
                href=address("sync_comparison.index", {**words, "verdict": "" if word == words["verdict"] else word}, name=name),
            )
            for word, label in {**VERDICTS, "drifted": "Changed there"}.items()
        ]
    )  # fmt: skip


def _bar(name: str, words: dict[str, str]) -> FilterBar:
    decided = [("no", "Not yet"), ("yes", "Yes")]
    return FilterBar(
        action=url_for("sync_comparison.index", name=name),
        fields=[
            FilterField(id="q", label="Search", value=words["q"], search=True, help="A name, user name or e-mail, here or there"),
            FilterField(id="decided", label="Decided", value=words["decided"] or "all", options=decided),
        ],
        hidden={"verdict": words["verdict"]} if words["verdict"] else {},
    )


def _empty(name: str, now: Comparison | None, words: dict[str, str]) -> Empty:
    if any(words.values()):
        clear = Link(label="Clear all", href=url_for("sync_comparison.index", name=name))
        return Empty(kind="match", text="No line matches all of these filters.", links=[clear])
    if now is None or not now.compared_at:
        hint = "It shows which accounts there belong to whom here, and what was changed there. Nothing is sent."
        return Empty(text="There was no comparison yet.", hint=hint)
    return Empty(text="There are no accounts on either side.")


def _row(name: str, line: reading.Line) -> Row:
    match = line.match
    href = url_for("sync_match.page", name=name, match_id=match.id)
    here = (
        Cell(text=line.name or line.username or "–", note=line.username or "", href=href) if line.username else cell("nobody", plain=True)
    )
    there = remote_text(match)
    states = [standing(match)]
    if match.decision:
        states.append(State(word=match.decision.capitalize(), look="info"))
    return Row(
        cells=[
            here,
            Cell(text=there[0], note=there[1], href=href) if match.external_id else cell("nothing", plain=True),
            Cell(states=states),
            cell(match.reason or drift_text(match)),
        ]
    )
