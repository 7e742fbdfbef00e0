"""Who an account is at services that sign it in, as parts of its page (R66)."""

from flask import g

from rolecall.accounts import identities
from rolecall.store.tables import LinkedIdentity
from rolecall_webapp.parts import Cell, Facts, cell

#: By what an identity was linked.
_HOW = {
    "self": "by themselves", "office": "by the office", "converted": "with the conversion", "email": "by a verified address",
    "opened": "with the account, which was opened by signing in",
}  # fmt: skip


def facts(account_id: int) -> list[Facts]:
    """What is known of each identity of an account."""
    return [_one(each) for each in identities.of_account(g.db, account_id)]


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
