"""``rolecall sync``: what has not reached the providers and why, what would be sent, another try (R61, R63)."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from rolecall.cli.face import Face, face, find_account, words
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain, table
from rolecall.cli.plugins import find_plugin
from rolecall.errors import Unknown
from rolecall.sdk.words import SYNC_STATES
from rolecall.store.filters import choose
from rolecall.work import changes
from rolecall.work.documents import Document, moment, plugin_document
from rolecall.work.sync.preview import Line, preview
from rolecall.work.sync.status import ProviderStatus, status

#: Accounts whose plan is shown without --json.
_SHOWN = 50


@click.group(cls=Words, default="status")
def sync() -> None:
    """Sync with the providers."""


@sync.command("status")
@click.option("--provider", metavar="ID", help="Of one provider.")
def show_status(provider: str | None) -> None:
    """Show how each provider is, what is pending there, and what stands in the way."""
    call = face()
    call.require("integrations:view")
    with call.app.db.read() as session:
        found = status(session, call.app.plugins.view(session), provider)
    if provider is not None and not found:
        message = f"There is no provider {plain(provider)} that is enabled or has accounts."
        raise Unknown(message, hint="“rolecall plugins” lists what is installed.")
    items = [_document(each) for each in found]
    call.answer({"items": items, "next": None, "total": len(items)}, lambda: _lines(found))


@sync.command("plan")
@click.argument("provider", metavar="PROVIDER")
def plan(provider: str) -> None:
    """Show what would be done at a provider: per account and field, before → after. Nothing is sent."""
    call = face()
    call.require("integrations:view")
    find_plugin(call, provider)
    found = list(preview(call.app, provider))
    items = [
        {
            "account": {"id": each.account_id, "username": each.username, "name": each.name}, "verb": each.verb, "queued": each.queued,
            "fields": {name: {"before": before, "after": after} for name, (before, after) in each.fields.items()}, "error": each.error,
        }
        for each in found
    ]  # fmt: skip
    call.answer({"items": items, "next": None, "total": len(items)}, lambda: _plan_lines(found))


@sync.command("retry")
@click.option("--provider", "providers", metavar="ID", multiple=True, help="Of these providers only.")
@click.option("--account", "accounts", metavar="USERNAME", multiple=True, help="Of these accounts only.")
def retry(providers: Sequence[str], accounts: Sequence[str]) -> None:
    """Try again now what is blocked or waits for its next attempt."""
    call = face()
    actor = call.require("integrations:edit")
    with call.app.db.read() as session:
        ids = [find_account(session, each).id for each in accounts]
    with words():
        chosen = [choose("--provider", each, list(call.app.plugins.installed)) for each in providers]
    found = changes.retry_links(call.app, actor, accounts=ids or None, providers=chosen or None)
    call.answer({"links": found}, f"{count(found, 'change')} will be tried again.")


@sync.command("pause")
@click.argument("provider", metavar="PROVIDER")
def pause(provider: str) -> None:
    """Leave a provider alone until it is resumed; changes wait and none is lost."""
    call = face()
    changes.pause_provider(call.app, call.require("integrations:edit"), find_plugin(call, provider).name)
    _answer(call, provider, "is paused; changes wait.")


@sync.command("resume")
@click.argument("provider", metavar="PROVIDER")
def resume(provider: str) -> None:
    """Call a provider again that was paused or is down."""
    call = face()
    changes.resume_provider(call.app, call.require("integrations:edit"), find_plugin(call, provider).name)
    _answer(call, provider, "is called again.")


def _answer(call: Face, provider: str, text: str) -> None:
    with call.app.db.read() as session:
        document = plugin_document(session, call.app.plugins.installed[provider])
    call.answer(document, f"{plain(document['label'])} {text}")


def _document(each: ProviderStatus) -> Document:
    return {
        "provider": each.provider, "label": each.label, "enabled": each.enabled, "state": each.state, "reason": each.reason,
        "until": moment(each.until), "fault": each.fault, "last_success_at": moment(each.last_success_at), "linked": each.linked,
        "pending": each.pending, "oldest": moment(each.oldest), "links": dict(each.by_state),
        "reasons": [{"error_class": reason.error_class, "error": reason.text, "count": reason.count} for reason in each.reasons],
    }  # fmt: skip


def _lines(found: Sequence[ProviderStatus]) -> Iterator[str]:
    if not found:
        yield "No provider is enabled."
        return
    rows = [[each.provider, _state(each), *(f"{each.by_state[word]:,}" for word in SYNC_STATES), _trouble(each)] for each in found]
    yield from table(["provider", "state", *SYNC_STATES, ""], rows)
    reasons = [[each.provider, f"{reason.count:,}", plain(reason.text)] for each in found for reason in each.reasons]
    if reasons:
        yield ""
        yield from table(["provider", "accounts", "because"], reasons)


def _state(each: ProviderStatus) -> str:
    return each.state if each.enabled else "disabled"


def _trouble(each: ProviderStatus) -> str:
    return plain(each.fault or each.reason or "")


def _plan_lines(found: Sequence[Line]) -> Iterator[str]:
    if not found:
        yield "Nothing would be sent."
        return
    rows = [[plain(each.username), each.verb, plain(each.error or _fields(each))] for each in found[:_SHOWN]]
    yield from table(["account", "what", "before → after"], rows)
    more = f" The first {_SHOWN} are shown; --json has all of them." if len(found) > _SHOWN else ""
    yield f"{count(len(found), 'account')}.{more} Nothing was sent."


def _fields(line: Line) -> str:
    return "; ".join(f"{name}: {_text(before)} → {_text(after)}" for name, (before, after) in line.fields.items())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else "yes" if value is True else "no" if value is False else str(value)
