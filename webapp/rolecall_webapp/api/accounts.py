"""Accounts: the list with every filter word, one account with its history, and opening accounts."""

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy import func, select

from rolecall.errors import Unknown
from rolecall.sdk.lists import FilterContext
from rolecall.sdk.words import LISTS, OUTCOMES
from rolecall.store import accounts_query, filters
from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import SignIn
from rolecall.work import timeline as history
from rolecall.work.documents import Document, account_documents, sign_in_document
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.selection import MOST_IDS
from rolecall_webapp.api import shapes
from rolecall_webapp.api.answers import run_answer
from rolecall_webapp.api.operation import Answer, Call, operation


class AccountsQuery(shapes.Paging):
    """Besides these: every filter word."""

    sort = fields.String(
        load_default="name",
        validate=validate.OneOf([sign + word for word in accounts_query.SORTS for sign in ("", "-")]),
        metadata={"description": "With a hyphen before it: downwards."},
    )


class Opening(Schema):
    """For whom accounts are opened: people, or everybody eligible of a list."""

    EITHER = ("people", "list")

    people = fields.List(shapes.number_id(), validate=validate.Length(min=1, max=MOST_IDS))
    list = shapes.one_of(LISTS)

    @validates_schema
    def one_of_both(self, data: dict[str, object], **_: object) -> None:
        """People or a list."""
        if ("people" in data) == ("list" in data):
            raise ValidationError("Give either people or a list.")


class TimelineEntry(Schema):
    """Something that happened to an account: a run's item, or an event of the audit."""

    at = fields.DateTime(required=True)
    kind = fields.String(required=True, metadata={"description": "The action's id, or the kind of the event."})
    actor = fields.String(required=True)
    address = fields.String(required=True, allow_none=True)
    run = fields.Integer(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    outcome = shapes.one_of(OUTCOMES, required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    before = fields.Dict(required=True, allow_none=True)
    after = fields.Dict(required=True, allow_none=True)


@operation(
    "GET", "/accounts", "List accounts", tag="accounts", permissions=("accounts:view",), query=AccountsQuery, extra_query=True,
    answer=shapes.page_of(shapes.Account), refusals=(422,),
)  # fmt: skip
def list_accounts(call: Call) -> Document:
    """Takes the filter words of the accounts list, those of plugins included; ``total`` is exact."""
    words = {name: value for name, value in call.query.items() if name not in AccountsQuery().fields}
    period_id = filters.chosen_period(call.session, words)
    clauses = filters.compile(call.view.filters, words, FilterContext(session=call.session, period_id=period_id, now=call.now))
    place = {name: call.query[name] for name in ("sort", "limit", "cursor")}
    found = accounts_query.page(call.session, clauses, now=call.now, period_id=period_id, **place)
    documents = account_documents(call.session, [row.id for row in found.rows], now=call.now)
    return shapes.page(documents, next=found.next, total=found.total)


@operation(
    "GET", "/accounts/{account_id}", "Read an account", tag="accounts", permissions=("accounts:view",), answer=shapes.Account,
    refusals=(404,),
)  # fmt: skip
def read_account(call: Call) -> Document:
    """One account with its person, roles and links."""
    _require(call)
    return account_documents(call.session, [call.path["account_id"]], now=call.now)[0]


@operation(
    "GET", "/accounts/{account_id}/timeline", "What happened to an account", tag="accounts", permissions=("accounts:view",),
    query=shapes.Paging, answer=shapes.page_of(TimelineEntry), refusals=(404, 422),
)  # fmt: skip
def read_timeline(call: Call) -> Document:
    """Newest first: what runs did to the account, and other events that are about it."""
    _require(call)
    found = history.timeline(call.session, call.path["account_id"], limit=call.query["limit"], cursor=call.query["cursor"])
    return shapes.page(list(found.items), next=found.next, total=found.total)


@operation(
    "GET", "/accounts/{account_id}/logins", "Sign-ins of an account", tag="accounts", permissions=("accounts:view",),
    query=shapes.Paging, answer=shapes.page_of(shapes.SignIn), refusals=(404, 422),
)  # fmt: skip
def list_logins(call: Call) -> Document:
    """Every attempt to sign in, newest first: time, method, result, address, device."""
    _require(call)
    mine = select(SignIn).where(SignIn.account_id == call.path["account_id"])
    total = call.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    limit = call.query["limit"]
    if call.query["cursor"]:
        mine = mine.where(SignIn.id < read_cursor(call.query["cursor"], (int,))[0])
    found = call.session.scalars(mine.order_by(SignIn.id.desc()).limit(limit + 1)).all()
    more = write_cursor([found[limit - 1].id]) if len(found) > limit else None
    return shapes.page([sign_in_document(row) for row in found[:limit]], next=more, total=total)


@operation(
    "POST", "/accounts", "Open accounts", tag="accounts", permissions=("accounts:create",), body=Opening, keyed=True,
    answers={200: shapes.Run, 202: shapes.Run}, refusals=(409, 422),
)  # fmt: skip
def open_accounts(call: Call) -> Answer:
    """Opens an account for each of these people, or for everybody eligible of a list who has none; answers the run."""
    run_id = start_opening(
        call.app, call.actor, people=call.body.get("people"), people_list=call.body.get("list"), idempotency_key=call.key
    )
    return run_answer(call, run_id)


def _require(call: Call) -> None:
    if not accounts_query.is_listed(call.session, call.path["account_id"]):
        raise Unknown(f"There is no account with the id {call.path['account_id']}.")
