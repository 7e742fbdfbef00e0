"""The page of one line of a comparison: both sides beside each other, and what can be decided about it (R64, R65)."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Unknown
from rolecall.work.sync.comparison import reading
from rolecall.work.sync.comparison.decisions import DECISIONS, decide
from rolecall_webapp.comparison_words import drift_text, standing, value_text
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Button, Buttons, Cell, Facts, Head, Note, Part, Row, Table, cell
from rolecall_webapp.sync import status_of, tabs

pages = Blueprint("sync_match", __name__, url_prefix="/sync")

_HELP = {
    "adopt": "Links the two. Nothing there is changed until the account changes here.",
    "ignore": "Leaves it out of what is undecided, as long as it stays as it is.",
    "separate": "The account there is somebody else's, and is never offered for this person again.",
    "reopen": "Takes the decision back; the next comparison offers it again.",
    "repair": "The sync sends again what was changed there.",
    "accept": "Leaves it as it is there, until the account changes here.",
    "create": "The sync makes the account there again, which is gone.",
}
_DONE = {
    "adopt": "The two accounts are linked.",
    "ignore": "It is ignored as long as it stays as it is.",
    "separate": "That account is never offered for this person again.",
    "reopen": "The decision was taken back. The next comparison offers it again.",
    "repair": "The sync sends again what was changed there.",
    "accept": "It stays as it is there, until the account changes here.",
    "create": "The sync makes the account there again.",
}


@pages.get("/<name>/comparison/<int(max=2147483647):match_id>")
@needs("integrations:view")
def page(name: str, match_id: int) -> ResponseReturnValue:
    """One line."""
    found, line = status_of(name), _line(name, match_id)
    match = line.match
    parts: list[Part] = [Note(text=match.reason)] if match.reason else []
    if match.decision:
        parts.append(Note(text=f"{match.decided_by} decided: {DECISIONS[match.decision].label.lower()}."))
    parts += [*_buttons(name, line), _here(line), *_there(line)]
    title = line.name or line.username or match.external_id or ""
    return render_template(
        "page.html",
        title=title,
        kicker=f"{found.label}, comparison",
        states=[standing(match)],
        tabs_=tabs(found, "comparison"),
        parts=parts,
    )


@pages.post("/<name>/comparison/<int(max=2147483647):match_id>")
@needs("integrations:edit")
def act(name: str, match_id: int) -> ResponseReturnValue:
    """Decide about the line."""
    status_of(name)
    word = request.form.get("decision", "")[:20]
    decide(application(), g.actor, name, match_id, word, overwrite=request.form.get("overwrite") == "yes")
    say(_DONE[word], "ok")
    return redirect(url_for("sync_comparison.index", name=name), 303)


def _line(name: str, match_id: int) -> reading.Line:
    found = reading.find(g.db, name, match_id)
    if found is None:
        raise Unknown("There is no such line.", hint="Each comparison replaces the lines of the one before.")
    return found


def _buttons(name: str, line: reading.Line) -> list[Part]:
    match, where = line.match, url_for("sync_match.act", name=name, match_id=line.match.id)
    gone = match.verdict == "here" and match.account_id in reading.gone(g.db, name, [match.account_id or 0])
    offered = {
        "adopt": match.account_id is not None and match.external_id is not None and not line.is_foreign,
        "separate": match.account_id is not None and match.external_id is not None,
        "ignore": match.decision is None,
        "reopen": match.decision in ("ignore", "separate"),
        "create": gone,
    }
    buttons = []
    for word, decision in DECISIONS.items():
        if match.verdict not in decision.verdicts or not offered.get(word, True) or (decision.drifted and match.drift is None):
            continue
        if not all(map(may, ("integrations:edit", *decision.permissions))):
            continue
        look = "main" if word in ("adopt", "repair") else "plain"
        buttons.append(Button(label=decision.label, href=where, post=True, values={"decision": word}, help=_HELP[word], look=look))
        if word == "adopt":
            over = {"decision": "adopt", "overwrite": "yes"}
            help_text = "Links the two and sends at once what differs."
            buttons.append(Button(label="Adopt and overwrite", href=where, post=True, values=over, help=help_text))
    return [Buttons(groups=[("", buttons)])] if buttons else []


def _here(line: reading.Line) -> Facts:
    if line.username is None:
        return Facts(title="Here", facts=[("Account", cell("nobody", plain=True))])
    href = url_for("accounts.external", account_id=line.match.account_id) if may("accounts:view") else None
    facts: list[tuple[str, Cell]] = [
        ("Account", Cell(text=line.name or line.username, href=href)),
        ("User name", cell(line.username)),
        ("E-mail", cell(line.email or "–")),
    ]
    return Facts(title="Here", facts=facts)


def _there(line: reading.Line) -> list[Part]:
    match = line.match
    if match.external_id is None:
        return [Facts(title="There", facts=[("Account", cell("nothing", plain=True))])]
    facts: list[tuple[str, Cell]] = [("Id", cell(match.external_id)), ("Suspended", cell(value_text(match.suspended), plain=True))]
    facts += [(attribute, cell(value_text(value))) for attribute, value in match.remote.items()]
    parts: list[Part] = []
    if match.drift:
        rows = [
            Row(cells=[cell(attribute), cell(value_text(each["sent"])), cell(value_text(each["there"]))])
            for attribute, each in sorted(match.drift.items())
        ]
        heads = [Head(label=label) for label in ("Attribute", "As it was sent", "As it is there")]
        parts.append(Table(title="Changed there", caption=f"Changed there: {drift_text(match)}", heads=heads, rows=rows))
    return [*parts, Facts(title="There", facts=facts)]
