"""Pages of the texts of messages: the list, and one text, tried on a real account while it is written (R55).

Owns how a text is typed and shown. What is wrong with one is `rolecall.sdk.template`'s to say.
"""

from collections.abc import Mapping, Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import message_texts
from rolecall.accounts.message_texts import Text
from rolecall.errors import Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.template import LONGEST_BODY, TemplateText, faults
from rolecall.work import mappings
from rolecall.work import message_texts as changes
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Button, Buttons, Cell, Empty, Facts, Form, Head, Note, Part, Prose, Row, State, Table, cell

pages = Blueprint("message_texts", __name__, url_prefix="/templates")

_WHO = "who"


@pages.get("")
@needs("templates:view")
def index() -> ResponseReturnValue:
    """Every kind of message in every language that there is a text in."""
    heads = [Head(label="Message"), Head(label="Language"), Head(label="Subject"), Head(label="Text")]
    table = Table(caption="Texts of messages", heads=heads, rows=[_row(each) for each in message_texts.every(g.db, g.view.templates)])
    hint = "Somebody reads their own language where there is a text in it, else the institution's default language, else English."
    return render_template("page.html", title="Templates", parts=[Note(text="What messages to people say.", hint=hint), table])


@pages.get("/<kind>/<language>")
@needs("templates:view")
def page(kind: str, language: str) -> ResponseReturnValue:
    """One text, and what it comes to for whoever is searched for."""
    found = message_texts.get(g.db, g.view.templates, kind, language)
    return _page(found, found.text, request.args.get(_WHO, ""))


@pages.post("/<kind>/<language>/preview")
@needs("templates:edit")
def preview(kind: str, language: str) -> ResponseReturnValue:
    """The same with what stands in the form; nothing is saved."""
    found, typed = message_texts.get(g.db, g.view.templates, kind, language), _typed()
    wrong = faults(found.kind, typed)
    status = 422 if wrong and "HX-Request" not in request.headers else 200
    return _page(found, typed, request.form.get(_WHO, ""), wrong), status


@pages.post("/<kind>/<language>")
@needs("templates:edit")
def save(kind: str, language: str) -> ResponseReturnValue:
    """Keep the text; one with a mistake is refused with the sentences at its fields."""
    found, typed = message_texts.get(g.db, g.view.templates, kind, language), _typed()
    version = request.form.get("version", "")
    try:
        changes.save(application(), g.actor, kind, language, text=typed, version=int(version[:10]) if version.isdecimal() else None)
    except Refused as error:
        wrong, status = problems(error)
        return _page(found, typed, request.form.get(_WHO, ""), error.fields if isinstance(error, Invalid) else wrong), status
    say("The text is saved. Messages that are sent from now on say it.")
    return redirect(url_for("message_texts.page", kind=kind, language=found.language), 303)


@pages.post("/<kind>/<language>/reset")
@needs("templates:edit")
def reset(kind: str, language: str) -> ResponseReturnValue:
    """Have the text again that came with the kind."""
    changes.save(application(), g.actor, kind, language, text=None)
    say("The text is the one again that came with it.")
    return redirect(url_for("message_texts.page", kind=kind, language=language), 303)


def _row(each: Text) -> Row:
    own = each.version is not None
    return Row(
        cells=[
            cell(
                each.kind.label,
                plain=True,
                href=url_for("message_texts.page", kind=each.kind.id, language=each.language),
                note=each.kind.help,
            ),
            cell(each.language),
            cell(each.text.subject),
            Cell(states=[State(word="Your own" if own else "As it came", look="info" if own else "off")], note=_who(each)),
        ]
    )


def _who(each: Text) -> str:
    return f"Changed by {each.changed_by}" if each.changed_by else ""


def _typed() -> TemplateText:
    """What stands in the form; a long text is cut where it is refused anyway."""
    body = request.form.get("body", "")[: 2 * LONGEST_BODY].replace("\r\n", "\n")
    return TemplateText(subject=request.form.get("subject", "")[:1000], body=body)


def _page(found: Text, shown: TemplateText, who: str, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    words = ", ".join(f"{{{name}}} {meaning}" for name, meaning in found.kind.known.items())
    needed = f" The text must have {', '.join(f'{{{each}}}' for each in sorted(found.kind.required))}." if found.kind.required else ""
    about = Prose(
        paragraphs=[
            *([found.kind.help] if found.kind.help else []),
            f"Write text with placeholders in braces.{needed} A line whose placeholders have no value is left out.",
            f"Placeholders: {words}.",
        ]
    )
    parts: list[Part] = [about]
    if found.version is not None and found.came_with_it is not None and may("templates:edit"):
        back = url_for("message_texts.reset", kind=found.kind.id, language=found.language)
        parts.append(Buttons(groups=[("", [Button(label="Use the text that came with it", href=back, post=True)])]))
    if not may("templates:edit"):
        return render_template("page.html", title=_title(found), kicker="Templates", parts=[*parts, _plain(found)])
    tried = _tried(found, shown, who, wrong or {})
    return render_template(
        "mapping.html", title=_title(found), kicker="Templates", parts=parts, form=_form(found, shown, who, wrong or {}), tried=tried
    )


def _title(found: Text) -> str:
    return f"{found.kind.label}: {found.language}"


def _plain(found: Text) -> Part:
    return Facts(facts=[("Subject", cell(found.text.subject)), ("Text", cell(found.text.body))])


def _form(found: Text, shown: TemplateText, who: str, wrong: Mapping[str, Sequence[str]]) -> Form:
    kind, language = found.kind.id, found.language
    fields = [
        FormField(name=_WHO, label="Try it on", kind="text", help="A name, user name, e-mail or code."),
        FormField(name="subject", label="Subject", kind="text", required=True),
        FormField(name="body", label="Text", kind="textarea", required=True),
    ]
    return Form(
        action=url_for("message_texts.save", kind=kind, language=language),
        fields=fields,
        values={_WHO: who, "subject": shown.subject, "body": shown.body},
        errors=wrong,
        hidden={"version": str(found.version or 0)},
        button="Save",
        also=[("Preview", url_for("message_texts.preview", kind=kind, language=language))],
        cancel=url_for("message_texts.index"),
        live=url_for("message_texts.preview", kind=kind, language=language),
    )


def _tried(found: Text, shown: TemplateText, who: str, wrong: Mapping[str, Sequence[str]]) -> list[Part]:
    """What the text comes to for whoever is found by ``who``, or for the first account there is."""
    if wrong:
        told = " ".join(sentence for sentences in wrong.values() for sentence in sentences)
        return [Note(text="There is nothing to show until this is mended.", hint=told, look="bad")]
    if not may("accounts:view"):
        return [Note(text="A preview is shown to whoever may see accounts.")]
    people = mappings.find(g.db, g.actor, who[:200])
    if not people:
        return [Empty(text="Nobody is found by that.", kind="match")]
    account_id, username, name = people[0]
    try:
        seen = changes.try_on(application(), g.actor, found.kind, shown, account_id)
    except ValueError as error:
        return [Note(text="There is nothing to show until this is mended.", hint=str(error), look="bad")]
    hint = "What stands between ‹ and › is made when the message is sent."
    return [
        Note(text=f"For {name} ({username})", hint=hint),
        Prose(title=seen.subject, paragraphs=[part for part in seen.body.split("\n\n") if part.strip()], keeps_lines=True),
    ]
