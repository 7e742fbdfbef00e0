"""``rolecall sync``: what has not reached the providers and why, what would be sent, another try (R61, R63)."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from rolecall.cli.face import Face, face, find_account, words
from rolecall.cli.frame import Words
from rolecall.cli.held import approve, discard, warn_held
from rolecall.cli.output import count, plain, table
from rolecall.cli.plugins import find_plugin
from rolecall.errors import Unknown
from rolecall.sdk.words import SYNC_STATES
from rolecall.store.engine import now
from rolecall.store.filters import choose
from rolecall.work import changes, heartbeat, jobs
from rolecall.work.documents import Document, moment, plugin_document
from rolecall.work.sync import samples
from rolecall.work.sync.classes.documents import class_line_document
from rolecall.work.sync.classes.preview import ClassLine, preview_classes
from rolecall.work.sync.documents import history_document, work_document
from rolecall.work.sync.health import Health, absent, health, in_order
from rolecall.work.sync.preview import Line, preview
from rolecall.work.sync.samples import History, Span
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
    with call.read() as session:
        view = call.app.plugins.view(session)
        found = status(session, view, provider)
        how = {each.provider: each for each in health(session, view, provider)}
        nobody = jobs.neglected(call.app, session)
        workers = work_document(nobody or heartbeat.work(session), neglected=nobody is not None)
    if provider is not None and not found:
        message = f"There is no provider {plain(provider)} that is enabled or has accounts."
        raise Unknown(message, hint="“rolecall plugins” lists what is installed.")
    items = [_document(each, how.get(each.provider) or absent(each.provider)) for each in found]
    document = {"items": items, "next": None, "total": len(items), "work": workers}
    call.answer(document, lambda: [*_lines(found), *_advice(in_order(list(how.values()))), *_trouble_of(workers)])
    warn_held(call, *([] if provider is None else [provider]))


@sync.command("history")
@click.argument("provider", metavar="PROVIDER")
@click.option("--span", type=click.Choice([each.word for each in Span]), default=Span.DAY.word, show_default=True)
def show_history(provider: str, span: str) -> None:
    """Show what waited at a provider, and what was done, in each hour of the last day or on each day of the last month."""
    call = face()
    call.require("integrations:view")
    name, chosen = find_plugin(call, provider).name, next(each for each in Span if each.word == span)
    with call.read() as session:
        found = samples.history(session, name, chosen, now(session))
    call.answer(history_document(name, chosen, found), lambda: _past(found))


@sync.command("plan")
@click.argument("provider", metavar="PROVIDER")
def plan(provider: str) -> None:
    """Show what would be done at a provider: per account and field, before → after. Nothing is sent."""
    call = face()
    call.require("integrations:view")
    find_plugin(call, provider)
    found = list(preview(call.app, call.actor, provider))
    items = [
        {
            "account": {"id": each.account_id, "username": each.username, "name": each.name}, "class": None,
            "verb": each.verb, "queued": each.queued,
            "fields": {name: {"before": before, "after": after} for name, (before, after) in each.fields.items()}, "error": each.error,
        }
        for each in found
    ]  # fmt: skip
    classes = list(preview_classes(call.app, call.actor, provider))
    items += [{"account": None, **class_line_document(each)} for each in classes]
    call.answer({"items": items, "next": None, "total": len(items)}, lambda: _plan_lines(found, classes))
    warn_held(call, provider)


@sync.command("retry")
@click.option("--provider", "providers", metavar="ID", multiple=True, help="Of these providers only.")
@click.option("--account", "accounts", metavar="USERNAME", multiple=True, help="Of these accounts only, and of no classes.")
def retry(providers: Sequence[str], accounts: Sequence[str]) -> None:
    """Try again now what is blocked or waits for its next attempt."""
    call = face()
    actor = call.require("integrations:edit")
    with call.read() as session:
        ids = [find_account(session, each).id for each in accounts]
    with words():
        chosen = [choose("--provider", each, list(call.app.plugins.installed)) for each in providers]
    found = changes.retry_links(call.app, actor, accounts=ids or None, providers=chosen or None)
    call.answer({"links": found}, f"{count(found, 'change')} will be tried again.")
    warn_held(call, *chosen)


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
    warn_held(call, provider)


sync.add_command(approve)
sync.add_command(discard)


def _answer(call: Face, provider: str, text: str) -> None:
    with call.read() as session:
        document = plugin_document(session, call.app.plugins.installed[provider])
    call.answer(document, f"{plain(document['label'])} {text}")


def _document(each: ProviderStatus, how: Health) -> Document:
    return {
        "health": how.word, "advice": how.advice, "who": how.who, "blocked": how.backlog.blocked,
        "provider": each.provider, "label": each.label, "enabled": each.enabled, "state": each.state,
        "report_only": each.report_only, "reason": each.reason, "held": each.held,
        "until": moment(each.until), "fault": each.fault, "last_success_at": moment(each.last_success_at), "linked": each.linked,
        "pending": each.pending, "oldest": moment(each.oldest), "links": dict(each.by_state),
        "classes": {
            "linked": each.classes.linked, "pending": each.classes.pending, "oldest": moment(each.classes.oldest),
            "links": dict(each.classes.by_state),
        },
        "reasons": [
            {"type": reason.of, "error_class": reason.error_class, "error": reason.text, "count": reason.count} for reason in each.reasons
        ],
    }  # fmt: skip


def _lines(found: Sequence[ProviderStatus]) -> Iterator[str]:
    if not found:
        yield "No provider is enabled."
        return
    rows = [[each.provider, _state(each), *(f"{each.by_state[word]:,}" for word in SYNC_STATES), _trouble(each)] for each in found]
    yield from table(["provider", "state", *SYNC_STATES, ""], rows)
    classes = [[each.provider, *(f"{each.classes.by_state[word]:,}" for word in SYNC_STATES)] for each in found if each.classes.linked]
    if classes:
        yield ""
        yield from table(["classes at", *SYNC_STATES], classes)
    for of, heading in (("account", "accounts"), ("class", "classes")):
        reasons = [[each.provider, f"{why.count:,}", plain(why.text)] for each in found for why in each.reasons if why.of == of]
        if reasons:
            yield ""
            yield from table(["provider", heading, "because"], reasons)


def _advice(found: Sequence[Health]) -> Iterator[str]:
    """What to do, at those providers that do not go on by themselves."""
    rows = [[each.provider, each.word, plain(f"{each.advice} {each.who}")] for each in found if each.needs_somebody]
    if rows:
        yield ""
        yield from table(["provider", "is", "what to do, and whose job that is"], rows)


def _trouble_of(workers: Document) -> Iterator[str]:
    if workers["trouble"]:
        yield ""
        yield workers["trouble"]


def _past(found: History) -> Iterator[str]:
    rows = []
    for each in found.pieces:
        within = [point.pending for point in found.points if each.at <= point.at < each.at + found.piece]
        rows.append([f"{each.at:%Y-%m-%d %H:%M}", f"{within[-1]:,}" if within else "–", f"{each.done:,}", f"{each.failed:,}"])
    yield from table(["from (UTC)", "pending", "done", "failed"], rows)


def _state(each: ProviderStatus) -> str:
    return "disabled" if not each.enabled else "report only" if each.report_only else each.state


def _trouble(each: ProviderStatus) -> str:
    return plain(each.fault or each.reason or "")


def _plan_lines(found: Sequence[Line], classes: Sequence[ClassLine]) -> Iterator[str]:
    if not found and not classes:
        yield "Nothing would be sent."
        return
    if found:
        rows = [[plain(each.username), each.verb, plain(each.error or _fields(each))] for each in found[:_SHOWN]]
        yield from table(["account", "what", "before → after"], rows)
    if classes:
        rows = [[plain(f"{each.code} ({each.period})"), each.verb, plain(each.error or _fields(each))] for each in classes[:_SHOWN]]
        yield from table(["class", "what", "before → after"], rows)
    more = f" The first {_SHOWN} are shown; --json has all of them." if max(len(found), len(classes)) > _SHOWN else ""
    parts = [count(len(found), "account")] if found or not classes else []
    parts += [count(len(classes), "class", "classes")] if classes else []
    yield f"{', '.join(parts)}.{more} Nothing was sent."


def _fields(line: Line | ClassLine) -> str:
    return "; ".join(f"{name}: {_text(before)} → {_text(after)}" for name, (before, after) in line.fields.items())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else "yes" if value is True else "no" if value is False else str(value)
