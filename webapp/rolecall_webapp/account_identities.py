"""Who an account is at services that sign it in, as parts of its page (R66)."""

from flask import g

from rolecall.accounts import identities, let_go
from rolecall.store.tables import LetGo, LinkedIdentity
from rolecall_webapp.parts import Cell, Facts, cell

#: By what an identity was linked.
_HOW = {
    "self": "by themselves", "office": "by the office", "converted": "with the conversion", "email": "by a verified address",
    "opened": "with the account, which was opened by signing in",
}  # fmt: skip


def facts(account_id: int) -> list[Facts]:
    """What is known of each identity of an account, and where it was let go."""
    ways = {*g.view.login_methods, let_go.EVERY} if g.view.login_methods else set()
    gone = [each for each in let_go.of_account(g.db, account_id) if each.method in ways]
    return [*map(_one, identities.of_account(g.db, account_id)), *map(_gone, gone)]


def _one(row: LinkedIdentity) -> Facts:
    known = g.view.login_methods.get(row.method)
    return Facts(
        title=f"Signs in with {known.label if known else row.method}",
        facts=[
            ("Identifier there", cell(row.subject)),
            ("Vouched for by", cell(row.issuer)),
            ("Linked", Cell(at=row.linked_at, note=_HOW.get(row.how, row.how))),
            ("Last used", Cell(at=row.last_used_at) if row.last_used_at else cell("never", plain=True)),
        ],
    )


def _gone(row: LetGo) -> Facts:
    where = "any service" if row.method == let_go.EVERY else g.view.login_methods[row.method].label
    return Facts(
        title=f"Does not sign in with {where}",
        facts=[
            ("Let go", Cell(at=row.at)),
            ("Comes back", cell("when they link it under “My account”, or the office links or converts it", plain=True)),
        ],
    )
