"""How a provider's health looks: its word with an icon, its figures, plots and their table. Decides nothing."""

from flask import url_for

from rolecall.work.sync.health import Health
from rolecall.work.sync.samples import History, Span
from rolecall_webapp import plots
from rolecall_webapp.paging import address
from rolecall_webapp.parts import Cell, Head, Row, State, Table, Watch, cell

#: What each word is called, and how it looks.
WORDS = {
    "unusable": ("Cannot be used", "bad"),
    "refused": ("Credentials refused", "bad"),
    "down": ("Not reachable", "bad"),
    "held": ("Held", "wait"),
    "slow": ("Slow", "wait"),
    "paused": ("Paused", "wait"),
    "waiting": ("Waiting", "wait"),
    "reporting": ("Report only", "wait"),
    "working": ("Working", "ok"),
    "off": ("Not enabled", "off"),
}


def state_of(each: Health) -> State:
    """The word with its icon."""
    word, look = WORDS[each.word]
    return State(word=word, look=look)


def look_of(each: Health) -> str:
    """How the advice looks: what is blocked is bad, whatever else works."""
    look = WORDS[each.word][1]
    return "bad" if each.backlog.blocked and each.word == "working" else "info" if look == "ok" else "wait" if look == "off" else look


def watch(each: Health, history: History, span: Span) -> Watch:
    """One provider of the page."""
    return Watch(
        title=each.label,
        href=url_for("sync.provider", name=each.provider),
        state=state_of(each),
        advice=each.advice,
        who=f"Whose job: {each.who}" if each.needs_somebody else each.who,
        figures=_figures(each),
        plots=[plots.pending(history, span), plots.done(history, span)],
        table=_table(each, history, span),
    )


def _figures(each: Health) -> list[tuple[str, Cell]]:
    waits = each.backlog
    blocked = address("sync.provider", {"state": "blocked"}, name=each.provider) if waits.accounts["blocked"] else None
    if waits.blocked and blocked is None:
        blocked = address("sync_classes.index", {"state": "blocked"}, name=each.provider)
    held = url_for("sync_held.index", name=each.provider) if waits.held else None
    return [
        ("Pending", cell(f"{waits.pending:,}", plain=True)),
        ("Oldest", Cell(at=waits.oldest) if waits.oldest else cell("–", plain=True)),
        ("Blocked", Cell(text=f"{waits.blocked:,}", href=blocked, plain=True)),
        ("Held", Cell(text=f"{waits.held:,}", href=held, plain=True)),
        ("Last success", Cell(at=each.last_success_at) if each.last_success_at else cell("never", plain=True)),
    ]


def _table(each: Health, history: History, span: Span) -> Table:
    heads = [
        Head(label="From"),
        Head(label="Pending at the end", numeric=True),
        Head(label="Done", numeric=True),
        Head(label="Failed", numeric=True),
    ]
    rows = [
        Row(
            cells=[
                cell(begins, plain=True),
                cell("–" if pending is None else f"{pending:,}", plain=True, numeric=True),
                cell(f"{done:,}", plain=True, numeric=True),
                cell(f"{failed:,}", plain=True, numeric=True),
            ]
        )
        for begins, pending, done, failed in plots.rows(history, span)
    ]
    return Table(caption=f"{each.label} over time", heads=heads, rows=rows)
