"""Changes of the texts of messages, each one transaction with its audit entry, and what a text comes to for a real account (R55, R67)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, message_texts
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.message_texts import Text
from rolecall.errors import Unknown
from rolecall.sdk.template import TemplateKind, TemplateText, faults, fill
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.work.application import Application
from rolecall.work.delivery.compose import common
from rolecall.work.documents import Document, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A text filled for somebody; what is made at the moment of sending is named in angle brackets."""

    subject: str
    body: str


def save(app: Application, actor: Actor, kind: str, language: str, *, text: TemplateText | None, version: int | None = None) -> Text:
    """Keep the institution's own text of a kind in a language, or forget it where there is none, and return what counts then.

    :raises Unknown: when there is no such kind, or that is no language.
    :raises Invalid: with a sentence for each mistake, by ``subject`` and ``body``.
    :raises Stale: when somebody else changed it since ``version``; 0 is the text that came with the kind.
    """

    def unit(session: Session) -> Text:
        kinds = app.plugins.view(session).templates
        before = message_texts.get(session, kinds, kind, language)
        changed = (
            message_texts.reset(session, before, version=version)
            if text is None
            else message_texts.save(session, before, text, version=version, actor=actor, now=now(session))
        )
        after = message_texts.get(session, kinds, kind, language)
        if changed:
            payload = {"kind": kind, "language": before.language, "before": _facts(before), "after": _facts(after)}
            audit.append(session, actor=actor, kind="template.edit", payload=payload)
        return after

    return app.db.attempt(unit)


def try_on(app: Application, actor: Actor, kind: TemplateKind, text: TemplateText, account_id: int) -> Tried:
    """Fill a text that need not be saved for an account. Nothing is made: no link, no password.

    :raises Unknown: when there is no such account, or the actor's rights do not reach it.
    :raises ValueError: for a text with mistakes.
    """
    if wrong := faults(kind, text):
        raise ValueError(next(iter(wrong.values()))[0])
    with app.db.read() as session:
        account = session.scalar(select(Account).where(Account.id == account_id, *reach.accounts(actor.types)))
        if account is None:
            raise Unknown("There is no such account.", hint="Search for somebody else to try it on.")
        values = common(account, core_settings(session), app.config.base_url)
    filled = fill(text, {**{name: f"‹{meaning}›" for name, meaning in kind.placeholders.items()}, **values})
    return Tried(subject=filled.subject, body=filled.body)


def text_document(each: Text) -> Document:
    """One text for programs."""
    return {
        "kind": each.kind.id, "label": each.kind.label, "help": each.kind.help, "address": each.kind.address, "language": each.language,
        "subject": each.text.subject, "body": each.text.body, "own": each.version is not None, "version": each.version or 0,
        "placeholders": dict(each.kind.known), "required": sorted(each.kind.required),
        "changed_at": moment(each.changed_at), "changed_by": each.changed_by,
    }  # fmt: skip


def _facts(each: Text) -> Document:
    return {"subject": each.text.subject, "body": each.text.body, "own": each.version is not None}
