"""Kinds of messages and their texts: what may stand in them, and how they are filled.

A template is text with names in braces and nothing else: it reaches no object, and what is put in is never read as a template again.
Owns how the HTML part is made of the same text. Knows nothing of who gets what.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

#: No message is longer, and a subject is one line of a mail program's list.
LONGEST_BODY, LONGEST_SUBJECT = 10_000, 200
_PART = re.compile(r"\{([^{}]*)\}")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
#: Languages that are written from right to left.
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A subject and a body. A line of the body whose placeholders all have no value is left out when it is filled."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateKind:
    """A kind of message: what it is for, what may stand in it, and how it reads until the institution writes its own (R55)."""

    #: Plugin (or core's group), dot, name; unique.
    id: str
    label: str
    help: str = ""
    #: What it is sent to: ``email`` or ``phone``.
    address: str = "email"
    #: Names that may stand in braces, with what they say to people; those of :data:`COMMON` may always.
    placeholders: Mapping[str, str] = field(default_factory=dict)
    #: Without these the message would be of no use, so the body must have them.
    required: frozenset[str] = frozenset()
    #: By the tag of the language; English is needed.
    texts: Mapping[str, TemplateText]

    @property
    def known(self) -> Mapping[str, str]:
        """All placeholders with their meaning."""
        return {**COMMON, **self.placeholders}


#: What every message may say.
COMMON: Mapping[str, str] = {
    "first_name": "first name of the account's profile",
    "last_name": "last name of the account's profile",
    "username": "user name",
    "institution": "name of the institution",
    "sign_in": "address where people sign in",
}


def faults(kind: TemplateKind, text: TemplateText) -> dict[str, list[str]]:
    """Return a sentence for each mistake of a text, by ``subject`` and ``body``."""
    found: dict[str, list[str]] = {}
    subject, body = text.subject.strip(), text.body.strip()
    if not subject:
        found.setdefault("subject", []).append("The subject is empty.")
    if len(subject) > LONGEST_SUBJECT or any(not character.isprintable() for character in subject):
        found.setdefault("subject", []).append(f"The subject must be one line of at most {LONGEST_SUBJECT} characters.")
    if not body:
        found.setdefault("body", []).append("The text is empty.")
    if len(body) > LONGEST_BODY or any(not (character.isprintable() or character in "\n\t") for character in body):
        found.setdefault("body", []).append(f"The text must be at most {LONGEST_BODY:,} characters that can be read.")
    for name, written in (("subject", subject), ("body", body)):
        found.setdefault(name, []).extend(_braces(kind, written))
    missing = sorted(kind.required - set(_PART.findall(body)))
    found.setdefault("body", []).extend(f"{{{name}}} is missing: without it the message is of no use." for name in missing)
    secret = sorted((set(_PART.findall(subject)) - COMMON.keys()) & kind.placeholders.keys())
    found.setdefault("subject", []).extend(f"{{{name}}} may stand in the text only: subjects are seen by others." for name in secret)
    return {name: sentences for name, sentences in found.items() if sentences}


def fill(text: TemplateText, values: Mapping[str, str]) -> TemplateText:
    """Put the values in; what has none is left out, and so is a line that has placeholders and none of them a value."""
    lines = []
    for line in text.body.replace("\r\n", "\n").strip().split("\n"):
        names = _PART.findall(line)
        if not names or any(values.get(name) for name in names):
            lines.append(_put_in(line, values).rstrip())
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    # A subject is one line, whatever a name holds.
    return TemplateText(subject=" ".join(_put_in(text.subject, values).split()), body=body)


def html(body: str) -> str:
    """Return a filled body as HTML: paragraphs at empty lines, addresses as links, and everything else as text."""
    paragraphs = (_linked(part).replace("\n", "<br>\n") for part in body.split("\n\n") if part.strip())
    return "\n".join(f"<p>{each}</p>" for each in paragraphs)


def chosen_language(wanted: str | None, default: str, available: Mapping[str, object]) -> str:
    """Return the language of the texts that somebody reads: their own, the institution's, or English."""
    for tag in (wanted, default):
        for candidate in (tag, (tag or "").partition("-")[0]):
            if candidate and candidate.lower() in available:
                return candidate.lower()
    return "en"


def is_right_to_left(language: str) -> bool:
    """Whether the language is written from right to left."""
    return language.partition("-")[0] in _RIGHT_TO_LEFT


def _braces(kind: TemplateKind, written: str) -> list[str]:
    unknown = [name for name in _PART.findall(written) if name not in kind.known]
    found = [f"There is no placeholder {{{name}}}. There are: {', '.join(kind.known)}." for name in dict.fromkeys(unknown)]
    rest = _PART.sub("", written)
    if "{" in rest or "}" in rest:
        found.append("A brace is not closed. Placeholders stand in braces, such as {first_name}.")
    return found


def _put_in(line: str, values: Mapping[str, str]) -> str:
    return _PART.sub(lambda match: values.get(match[1]) or "", line)


def _linked(text: str) -> str:
    parts, end = [], 0
    for match in _ADDRESS.finditer(text):
        address = escape(match[0])
        parts += [escape(text[end : match.start()]), f'<a href="{address}">{address}</a>']
        end = match.end()
    return "".join([*parts, escape(text[end:])])
