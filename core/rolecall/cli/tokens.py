"""``rolecall tokens``: bearer tokens of the API. One acts with its account's rights, and is shown once."""

from datetime import timedelta
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, escalation
from rolecall.accounts import tokens as rules
from rolecall.cli.face import Misused, face, find_account
from rolecall.cli.frame import Words
from rolecall.cli.output import plain
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, ApiToken
from rolecall.work.documents import Document, moment


@click.group(cls=Words, default="list")
def tokens() -> None:
    """Tokens for the API."""


@tokens.command("list")
def list_tokens() -> None:
    """List the tokens; what they are is not kept, only how they begin."""
    call = face()
    actor = call.actor
    own = None if actor.may("tokens:view") else actor.account_id
    with call.read() as session:
        items = _documents(session, rules.of_account(session, own))
    columns: dict[str, Any] = {
        "token": "id", "name": "name", "account": "account", "begins with": "hint", "until": lambda each: str(each["expires_at"])[:10],
        "last used": lambda each: str(each["last_used_at"] or "")[:10], "": lambda each: "revoked" if each["revoked_at"] else "",
    }  # fmt: skip
    call.answer_list(items, columns, none="There are no tokens.")


@tokens.command("create")
@click.argument("name")
@click.option("--account", "username", metavar="USERNAME", help="Whose rights it has; with --as, that account's own.")
@click.option("--days", default=rules.LONGEST.days, show_default=True, type=click.IntRange(1, rules.LONGEST.days), help="Valid so long.")
def create(name: str, username: str | None, days: int) -> None:
    """Make a token; NAME says what will use it. It is printed now and never again."""
    call = face()
    actor = call.actor
    if username is None and actor.account_id is None:
        raise Misused("Say whose rights the token shall have.", hint="Add --account USERNAME.")

    def unit(session: Session) -> tuple[str, Document]:
        account = session.get_one(Account, actor.account_id) if username is None else find_account(session, username)
        if actor.account_id is not None:
            actor.require("tokens:create")
            if account.id != actor.account_id:
                raise Forbidden("A token can be made for one's own account only.", hint="It would lend the other account's rights.")
        if not account.active or account.deleted_at is not None:
            raise Refused(f"The account {account.username} is not active, so its token would not work.")
        token, row = rules.create(session, account.id, name=name, now=now(session), lasts=timedelta(days=days))
        (document,) = _documents(session, [row])
        payload = {"token": row.id, "name": row.name, "expires_at": row.expires_at}
        audit.append(session, actor=actor, kind="token.create", payload=payload, account_id=account.id)
        return token, document

    token, document = call.app.db.attempt(unit)
    call.answer({**document, "token": token}, token)
    if not call.as_json:
        click.echo(f"Valid until {document['expires_at'][:10]}. It is not shown again.", err=True)


@tokens.command("revoke")
@click.argument("token_id", metavar="TOKEN", type=int)
def revoke(token_id: int) -> None:
    """Make a token worthless from now on; TOKEN is its number in the list."""
    call = face()
    actor = call.actor
    own = None if actor.may("tokens:delete") else actor.account_id

    def unit(session: Session) -> Document:
        holder = session.scalar(select(ApiToken.account_id).where(ApiToken.id == token_id))
        if holder is not None and own is None and holder != actor.account_id:
            escalation.require_account(session, actor, holder)
        rules.revoke(session, token_id, now=now(session), account_id=own)
        row = session.get_one(ApiToken, token_id)
        audit.append(session, actor=actor, kind="token.revoke", payload={"token": row.id, "name": row.name}, account_id=row.account_id)
        (document,) = _documents(session, [row])
        return document

    document = call.app.db.attempt(unit)
    call.answer(document, f"Revoked: {plain(document['name'])} ({plain(document['hint'])}…).")


def _documents(session: Session, rows: list[ApiToken]) -> list[Document]:
    named = select(Account.id, Account.username).where(Account.id.in_({row.account_id for row in rows}))
    names = {row.id: row.username for row in session.execute(named)}
    return [
        {
            "id": row.id, "name": row.name, "account": names.get(row.account_id), "hint": row.hint, "created_at": moment(row.created_at),
            "expires_at": moment(row.expires_at), "last_used_at": moment(row.last_used_at), "revoked_at": moment(row.revoked_at),
        }
        for row in rows
    ]  # fmt: skip
