"""Printed user information: the slips of a run, shown or downloaded once by whoever began it (R28, R45).

Owns the page around the sheets and what it offers where a password is gone. What a slip says and looks like is core's.
"""

from collections.abc import Sequence

from flask import Blueprint, Response, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from rolecall.accounts.slips import PasswordState, Slip
from rolecall.errors import Forbidden, Invalid
from rolecall.store.tables import Run
from rolecall.work.runs.control import find_run
from rolecall.work.runs.secrets import count_secrets
from rolecall.work.slips import pdf, sheets
from rolecall.work.slips.handing import MOST_AT_ONCE, Printed, hand_out_slips
from rolecall_webapp.frame import application, may, needs, public, require_fresh
from rolecall_webapp.parts import Button, Buttons, Link, Note, Part

pages = Blueprint("slips", __name__, url_prefix="/runs")

#: What mends a password that is gone, as far as plugins and rights offer it (R18, R19).
_MEND = ("password.reset", "password.reset_invite")
#: More ids than this make an address that a server refuses.
_MOST_IDS = 200
_GONE = (PasswordState.GONE, PasswordState.OVER)


def buttons(session: Session, run: Run, *, main: bool) -> list[Button]:
    """The two ways to get the slips of a run that waits for its author; none where nothing waits. ``main`` lets the first stand out."""
    waiting = count_secrets(session, run.id)
    if not waiting or run.actor != g.actor.name:
        return []
    href, once = url_for("slips.hand_out", run_id=run.id), "Once, as a page or as a PDF. After 24 hours they are gone."
    why_not = pdf.why_not()
    if why_not is None and waiting > MOST_AT_ONCE:
        why_not = f"A PDF is made of up to {MOST_AT_ONCE:,} slips here; the command line makes any."
    word = "slip" if waiting == 1 else "slips"
    look = "main" if main else "plain"
    return [
        Button(label=f"Show {waiting:,} {word}", href=href, post=True, values={"as": "page"}, help=once, look=look),
        Button(label=f"Download {waiting:,} {word} as PDF", href=href, post=True, values={"as": "pdf"}, help=once, why_not=why_not),
    ]


@pages.get("/<int:run_id>/slips")
@needs(None)
def index(run_id: int) -> ResponseReturnValue:
    """Offer the slips of a run, before anything is handed out."""
    run = find_run(g.db, g.actor, run_id)
    if run.actor != g.actor.name:
        raise Forbidden("Only the person who began the run can fetch what it generated.")
    found = buttons(g.db, run, main=True)
    back = Link(label="To the run", href=url_for("runs.page", run_id=run_id))
    parts: list[Part] = [Buttons(groups=[("", found)])] if found else []
    if found:
        note = Note(text="The slips are handed out once: the page, or the PDF.", links=[back])
    else:
        hint = "Print the information of these accounts again."
        note = Note(text="These slips were handed out already, or 24 hours have passed.", hint=hint, links=[back])
    return render_template("page.html", title="Slips", kicker=f"Run {run_id}", parts=[note, *parts])


@pages.post("/<int:run_id>/slips")
@needs(None)
def hand_out(run_id: int) -> ResponseReturnValue:
    """Hand the slips out, once: as a page to print, or as a PDF."""
    require_fresh(url_for("runs.page", run_id=run_id))
    # What follows reads and writes in units of its own; a PDF takes its time.
    g.db.rollback()
    wanted = request.form.get("as", "page")
    if wanted == "pdf":
        return _attached(run_id, hand_out_slips(application(), g.actor, run_id, Printed.pdf, form="pdf"))
    if wanted != "page":
        raise Invalid("Slips are a page or a PDF.", hint="Choose one of the two on the page of the run.")
    return hand_out_slips(application(), g.actor, run_id, _page, form="page")


@pages.get("/slips.css")
@public
def style() -> ResponseReturnValue:
    """How slips look; the same for a page and for a PDF."""
    return Response(sheets.style(), mimetype="text/css")


def _attached(run_id: int, content: bytes) -> Response:
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="slips-{run_id}.pdf"'
    return response


def _page(printed: Printed) -> str:
    drawn = sheets.sheets(printed.slips, printed.issuer)
    back = url_for("runs.page", run_id=printed.run_id)
    return render_template("slips.html", title="Slips", run_id=printed.run_id, notes=_notes(printed.slips), sheets=drawn, back=back)


def _notes(slips: Sequence[Slip]) -> list[Note]:
    """What the office should know before it prints, and what it can do where a password is gone."""
    hint = "Choose A4 and no scaling in the print dialog."
    notes = [Note(text="This page is shown once. Print it now: it cannot be opened again.", look="wait", hint=hint)]
    gone = [each.account_id for each in slips if each.state in _GONE]
    if gone:
        text = f"{len(gone):,} of {len(slips):,} have no first-time password that signs in; their slips say so."
        notes.append(Note(text=text, look="info", hint="Print these slips again after a reset.", links=_mending(gone)))
    return notes


def _mending(ids: Sequence[int]) -> list[Link]:
    if len(ids) > _MOST_IDS:
        return []
    chosen = ",".join(map(str, ids))
    offered = [g.view.actions[each] for each in _MEND if each in g.view.actions and may(f"act:{each}")]
    return [Link(label=f"{each.label} ({len(ids):,})", href=url_for("actions.ask", action_id=each.id, ids=chosen)) for each in offered]
