"""The providers' health in a word, whether anybody works, and how the last day or month went."""

from marshmallow import Schema, fields

from rolecall.sdk.words import PROVIDER_STATES
from rolecall.work import jobs
from rolecall.work.documents import Document
from rolecall.work.heartbeat import work
from rolecall.work.sync import samples
from rolecall.work.sync.documents import health_document, history_document, work_document
from rolecall.work.sync.health import WORDS, health, in_order
from rolecall.work.sync.samples import Span
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation
from rolecall_webapp.api.plugins import installed


class ProviderHealth(Schema):
    """How one provider is. Of ``oldest``, what is blocked or held does not count: that waits for somebody."""

    provider = fields.String(required=True)
    label = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    state = shapes.one_of(PROVIDER_STATES, required=True)
    health = shapes.one_of(WORDS, required=True)
    advice = fields.String(required=True, metadata={"description": "What to do."})
    who = fields.String(required=True, metadata={"description": "Whose job that is."})
    until = fields.DateTime(required=True, allow_none=True)
    last_success_at = fields.DateTime(required=True, allow_none=True)
    pending = fields.Integer(required=True, metadata={"description": "Of accounts and classes."})
    oldest = fields.DateTime(required=True, allow_none=True)
    blocked = fields.Integer(required=True)
    held = fields.Integer(required=True)
    accounts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    classes = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class Workers(Schema):
    """Whether anything is being worked off."""

    workers = fields.Integer(required=True)
    looked_at = fields.DateTime(required=True, allow_none=True, metadata={"description": "When somebody last looked for what is due."})
    trouble = fields.String(required=True, allow_none=True, metadata={"description": "Set where nobody works though something waits."})


class SyncHealth(Schema):
    """Every provider, and the workers."""

    items = fields.List(fields.Nested(ProviderHealth), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(required=True)
    work = fields.Nested(Workers, required=True)


class HistoryQuery(Schema):
    """How far back."""

    span = shapes.one_of([each.word for each in Span], load_default=Span.DAY.word)


class WaitingThen(Schema):
    """How much waited at a moment."""

    at = fields.DateTime(required=True)
    pending = fields.Integer(required=True)
    blocked = fields.Integer(required=True)
    held = fields.Integer(required=True)


class WorkDone(Schema):
    """What was done in an hour or a day, and how many attempts failed."""

    from_ = fields.DateTime(required=True, data_key="from")
    done = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class SyncHistory(Schema):
    """The last 24 hours or 30 days at a provider."""

    provider = fields.String(required=True)
    span = shapes.one_of([each.word for each in Span], required=True)
    waiting = fields.List(fields.Nested(WaitingThen), required=True)
    work = fields.List(fields.Nested(WorkDone), required=True)


@operation("GET", "/sync", "How the providers are", tag="sync", permissions=("integrations:view",), answer=SyncHealth)
def read_health(call: Call) -> Document:
    """Each provider in a word, those that need somebody first; and whether anybody works."""
    items = [health_document(each) for each in in_order(health(call.session, call.view))]
    neglected = jobs.neglected(call.app, call.session) is not None
    return {**shapes.page(items), "work": work_document(work(call.session), neglected=neglected)}


@operation(
    "GET", "/plugins/{plugin}/history", "How a provider was", tag="sync", permissions=("integrations:view",), query=HistoryQuery,
    answer=SyncHistory, refusals=(404, 422),
)  # fmt: skip
def read_history(call: Call) -> Document:
    """What waited every ten minutes or hour, and what was done in each hour or day."""
    name, span = installed(call).name, next(each for each in Span if each.word == call.query["span"])
    return history_document(name, span, samples.history(call.session, name, span, call.now))
