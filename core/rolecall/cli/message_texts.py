"""``rolecall templates``: the texts of messages, and the institution's own in their place (R55)."""

from typing import Any

import click

from rolecall.accounts import message_texts
from rolecall.accounts.message_texts import Text
from rolecall.cli.face import Face, Misused, face
from rolecall.cli.frame import Words
from rolecall.sdk.template import TemplateText
from rolecall.work import message_texts as changes


@click.group(cls=Words, default="list")
def templates() -> None:
    """Texts of messages."""


@templates.command("list")
def list_templates() -> None:
    """List the kinds of messages with the languages that there are texts in."""
    call = face()
    call.require("templates:view")
    with call.read() as session:
        items = [changes.text_document(each) for each in message_texts.every(session, call.app.plugins.view(session).templates)]
    columns: dict[str, Any] = {"kind": "kind", "language": "language", "own": "own", "subject": "subject", "says": "label"}
    call.answer_list(items, columns, none="There are no kinds of messages.")


@templates.command("get")
@click.argument("kind")
@click.argument("language")
def get_template(kind: str, language: str) -> None:
    """Show one text with its placeholders."""
    call = face()
    call.require("templates:view")
    _answer(call, _read(call, kind, language))


@templates.command("set")
@click.argument("kind")
@click.argument("language")
@click.option("--subject", metavar="TEXT", help="The subject; as it is when absent.")
@click.option("--body", metavar="FILE", type=click.File("r", encoding="utf-8"), help="A file with the text, or - for standard input.")
@click.option("--reset", is_flag=True, help="Have the text again that came with the kind.")
def set_template(kind: str, language: str, subject: str | None, body: Any, reset: bool) -> None:
    """Write the institution's own text."""
    call = face()
    actor = call.require("templates:edit")
    if reset == bool(subject is not None or body is not None):
        raise Misused("Say what to write, or --reset.", hint="For example --subject “Welcome” --body welcome.txt.")
    before = _read(call, kind, language)
    text = None
    if not reset:
        written = before.text.body if body is None else body.read()
        text = TemplateText(subject=before.text.subject if subject is None else subject, body=written)
    _answer(call, changes.save(call.app, actor, kind, language, text=text, version=before.version or 0))


def _read(call: Face, kind: str, language: str) -> Text:
    with call.read() as session:
        return message_texts.get(session, call.app.plugins.view(session).templates, kind, language)


def _answer(call: Face, each: Text) -> None:
    document = changes.text_document(each)
    whose = "the institution's own" if each.version is not None else "the text that came with it"
    words = "\n".join(f"  {{{name}}}  {meaning}" for name, meaning in each.kind.known.items())
    call.answer(
        document, f"{each.kind.label} ({each.language}), {whose}\nSubject: {each.text.subject}\n\n{each.text.body}\nPlaceholders:\n{words}"
    )
