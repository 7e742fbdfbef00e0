"""``rolecall doctor``: why can't they sign in (R34)."""

import shlex
from collections.abc import Iterator

import click
from sqlalchemy.orm import Session

from rolecall.cli.face import DONE, REFUSED, face, find_account, finish
from rolecall.cli.frame import Command
from rolecall.cli.output import plain, table
from rolecall.store.engine import now
from rolecall.store.tables import Person, Role
from rolecall.work.doctor.diagnose import diagnose, diagnosis_document
from rolecall.work.doctor.finding import DONE_BY, Diagnosis, Finding, Page


@click.command(cls=Command)
@click.argument("username")
def doctor(username: str) -> None:
    """Say whether somebody can sign in, and if not, why and what mends it."""
    call = face()
    call.require("accounts:view")
    with call.read() as session:
        found = diagnose(call.app, session, find_account(session, username).id, now=now(session))
        text = list(_lines(session, found))
        document = diagnosis_document(found)
    call.answer(document, lambda: text)
    finish(DONE if found.can_sign_in else REFUSED)


def _lines(session: Session, found: Diagnosis) -> Iterator[str]:
    yield plain(found.sentence)
    for each in found.findings:
        yield ""
        yield plain(f"{each.state.upper() if each.state == 'problem' else each.state:<8} {each.subject}: {each.sentence}")
        for more in (each.detail, DONE_BY.get(each.done_by, ""), _command(session, found, each)):
            if more:
                yield plain(f"         {more}")
    if found.sign_ins:
        yield ""
        rows = [[str(each.at)[:19], each.method, each.result, each.address or ""] for each in found.sign_ins]
        yield from table(["last attempts (UTC)", "method", "result", "address"], [[plain(cell) for cell in row] for row in rows])


def _command(session: Session, found: Diagnosis, finding: Finding) -> str:
    """The command that mends it, or where one looks."""
    if finding.action is not None:
        return f"→ rolecall act {finding.action} --account {shlex.quote(found.username)}"
    if finding.code == "nobody-works":
        return "→ rolecall worker"
    if finding.code in ("link-queued", "link-running"):
        return "→ rolecall sync status"
    return "" if finding.page is None else f"→ {_look(session, found, finding.page)}"


def _look(session: Session, found: Diagnosis, page: Page) -> str:
    if page.name == "person" and (person := session.get(Person, page.id)) is not None:
        return f"rolecall people set {shlex.quote(person.code)} --list {person.list}"
    if page.name == "role" and (role := session.get(Role, page.id)) is not None:
        return f"rolecall roles set {shlex.quote(role.name)} --type {role.user_type}"
    if page.name == "integration":
        return f"rolecall plugins check {page.id}"
    if page.name == "external":
        return f"rolecall sync retry --account {shlex.quote(found.username)}"
    if page.name == "sign-ins":
        return f"rolecall audit list --kind sign-in --account {shlex.quote(found.username)}"
    return "rolecall periods"
