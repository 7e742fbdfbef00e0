"""``rolecall periods copy`` and ``rollover``: a plan of who becomes what, consent, and the run of the action behind it (R59a)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from rolecall.accounts import carrying, role_maps
from rolecall.accounts.carrying import Forecast
from rolecall.cli.face import Face, face, is_terminal, words
from rolecall.cli.frame import Command
from rolecall.cli.output import count, plain, table
from rolecall.cli.progress import answer_run
from rolecall.sdk.action import Action, Grade
from rolecall.store import filters
from rolecall.store.tables import Account
from rolecall.work.runs.plan import find_action
from rolecall.work.runs.selection import Selection, of_words, select_accounts
from rolecall.work.runs.start import Request, start

_WHERE = click.option(
    "--where", metavar="FILTER", default="", help="Only accounts that match, such as 'type=student'; everybody unless given."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show who would become what, and do nothing.")
_YES = click.option("--yes", is_flag=True, help="Agree to the consequence, and ask nothing.")
_REASON = click.option("--reason", metavar="TEXT", help="Kept in the run and the audit.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What both commands are given."""

    source: str
    target: str
    where: str
    dry_run: bool
    yes: bool
    reason: str | None


@click.command("copy", cls=Command)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="INTO")
@click.option("--mode", type=click.Choice(["add", "replace"]), default="add", show_default=True, help="What is done where INTO has a role.")
@_WHERE
@_DRY_RUN
@_YES
@_REASON
def copy_roles(mode: str, **given: Any) -> None:
    """Give accounts in a period the role that they have in another (R59a)."""
    _carry("roles.copy", _Asked(**given), {"mode": mode}, replace=mode == "replace")


@click.command("rollover", cls=Command)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="INTO")
@click.option(
    "--map", "lines", metavar="OLD=NEW", multiple=True, help="What becomes of a role; OLD=- is no role. Others stay what they are."
)
@click.option("--current", is_flag=True, help="Make INTO the current period when every account is through.")
@_WHERE
@_DRY_RUN
@_YES
@_REASON
def roll_over(lines: Sequence[str], current: bool, **given: Any) -> None:
    """Give accounts in a new period what their role becomes (R59a)."""
    _carry("roles.rollover", _Asked(**given), {"map": list(lines), "make_current": current}, lines=lines)


def _carry(action_id: str, asked: _Asked, params: Mapping[str, Any], *, lines: Sequence[str] = (), replace: bool = False) -> None:
    call = face()
    action, selection, forecast = _plan(call, action_id, asked, lines, replace=replace)
    total = sum(line.count for line in forecast.lines)
    if asked.dry_run:
        call.answer(_document(forecast, total), lambda: _lines(forecast, asked.target))
        return
    agreed = asked.yes or _ask(call, action, forecast, asked.target)
    request = Request(
        action=action.id,
        selection=selection,
        params={"from_period": asked.source, "period": asked.target, **params},
        agreed=agreed,
        expected=total,
        reason=asked.reason,
    )
    answer_run(call, start(call.app, call.actor, request))


def _plan(call: Face, action_id: str, asked: _Asked, lines: Sequence[str], *, replace: bool) -> tuple[Action, Selection, Forecast]:
    actor = call.actor
    with call.read() as session:
        view = call.app.plugins.view(session)
        action = find_action(view, actor, action_id)
        with words():
            selection = of_words(filters.parse_where(asked.where))
            accounts = select_accounts(session, view, selection, actor).with_only_columns(Account.id).order_by(None)
            roles = role_maps.read(session, lines)
        way = carrying.between(session, asked.source, asked.target, roles=roles, replace=replace)
        return action, selection, carrying.foresee(session, accounts, way, actor=actor)


def _ask(call: Face, action: Action, forecast: Forecast, target: str) -> bool:
    """Whether the person at the terminal agreed; without a terminal only an action without a consequence goes on."""
    if not is_terminal() and action.grade is Grade.PLAIN:
        return False
    if is_terminal():
        for line in _lines(forecast, target):
            click.echo(line, err=True)
    call.agree(f"{action.confirm} I agree" if action.confirm else f"{action.label}: {count(forecast.given, 'account')}?", yes=False)
    return True


def _lines(forecast: Forecast, target: str) -> Iterator[str]:
    given = [[plain(line.role), plain(line.becomes), f"{line.count:,}"] for line in forecast.lines if line.verdict.role is not None]
    left = [[plain(line.role), plain(line.verdict.message), f"{line.count:,}"] for line in forecast.lines if line.verdict.role is None]
    if given:
        yield from table(["role", f"in {plain(target)}", "accounts"], given)
    if left:
        yield ""
        yield from table(["role", "left, because", "accounts"], left)
    yield ""
    yield f"{count(forecast.given, 'account')} would get a role; {forecast.without:,} would have none in {plain(target)}."
    if forecast.locked_out:
        yield f"{forecast.locked_out:,} of them can sign in today and could not any more once it is the current period."


def _document(forecast: Forecast, total: int) -> dict[str, Any]:
    """A plan as every action answers it, with what becomes of each role."""
    return {
        "dry_run": True,
        "total": total,
        "will": forecast.given,
        "skipped": [
            {"code": line.verdict.code, "message": line.verdict.message, "count": line.count}
            for line in forecast.lines
            if line.verdict.role is None
        ],
        "roles": [{"role": line.role, "becomes": line.becomes, "count": line.count} for line in forecast.lines if line.verdict.role],
        "without_role": forecast.without,
        "locked_out": forecast.locked_out,
    }
