"""The rows of an import between the source and the database: plain JSON values under fixed names.

Sources may be anybody's: what they say is checked here, field by field, so that one odd value is one rejected row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from types import NoneType
from typing import Any

from rolecall.errors import Invalid
from rolecall.sdk.person_fields import language_tag, problem_of
from rolecall.sdk.roster import BadRecord, Clear, PersonRecord
from rolecall.sdk.words import LISTS
from rolecall.store.folding import canonical

TEXTS = ("first_name", "last_name", "email", "phone", "language")
FLAGS = ("active", "no_sync")
#: What may not be emptied: a person without a name is nobody.
NEEDED = ("first_name", "last_name")


_optional_texts = attrgetter(*TEXTS, "status")
_flags = attrgetter(*FLAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One row as it is staged: what it is about, and what the source says of it.

    A rejected row keeps its ``code_key`` where it is known: whoever it names is in the file. So do rows of classes with the keys of
    period and class; a membership's ``list`` and ``code_key`` are the person's.
    """

    row: int
    list: str | None = None
    code_key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
    period_key: str | None = None
    class_key: str | None = None

    @property
    def kind(self) -> str:
        """``person``, ``period``, ``relation``, ``class`` or ``membership``."""
        return str(self.data.get("kind", "person"))


def key_of(record: PersonRecord | BadRecord) -> tuple[str, str] | None:
    """Whom a record is about: list and code key, or none where it does not say so properly."""
    if not isinstance(record, PersonRecord) or record.list not in LISTS:
        return None
    code_key = _key(record.code)
    return (record.list, code_key) if code_key else None


def stage_record(record: PersonRecord | BadRecord, statuses: Mapping[str, int], there: Mapping[str, Any] | None = None) -> Staged:
    """Turn a record into a staged row; what is wrong with it becomes its problem, in a sentence.

    ``there`` are the fields of the person it is about: what is there already need not be checked again.

    :raises TypeError: when the source yields something else.
    """
    # What a plugin yields is known only now, whatever the annotations say.
    given: object = record
    if not isinstance(given, PersonRecord | BadRecord) or type(given.row) is not int:
        raise TypeError(f"it yielded {record!r:.100}, which is neither a PersonRecord nor a BadRecord with the number of its row")
    if isinstance(record, BadRecord):
        return Staged(row=record.row, code_key=_key(record.code), data={"code": shown(record.code)}, problem=shown(record.message, 1_000))
    return _stage_person(record, statuses, there or {})


def shown(value: object, longest: int = 200) -> str:
    """Return what a source said as text that every database and page takes."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:longest])


def _stage_person(record: PersonRecord, statuses: Mapping[str, int], there: Mapping[str, Any]) -> Staged:
    if not _is_ordinary(record) and (wrong := list(_wrong_types(record))):
        return Staged(row=record.row, code_key=_key(record.code), data={"code": shown(record.code)}, problem=" ".join(wrong))
    try:
        code_key = canonical(record.code, what="code", words=True)
    except Invalid as error:
        return Staged(row=record.row, data={"code": shown(record.code)}, problem=str(error))
    if record.list not in LISTS:
        message = f"There is no list “{shown(record.list, 40)}”."
        return Staged(row=record.row, code_key=code_key, data={"code": shown(record.code)}, problem=message)
    said: dict[str, Any] = {"code": record.code.strip()}
    problems = list(_texts(record, said, there))
    if problems:
        told = {name: shown(value) for name, value in said.items() if value}
        return Staged(row=record.row, list=record.list, code_key=code_key, data=told, problem=" ".join(problems))
    if said.get("language"):
        said["language"] = language_tag(said["language"])
    for name in FLAGS:
        if getattr(record, name) is not None:
            said[name] = getattr(record, name)
    return Staged(row=record.row, list=record.list, code_key=code_key, data=said, problem=_stage_status(record, statuses, said))


def _texts(record: PersonRecord, said: dict[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    """Add the texts to what is said, and yield what is wrong with them."""
    if problem := problem_of("code", said["code"]):
        yield problem
    for name in TEXTS:
        value = getattr(record, name)
        if value is None:
            continue
        if isinstance(value, Clear):
            said[name] = None
            if name in NEEDED:
                yield f"The {name.replace('_', ' ')} cannot be cleared."
            continue
        # An empty text says nothing.
        if text := value.strip():
            said[name] = text
            if text != there.get(name) and (problem := problem_of(name, text) or _unwritable(name, text)):
                yield problem


def _stage_status(record: PersonRecord, statuses: Mapping[str, int], said: dict[str, Any]) -> str | None:
    if record.status is None or not record.status.strip():
        return None
    if record.list != "students":
        return "Only students have a status."
    status = statuses.get(record.status.strip().casefold())
    if status is None:
        return f"There is no student status “{shown(record.status, 100)}”."
    said["status_id"] = status
    return None


def _is_ordinary(record: PersonRecord) -> bool:
    """Whether nothing has to be looked at twice: nearly every row, so it is asked first."""
    ordinary = type(record.list) is str and type(record.code) is str and {bool, NoneType}.issuperset(map(type, _flags(record)))
    return ordinary and {str, NoneType}.issuperset(map(type, _optional_texts(record)))


def _wrong_types(record: PersonRecord) -> Iterator[str]:
    for name in ("list", "code"):
        if not isinstance(getattr(record, name), str):
            yield f"The {name} is {shown(getattr(record, name), 40)}, which is no text."
    for name in (*TEXTS, "status"):
        value = getattr(record, name)
        if value is not None and not isinstance(value, str) and not (isinstance(value, Clear) and name != "status"):
            yield f"The {name.replace('_', ' ')} is {shown(value, 40)}, which is no text."
    for name in FLAGS:
        if not isinstance(getattr(record, name), bool | None):
            yield f"“{name}” is {shown(getattr(record, name), 40)}, which is neither yes nor no."


def _unwritable(name: str, text: str) -> str:
    if not any("\ud800" <= each <= "\udfff" for each in text):
        return ""
    return f"The {name.replace('_', ' ')} contains a character that cannot be shown."


def _key(code: object) -> str | None:
    try:
        return canonical(code, what="code", words=True) if isinstance(code, str) else None
    except Invalid:
        return None
