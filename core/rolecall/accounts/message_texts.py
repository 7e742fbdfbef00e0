"""The texts of messages: those that came with each kind, and the institution's own in their place (R55).

Owns which text somebody reads, and that a text that would not do is never kept. Knows nothing of when messages are sent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Stale, Unknown
from rolecall.sdk.template import TemplateKind, TemplateText, chosen_language, faults
from rolecall.store.tables import MessageText

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The text of one kind in one language as it counts now. ``version`` is none where it is the one that came with the kind."""

    kind: TemplateKind
    language: str
    text: TemplateText
    version: int | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None

    @property
    def came_with_it(self) -> TemplateText | None:
        """The text that the institution's own stands in place of, where there is one in this language."""
        return self.kind.texts.get(self.language)


def every(session: Session, kinds: Mapping[str, TemplateKind]) -> list[Text]:
    """Every text, by kind and language; English first, because every kind has it."""
    own = _own(session, list(kinds))
    found = []
    for kind in kinds.values():
        languages = dict.fromkeys([*kind.texts, *sorted(language for named, language in own if named == kind.id)])
        found += [_text(kind, language, own.get((kind.id, language))) for language in languages]
    return found


def get(session: Session, kinds: Mapping[str, TemplateKind], kind_id: str, language: str) -> Text:
    """Return one text; in a language that there is none in, the English one to begin with.

    :raises Unknown: when there is no such kind, or that is no language.
    """
    kind = kinds.get(kind_id)
    if kind is None:
        raise Unknown(f"There is no kind of message {kind_id}.", hint="The page of templates lists them.")
    language = language.lower()
    if len(language) > 20 or not _LANGUAGE.fullmatch(language):
        raise Unknown("That is not a language.", hint="Write its tag, such as el or pt-br.")
    return _text(kind, language, session.get(MessageText, (kind_id, language)))


def for_reader(session: Session, kind: TemplateKind, wanted: str | None, default: str) -> tuple[str, TemplateText]:
    """Return the text that somebody reads with its language: theirs, the institution's, or English."""
    available = counting(session, kind)
    language = chosen_language(wanted, default, available)
    return language, available[language]


def counting(session: Session, kind: TemplateKind) -> dict[str, TemplateText]:
    """Return the text of a kind that counts in each language that there is one in.

    An own text that does not fit the kind any more, because a plugin changed it, gives way to the one that came with it.
    """
    own = {
        language: text
        for (_, language), row in _own(session, [kind.id]).items()
        if not faults(kind, text := TemplateText(subject=row.subject, body=row.body))
    }
    return {**kind.texts, **own}


def save(session: Session, before: Text, written: TemplateText, *, version: int | None, actor: Actor, now: datetime) -> bool:
    """Keep an own text; one that equals what came with the kind is not kept. Returns whether anything changed.

    :raises Invalid: with a sentence for each mistake, by ``subject`` and ``body``.
    :raises Stale: when somebody else changed it since ``version``.
    """
    _require_version(before, version)
    written = TemplateText(subject=written.subject.strip(), body=written.body.replace("\r\n", "\n").strip() + "\n")
    if wrong := faults(before.kind, written):
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    if before.came_with_it is not None and _same(written, before.came_with_it):
        return reset(session, before, version=version)
    if before.version is not None and _same(written, before.text):
        return False
    session.merge(
        MessageText(
            kind=before.kind.id,
            language=before.language,
            subject=written.subject,
            body=written.body,
            version=(before.version or 0) + 1,
            changed_at=now,
            changed_by=actor.label[:200],
        )
    )
    session.flush()
    return True


def reset(session: Session, before: Text, *, version: int | None) -> bool:
    """Forget the institution's own text, and return whether there was one.

    :raises Stale: when somebody else changed it since ``version``.
    """
    _require_version(before, version)
    row = session.get(MessageText, (before.kind.id, before.language))
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def _require_version(before: Text, version: int | None) -> None:
    if version is not None and version != (before.version or 0):
        raise Stale("The text was changed by somebody else meanwhile.", hint="Reload the page and make your change again.")


def _same(one: TemplateText, other: TemplateText) -> bool:
    return (one.subject.strip(), one.body.strip()) == (other.subject.strip(), other.body.strip())


def _own(session: Session, kinds: Sequence[str]) -> dict[tuple[str, str], MessageText]:
    rows = session.scalars(select(MessageText).where(MessageText.kind.in_(kinds)))
    return {(row.kind, row.language): row for row in rows}


def _text(kind: TemplateKind, language: str, row: MessageText | None) -> Text:
    if row is None:
        return Text(kind=kind, language=language, text=kind.texts.get(language, kind.texts["en"]))
    text = TemplateText(subject=row.subject, body=row.body)
    return Text(kind=kind, language=language, text=text, version=row.version, changed_at=row.changed_at, changed_by=row.changed_by)
