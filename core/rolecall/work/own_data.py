"""What is stored about somebody, as one document for them to take along (R59b).

Owns what belongs into it. Without secrets, and without what the documents of the office say of a provider's troubles.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import sessions
from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, SignIn, WebSession
from rolecall.work.documents import Document, account_documents, moment, sign_in_document

#: What a link says to the one it is about; attempts and errors are the office's.
_LINK = ("provider", "external_id", "goal", "state")


def own_data(session: Session, account_id: int) -> Document:
    """Return the account with its person, roles and links, its messages, sessions and attempts to sign in."""
    account = session.get_one(Account, account_id)
    (document,) = account_documents(session, [account_id])
    signed = select(SignIn).where(SignIn.account_id == account_id).order_by(SignIn.at.desc(), SignIn.id.desc())
    sent = select(Delivery).where(Delivery.account_id == account_id).order_by(Delivery.id.desc())
    return {
        "account": document
        | {
            "links": [{name: link[name] for name in _LINK} for link in document["links"]],
            "language": account.language,
            "name_by_hand": account.name_by_hand,
            "former_email": account.former_email,
            "created_at": moment(account.created_at),
        },
        "messages": [_message(each) for each in session.scalars(sent)],
        "sessions": [_session(each) for each in sessions.of_account(session, account_id, now(session))],
        "sign_ins": [sign_in_document(each) for each in session.scalars(signed)],
    }


def _message(row: Delivery) -> Document:
    return {"kind": row.kind, "address": row.address, "state": row.state, "created_at": moment(row.created_at)}


def _session(row: WebSession) -> Document:
    return {"address": row.address, "device": row.agent, "since": moment(row.created_at), "last_seen_at": moment(row.last_seen_at)}
