"""What the institution decided: the settings of core and of each plugin, described by their marshmallow schemas (R56).

Owns reading, validating and writing them. A secret is sealed to its place, opened only for whoever brings the keyring, and named but
never shown in the audit. Knows no particular setting.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.errors import Invalid
from rolecall.sdk.fields import is_secret
from rolecall.store.engine import now
from rolecall.store.tables import Generation, Setting

_ONE = select(Setting.value).where(Setting.plugin == bindparam("plugin"), Setting.key == bindparam("key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One setting as a page or command shows it. A secret's ``value`` and ``default`` are none; ``is_set`` tells whether it has one.

    ``origin`` is ``set``, ``default`` or a setting of the process. ``risk`` is what can go wrong with it, ``governs`` the ids of the
    actions that it decides something about: what the field's metadata says.
    """

    key: str
    label: str
    help: str
    group: str
    risk: str
    governs: tuple[str, ...]
    value: Any
    secret: bool
    is_set: bool
    default: Any
    origin: str
    changed_at: datetime | None
    changed_by: str | None


def value(session: Session, plugin: str, key: str, default: Any) -> Any:
    """Return one plain setting as it is stored, for rules that need no schema."""
    stored = session.scalar(_ONE, {"plugin": plugin, "key": key})
    return default if stored is None else stored["value"]


def one(session: Session, plugin: str, schema: type[Schema], key: str) -> Any:
    """Return one plain setting as :func:`read` does, without reading the others."""
    return _loaded(_fields(schema)[key], session.scalar(_ONE, {"plugin": plugin, "key": key}))


def read(session: Session, plugin: str, schema: type[Schema], keyring: Keyring | None = None) -> dict[str, Any]:
    """Return every setting of the schema as its field loads it, defaults filled in.

    Without a keyring secrets are none. A stored value that the schema no longer takes counts as not set.

    :raises SealBroken: when a secret does not open.
    """
    stored = _stored(session, plugin)
    found = {}
    for name, each in _fields(schema).items():
        row = stored.get(name)
        if is_secret(each):
            found[name] = _open(keyring, plugin, name, row)
        else:
            found[name] = _load(each, row)
    return found


def write(
    session: Session, plugin: str, schema: type[Schema], values: Mapping[str, Any], *, actor: Actor, keyring: Keyring
) -> frozenset[str]:
    """Validate and store the given settings beside those that are set already; return the names of those that changed.

    A secret that is absent or empty is kept. None takes away what is set, a secret or another value: the default counts again. Where an
    address changes, secrets that are not given again are dropped: they were meant for the old one (O-03). A change bumps the generation,
    so that every process builds its plugins anew, and writes one entry of the audit with before -> after.

    :raises Invalid: with each field's sentences; nothing is stored.
    """
    known = schema().fields
    stored = _stored(session, plugin)
    given, removed = _given(known, stored, values)
    loaded = _validate(schema, given, _kept(known, stored, plugin, keyring), removed)
    dumped = schema().dump(loaded)

    moment = now(session)
    changes: dict[str, Any] = {}
    facts: dict[str, Any]
    for name, raw in given.items():
        row = stored.get(name)
        if name in removed:
            if row is not None:
                changes[name] = (
                    "removed" if is_secret(known[name]) else {"before": _shown(known[name], row), "after": _shown(known[name], None)}
                )
                session.delete(row)
            continue
        if is_secret(known[name]):
            if row is not None and _open_or_none(keyring, plugin, name, row) == loaded[name]:
                continue
            changes[name] = "set anew"
            facts = {"value": None, "sealed": keyring.seal(loaded[name], place("setting", f"{plugin}.{name}", "sealed"))}
        else:
            after = dumped.get(name, raw)
            if after == (_shown(known[name], None) if row is None or row.value is None else row.value["value"]):
                continue
            changes[name] = {"before": _shown(known[name], row), "after": after}
            facts = {"value": {"value": after}, "sealed": None}
        session.merge(Setting(plugin=plugin, key=name, changed_at=moment, changed_by=actor.label[:200], **facts))
    if changes:
        bump(session)
        audit.append(session, actor=actor, kind="settings", payload={"plugin": plugin, "changes": changes})
    return frozenset(changes)


def candidate(session: Session, plugin: str, schema: type[Schema], values: Mapping[str, Any], *, keyring: Keyring) -> dict[str, Any]:
    """Return the settings as they would be read after :func:`write` of the same values, secrets opened; nothing is stored.

    What a test of a connection uses: like a save, it never sends a stored secret to a changed address (O-03).

    :raises Invalid: as :func:`write`.
    """
    known = schema().fields
    stored = _stored(session, plugin)
    given, removed = _given(known, stored, values)
    loaded = _validate(schema, given, _kept(known, stored, plugin, keyring), removed)
    return {name: loaded.get(name, _default(each)) for name, each in known.items()}


def bump(session: Session) -> None:
    """Tell every process that plugins or their settings changed (R69)."""
    session.execute(update(Generation).where(Generation.id == 1).values(number=Generation.number + 1))


def describe(session: Session, plugin: str, schema: type[Schema]) -> list[Described]:
    """Describe every setting of the schema, in its order, without opening a secret."""
    stored = _stored(session, plugin)
    found = []
    for name, each in schema().fields.items():
        row, secret = stored.get(name), is_secret(each)
        found.append(
            Described(
                key=name,
                label=label_of(name, each),
                help=each.metadata.get("help", ""),
                group=each.metadata.get("group", ""),
                risk=each.metadata.get("risk", ""),
                governs=governs(each),
                value=None if secret else _shown(each, row),
                secret=secret,
                is_set=row is not None,
                default=None if secret else _dump(each, _default(each)),
                origin="default" if row is None else "set",
                changed_at=None if row is None else row.changed_at,
                changed_by=None if row is None else row.changed_by,
            )
        )
    return found


def overlaid(described: Iterable[Described], values: Mapping[str, Any], origin: str) -> list[Described]:
    """Return descriptions with what a setting of the process says in place of what is stored; secrets stay unseen."""
    return [
        replace(
            each,
            value=None if each.secret else values.get(each.key),
            is_set=bool(values.get(each.key)),
            origin=origin,
            changed_at=None,
            changed_by=None,
        )
        for each in described
    ]


def label_of(name: str, each: fields.Field[Any]) -> str:
    """What a setting is called."""
    return str(each.metadata.get("label") or name.replace("_", " ").capitalize())


def governs(each: fields.Field[Any]) -> tuple[str, ...]:
    """The ids of the actions that a setting decides something about; their dialogs lead to it."""
    return tuple(each.metadata.get("governs", ()))


# A schema copies each of its fields when it is made, which costs more than reading what is stored.
@lru_cache(maxsize=128)
def _fields(schema: type[Schema]) -> Mapping[str, fields.Field[Any]]:
    return MappingProxyType(schema().fields)


def _stored(session: Session, plugin: str) -> dict[str, Setting]:
    return {row.key: row for row in session.scalars(select(Setting).where(Setting.plugin == plugin))}


def _given(
    known: Mapping[str, fields.Field[Any]], stored: Mapping[str, Setting], values: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """What is really said: without secrets left empty, and with what is taken away as none, which is also returned by name."""
    given = {name: each for name, each in values.items() if not (name in known and is_secret(known[name]) and each == "")}
    for name, each in given.items():
        # A setting with parts of its own is changed part by part.
        merged = getattr(known.get(name), "merged", None)
        if merged is not None:
            given[name] = merged(_shown(known[name], stored.get(name)), each)
    secrets = {name for name, each in known.items() if is_secret(each)}
    if any(_moves(each, stored.get(name), given[name]) for name, each in known.items() if name in given and is_address(each)):
        given |= {name: None for name in secrets if name in stored and name not in given}
    return given, {name for name, each in given.items() if each is None and name in known and _is_taken_away_by_none(known[name])}


def _is_taken_away_by_none(each: fields.Field[Any]) -> bool:
    return is_secret(each) or not each.allow_none or _default(each) is None


def is_address(each: fields.Field[Any]) -> bool:
    """Whether a field says where secrets are sent: a URL, or whatever its metadata calls an ``address`` (a host, a tenant)."""
    return isinstance(each, fields.Url) or bool(each.metadata.get("address"))


def _moves(each: fields.Field[Any], row: Setting | None, given: Any) -> bool:
    return str(_shown(each, row) or "").rstrip("/") != str(given or "").strip().rstrip("/")


def _kept(known: Mapping[str, fields.Field[Any]], stored: Mapping[str, Setting], plugin: str, keyring: Keyring) -> dict[str, Any]:
    """What is set already, as raw input for the schema; values that it no longer takes are left out."""
    kept: dict[str, Any] = {}
    for name, row in stored.items():
        if name not in known:
            continue
        if is_secret(known[name]):
            opened = _open_or_none(keyring, plugin, name, row)
            if opened is not None:
                kept[name] = opened
        elif row.value is not None and _loads(known[name], row.value["value"]):
            kept[name] = row.value["value"]
    return kept


def _validate(schema: type[Schema], given: Mapping[str, Any], kept: Mapping[str, Any], removed: set[str]) -> dict[str, Any]:
    known = schema().fields
    together = {name: each for name, each in {**kept, **given}.items() if name not in removed}
    problems = {name: [f"There is no such setting.{_nearest(name, known)}"] for name in given if name not in known}
    loaded: dict[str, Any] = {}
    try:
        loaded = schema().load({name: each for name, each in together.items() if name in known})
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
        problems |= {str(name): _sentences(texts) for name, texts in messages.items()}
        for name in removed & set(problems):
            if is_secret(known[name]):
                problems[name] = ["Enter it again: what is stored is not sent to a changed address."]
    if problems:
        name, sentences = next(iter(problems.items()))
        raise Invalid(sentences[0] if name == "_schema" else f"{name}: {sentences[0]}", fields=problems)
    return loaded


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]}?" if near else ""


def _sentences(messages: Any) -> list[str]:
    if isinstance(messages, dict):
        return [sentence for each in messages.values() for sentence in _sentences(each)]
    return [str(each) for each in messages] if isinstance(messages, list) else [str(messages)]


def _open(keyring: Keyring | None, plugin: str, name: str, row: Setting | None) -> str | None:
    if keyring is None or row is None or row.sealed is None:
        return None
    return keyring.open(row.sealed, place("setting", f"{plugin}.{name}", "sealed"))


def _open_or_none(keyring: Keyring, plugin: str, name: str, row: Setting | None) -> str | None:
    # A secret whose key is lost must not stand in the way of setting it anew.
    try:
        return _open(keyring, plugin, name, row)
    except SealBroken:
        return None


def _default(each: fields.Field[Any]) -> Any:
    default = each.load_default
    if default is missing:
        return None
    return default() if callable(default) else default


def _load(each: fields.Field[Any], row: Setting | None) -> Any:
    return _loaded(each, None if row is None else row.value)


def _loaded(each: fields.Field[Any], stored: Mapping[str, Any] | None) -> Any:
    if stored is None:
        return _default(each)
    try:
        return each.deserialize(stored["value"])
    except ValidationError:
        return _default(each)


def _loads(each: fields.Field[Any], raw: Any) -> bool:
    try:
        each.deserialize(raw)
    except ValidationError:
        return False
    return True


def _dump(each: fields.Field[Any], loaded: Any) -> Any:
    return each.serialize("value", {"value": loaded})


def _shown(each: fields.Field[Any], row: Setting | None) -> Any:
    return _dump(each, _load(each, row))
