"""``rolecall sync approve`` and ``discard``: what the safety limits hold at a provider is let through, or given up (R62)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from rolecall.cli.face import HELD, Face, face, find_account, finish
from rolecall.cli.frame import Command
from rolecall.cli.output import count, plain, table
from rolecall.cli.plugins import find_plugin
from rolecall.errors import CountChanged
from rolecall.plugins.plugin import Plugin
from rolecall.work.documents import plugin_document
from rolecall.work.sync import held
from rolecall.work.sync.held import HeldLink
from rolecall.work.sync.held_groups import because, groups

#: Accounts that are shown before the question.
_SHOWN = 50

_YES = click.option("--yes", is_flag=True, help="Decide about all that is held now, and ask nothing.")
_ACCOUNTS = click.option(
    "--account", "usernames", metavar="USERNAME", multiple=True,
    help="Only this account; the only way to approve administrators, the owner and protected accounts. Can be repeated.",
)  # fmt: skip
_EXPECTED = click.option("--expected", metavar="N", type=click.IntRange(min=0), help="Only if so many accounts are held.")


@click.command("approve", cls=Command)
@click.argument("provider", metavar="PROVIDER")
@click.option("--without-deletions", is_flag=True, help="Suspend those who would be deleted.")
@_ACCOUNTS
@_EXPECTED
@_YES
def approve(provider: str, without_deletions: bool, usernames: tuple[str, ...], expected: int | None, yes: bool) -> None:
    """Close the accounts at a provider that the safety limits hold; they are shown first.

    Administrators, the owner and protected accounts stay held unless --account names them.
    """
    call = face()
    actor = call.require("integrations:edit")
    plugin = find_plugin(call, provider)
    instead = " Who would be deleted is suspended." if without_deletions else ""
    named = _named(call, usernames)
    number, shown_at = _show(call, plugin, expected, question="Close {} at {}?" + instead, yes=yes, accounts=named, approving=True)
    number = held.approve(call.app, actor, plugin.name, expected=number, shown_at=shown_at, deletions=not without_deletions, accounts=named)
    _answer(call, plugin, f"{count(number, 'account')} will be closed at {plain(plugin.label)}.")


@click.command("discard", cls=Command)
@click.argument("provider", metavar="PROVIDER")
@_ACCOUNTS
@_EXPECTED
@_YES
def discard(provider: str, usernames: tuple[str, ...], expected: int | None, yes: bool) -> None:
    """Leave the accounts at a provider as they are that the safety limits hold; they are shown first."""
    call = face()
    actor = call.require("integrations:edit")
    plugin = find_plugin(call, provider)
    named = _named(call, usernames)
    number, shown_at = _show(call, plugin, expected, question="Leave {} at {} as it is there?", yes=yes, accounts=named)
    number = held.discard(call.app, actor, plugin.name, expected=number, shown_at=shown_at, accounts=named)
    _answer(call, plugin, f"{count(number, 'account')} at {plain(plugin.label)} will be left as it is there.")


def warn_held(call: Face, *providers: str) -> None:
    """End with the exit code for what is held, and say so, where something is at these providers, or at any where none is named."""
    with call.read() as session:
        found = [each for each in groups(session) if not providers or each.provider in providers]
    for name in dict.fromkeys(each.provider for each in found):
        told = because([each for each in found if each.provider == name])
        click.echo(f"{plain(name)}: {plain(told)} “rolecall sync approve {plain(name)}” shows who, and asks.", err=True)
    finish(HELD if found else 0)


def _named(call: Face, usernames: Sequence[str]) -> list[int] | None:
    if not usernames:
        return None
    with call.read() as session:
        return [find_account(session, each).id for each in usernames]


def _show(
    call: Face,
    plugin: Plugin,
    expected: int | None,
    *,
    question: str,
    yes: bool,
    accounts: Sequence[int] | None = None,
    approving: bool = False,
) -> tuple[int, datetime]:
    """Show what is held and ask; return how many were shown, and when.

    :raises CountChanged: when it is not the number that was expected.
    """
    with call.read() as session:
        shown_at = held.moment_of(session)
        by_name = accounts is not None
        waiting = groups(session, plugin.name, accounts=accounts)
        number, guarded = (sum(each.number for each in waiting if each.guarded in of) for of in ((True, False), (True,)))
        found = held.held_links(session, plugin.name, limit=_SHOWN, accounts=accounts)
    if expected is not None and number != expected:
        raise CountChanged(f"{expected:,} accounts were expected to be held, and {number:,} are. Look again.", count=number)
    if number and not yes:
        for line in _lines(found, number):
            click.echo(line, err=call.as_json)
        stay = guarded if approving and not by_name else 0
        if stay and number > stay:
            click.echo(f"Held until --account names them: {count(stay, 'account')} of these.", err=call.as_json)
        if number > stay:
            call.agree(question.format(count(number - stay, "account"), plugin.label), yes=yes)
    return number, shown_at


def _lines(found: Sequence[HeldLink], number: int) -> Iterator[str]:
    rows = [[plain(each.username), each.verb, each.user_type, f"{each.since:%Y-%m-%d %H:%M}", plain(_by(each))] for each in found]
    yield from table(["account", "what", "type", "since", "by"], rows)
    if number > len(found):
        yield f"... and {number - len(found):,} more; the sync page of the provider has all of them."


def _by(each: HeldLink) -> str:
    return "a rule or setting" if each.run_id is None else f"run {each.run_id}: {each.run_action} ({each.run_actor})"


def _answer(call: Face, plugin: Plugin, text: str) -> None:
    with call.read() as session:
        document = plugin_document(session, plugin)
    call.answer(document, text)
