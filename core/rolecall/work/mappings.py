"""What an institution maps at a provider, and what that comes to for one account or for all of them (R54). A read: nobody is called.

Owns how a mapping is shown. What may be written is the field's to say (``sdk.mapping``), what would be sent the plan's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.actors import Actor
from rolecall.accounts.documents import Document
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.mapping import MappedAttribute, MappingField, Mode, faults, mistakes, mode_of, render, template_of
from rolecall.sdk.provider import Attributes
from rolecall.store import reach
from rolecall.store.filters import search_clause
from rolecall.store.tables import Account, Listing
from rolecall.work.application import Application
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import rules
from rolecall.work.sync.circuit import sentence
from rolecall.work.sync.preview import Line, opened, preview

#: Accounts offered where a search fits several.
MOST_FOUND = 8
#: Accounts shown with what would change of them.
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """One attribute with the template and mode that hold, and whether they are the plugin's own."""

    attribute: MappedAttribute
    template: str
    mode: Mode
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a mapping comes to for one account: each template filled, everything that the provider should hold, and what would be sent.

    ``line`` is none when nothing would be sent. ``error`` says why nothing more can be shown.
    """

    account_id: int
    username: str
    name: str
    values: Mapping[str, str | None]
    wanted: Attributes = field(default_factory=dict)
    line: Line | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """How many accounts would change at the provider, and the first of them."""

    total: int = 0
    first: Sequence[Line] = ()


def attributes_of(plugin: Plugin) -> Sequence[MappedAttribute]:
    """The attributes of a plugin's provider that may be mapped."""
    kind = plugin.providers.get(plugin.name)
    return () if kind is None or plugin.fault else tuple(kind.mapping)


def stored(session: Session, plugin: Plugin) -> dict[str, Any]:
    """What the institution chose, by attribute."""
    attributes = attributes_of(plugin)
    schema = plugin.settings_schema
    if not attributes or schema is None:
        return {}
    found: dict[str, Any] = settings.read(session, plugin.name, schema)["mapping"]
    return found


def described(attributes: Sequence[MappedAttribute], chosen: Mapping[str, Any]) -> list[Mapped]:
    """Describe every attribute as it would be with what is chosen."""
    return [
        Mapped(attribute=each, template=template_of(each, chosen), mode=mode_of(each, chosen), is_own=not chosen.get(each.name))
        for each in attributes
    ]


def chosen(plugin: Plugin, saved: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Return what would be saved if this were put over what is saved.

    :raises Invalid: with the sentences by attribute, as ``mapping.NAME``; under "" those about the whole.
    """
    each = MappingField(attributes_of(plugin))
    together = each.merged(saved, given)
    if wrong := mistakes(each.attributes, together):
        fields = {f"mapping.{name}" if name else "": sentences for name, sentences in wrong.items()}
        raise Invalid(next(iter(fields.values()))[0], fields=fields)
    loaded: dict[str, Any] = each.deserialize(together)
    return loaded


def find(session: Session, actor: Actor, words: str) -> list[tuple[int, str, str]]:
    """Find accounts to try a mapping on, by name, user name, e-mail or code: id, user name and name; the exact user name alone."""
    statement = select(Account.id, Account.username, Account.first_name, Account.last_name).join(Listing, Listing.account_id == Account.id)
    statement = statement.where(*reach.accounts(actor.types)).order_by(Listing.deleted, Listing.sort_name, Account.id).limit(MOST_FOUND)
    exact = session.execute(statement.where(Account.username_key == words.strip().casefold())).all()
    clauses = [clause for word in words.split()[:5] if (clause := search_clause(Listing.search.expression, word)) is not None]
    rows = exact or session.execute(statement.where(*clauses)).all()
    return [(row.id, row.username, f"{row.first_name} {row.last_name}".strip()) for row in rows]


def try_on(app: Application, actor: Actor, plugin: Plugin, account_id: int, mapping: Mapping[str, Any]) -> Tried:
    """Show what a mapping that is not saved yet comes to for one account.

    :raises Unknown: when there is no such account, or the actor's rights do not reach it.
    """
    with app.db.read() as session:
        known = session.scalar(select(Account.id).where(Account.id == account_id, *reach.accounts(actor.types)))
        snapshot = account_snapshots(session, [account_id]).get(account_id) if known is not None else None
    if snapshot is None:
        raise Unknown("There is no such account.", hint="Search for somebody else to try it on.")
    attributes = attributes_of(plugin)
    values = {
        each.name: None if faults(template := template_of(each, mapping)) else render(template, snapshot) for each in attributes
    }  # fmt: skip
    who: dict[str, Any] = {
        "account_id": snapshot.id,
        "username": snapshot.username,
        "name": f"{snapshot.person.first_name} {snapshot.person.last_name}",
    }
    values_then = whole(plugin, mapping)
    try:
        with opened(app, plugin.name, values_then) as provider:
            wanted = rules.wanted(provider, snapshot)
        line = next(iter(preview(app, actor, plugin.name, values=values_then, account_id=account_id)), None)
    except Invalid:
        told = f"The settings of {plugin.label} are not complete yet, so what would be sent cannot be shown."
        return Tried(values=values, error=told, **who)
    except Refused as error:
        return Tried(values=values, error=str(error), **who)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as a sentence
        return Tried(values=values, error=sentence(error if isinstance(error, Exception) else RuntimeError()), **who)
    return Tried(values=values, wanted=wanted, line=line, **who)


def changing(app: Application, actor: Actor, plugin: Plugin, mapping: Mapping[str, Any]) -> Changing:
    """Say of how many accounts at the provider a mapping that is not saved yet would change something, with the first of them."""
    attributes = attributes_of(plugin)
    with app.db.read() as session:
        saved = stored(session, plugin)
    differing = {each.name for each in attributes if (saved.get(each.name) or {}) != (mapping.get(each.name) or {})}
    if not differing:
        return Changing()
    lines = preview(app, actor, plugin.name, values=whole(plugin, mapping))
    concerned = (line for line in lines if line.verb in ("update", "resume") and differing & line.fields.keys())
    first = list(islice(concerned, MOST_SHOWN))
    return Changing(total=len(first) + sum(1 for _ in concerned), first=first)


def whole(plugin: Plugin, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting as a save takes it where nothing of what is saved is to stay: what is absent is the plugin's own."""
    return {"mapping": {each.name: dict(mapping.get(each.name) or {}) or None for each in attributes_of(plugin)}}


def tried_document(found: Tried) -> Document:
    """What a mapping comes to for one account, for programs."""
    line = found.line
    return {
        "account": {"id": found.account_id, "username": found.username, "name": found.name},
        "values": dict(found.values),
        "attributes": {name: sorted(value) if isinstance(value, frozenset) else value for name, value in found.wanted.items()},
        "verb": line.verb if line else "none",
        "fields": {name: {"before": before, "after": after} for name, (before, after) in line.fields.items()} if line else {},
        "error": found.error or (line.error if line else None),
    }
