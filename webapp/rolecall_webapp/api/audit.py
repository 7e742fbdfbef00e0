"""The audit: what was done, by whom, when, from where; newest first."""

from datetime import datetime
from typing import Any

from marshmallow import fields

from rolecall.accounts import audit as log
from rolecall.errors import Invalid
from rolecall.work.documents import Document, audit_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class Instant(fields.AwareDateTime):
    """A time with its zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        # A plus sign that was not written as %2B arrives as a space.
        return super()._deserialize(value.replace(" ", "+") if isinstance(value, str) else value, attr, data, **kwargs)


class AuditQuery(shapes.Paging):
    """Which entries."""

    kind = shapes.text(60)
    actor = shapes.text(200, metadata={"description": "account:12, cli:root ..., or a part of the name."})
    account = shapes.number_id(strict=False)
    run = shapes.number_id(strict=False)
    text = shapes.text(200, metadata={"description": "Anywhere in an entry."})
    since = Instant()
    until = Instant()


@operation(
    "GET", "/audit", "Read the audit", tag="audit", permissions=("audit:view",), query=AuditQuery,
    answer=shapes.page_of(shapes.AuditEntry), refusals=(422,),
)  # fmt: skip
def list_audit(call: Call) -> Document:
    """Append-only and chained: ``rolecall audit verify`` checks that nothing was changed."""
    query = call.query
    filters = log.Filters(
        kind=query.get("kind", ""),
        actor=query.get("actor", ""),
        account_id=query.get("account"),
        run_id=query.get("run"),
        text=query.get("text", ""),
        since=query.get("since"),
        until=query.get("until"),
    )
    if query["cursor"] and not (query["cursor"].isascii() and query["cursor"].isdigit() and len(query["cursor"]) < 10):
        raise Invalid("This page of the list does not exist.", hint="Begin again at the first page.")
    found = log.entries(call.session, filters, cursor=query["cursor"], limit=query["limit"])
    return shapes.page([audit_document(each) for each in found.items], next=found.next, total=log.count(call.session, filters))
