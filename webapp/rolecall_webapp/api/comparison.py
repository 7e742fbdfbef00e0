"""Comparisons with providers: starting one, its lines, and decisions about them (R64, R65)."""

from marshmallow import Schema, fields

from rolecall.errors import Unknown
from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.work.documents import Document
from rolecall.work.sync.comparison import job
from rolecall.work.sync.comparison.decisions import DECISIONS, decide, decide_all
from rolecall.work.sync.comparison.documents import comparison_document, match_document
from rolecall.work.sync.comparison.reading import VERDICTS, Wanted, find, lines
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Answer, Call, operation
from rolecall_webapp.api.plugins import installed

_BULK = [each.word for each in DECISIONS.values() if each.bulk]


class Comparison(Schema):
    """How the comparison with a provider is. All but the figures is null before the first one."""

    provider = fields.String(required=True)
    kind = shapes.one_of(("full", "changes"), required=True, allow_none=True)
    state = shapes.one_of(("queued", "running", "done", "failed"), required=True, allow_none=True)
    seen = fields.Integer(required=True, metadata={"description": "Remote accounts read so far."})
    asked_by = fields.String(required=True, allow_none=True)
    asked_at = fields.DateTime(required=True, allow_none=True)
    started_at = fields.DateTime(required=True, allow_none=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    inventory_at = fields.DateTime(required=True, allow_none=True, metadata={"description": "When the last whole list began to be read."})
    compared_at = fields.DateTime(required=True, allow_none=True, metadata={"description": "When the lines were made."})
    error = fields.String(required=True, allow_none=True)
    warning = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What is doubtful about the list; nothing is concluded from what it misses."},
    )
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "Lines by verdict."})
    undecided = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    drifted = fields.Integer(required=True, metadata={"description": "Linked accounts that were changed at the provider."})


class Comparing(Schema):
    """What is read: everything, or what changed since the last comparison, where the provider can tell."""

    kind = shapes.one_of((job.FULL, job.CHANGES), load_default=job.FULL)


class Drift(Schema):
    """An attribute as it was sent last, and as it is there now."""

    before = shapes.Free(required=True, allow_none=True)
    after = shapes.Free(required=True, allow_none=True)


class Match(Schema):
    """One line: an account at the provider, one here, or both."""

    id = fields.Integer(required=True)
    verdict = shapes.one_of(VERDICTS, required=True)
    reason = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    remote = fields.Dict(keys=fields.String(), values=shapes.Free(allow_none=True), required=True)
    suspended = fields.Boolean(required=True, metadata={"description": "It is suspended there."})
    account = fields.Nested(shapes.AccountName, required=True, allow_none=True)
    drift = fields.Dict(keys=fields.String(), values=fields.Nested(Drift), required=True)
    decision = shapes.one_of(DECISIONS, required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    found_at = fields.DateTime(required=True)


class MatchQuery(shapes.Paging):
    """Which lines."""

    verdict = shapes.one_of(VERDICTS)
    drifted = shapes.YesNo(metadata={"description": "Only linked accounts that were changed at the provider."})
    decided = shapes.YesNo(metadata={"description": "Only lines that somebody has decided about, or nobody has."})
    q = shapes.text(100, load_default="", metadata={"description": "A part of a name, user name or e-mail of either side."})


class Deciding(Schema):
    """A decision about one line."""

    decision = shapes.one_of(DECISIONS, required=True)
    overwrite = shapes.Flag(
        load_default=False, metadata={"description": "Adopt: send at once what differs, instead of with the account's next change."}
    )
    account = shapes.number_id(metadata={"description": "Adopt: for this account, whoever the line names."})


class DecidingAll(Schema):
    """A decision about all undecided lines that it applies to."""

    decision = shapes.one_of(_BULK, required=True)
    overwrite = shapes.Flag(load_default=False)


class Decided(Schema):
    """How many lines were decided."""

    decided = fields.Integer(required=True)


@operation(
    "POST", "/plugins/{plugin}/compare", "Compare with a provider", tag="sync", permissions=("integrations:edit",), body=Comparing,
    answers={202: Comparison}, refusals=(404, 409, 422),
)  # fmt: skip
def start_comparison(call: Call) -> Answer:
    """Reads every account there, in the background; the lines of the comparison before stay until it is whole. Nothing is sent."""
    name = installed(call).name
    job.start(call.app, call.actor, name, call.body["kind"])
    with call.read() as session:
        return Answer(document=comparison_document(session, name), status=202, location=f"/plugins/{name}/compare")


@operation(
    "GET", "/plugins/{plugin}/compare", "How a comparison is", tag="sync", permissions=("integrations:view",), answer=Comparison,
    refusals=(404,),
)  # fmt: skip
def read_comparison(call: Call) -> Document:
    """How far it is, or how it ended, and the figures of the last whole one."""
    return comparison_document(call.session, installed(call).name)


@operation(
    "GET", "/plugins/{plugin}/matches", "Lines of a comparison", tag="sync", permissions=("integrations:view",), query=MatchQuery,
    answer=shapes.page_of(Match), refusals=(404, 422),
)  # fmt: skip
def list_matches(call: Call) -> Document:
    """Of the last whole comparison, as far as the token's rights reach."""
    limit = call.query["limit"]
    after = read_cursor(call.query["cursor"], (int,))[0] if call.query["cursor"] else 0
    wanted = Wanted(
        verdict=call.query.get("verdict"), drifted=bool(call.query.get("drifted")), decided=call.query.get("decided"), text=call.query["q"]
    )
    found, total = lines(call.session, installed(call).name, wanted, after=after, limit=limit + 1)
    items = [match_document(each) for each in found[:limit]]
    return shapes.page(items, next=write_cursor([items[-1]["id"]]) if len(found) > limit else None, total=total)


@operation(
    "POST", "/plugins/{plugin}/matches", "Decide about many lines", tag="sync", permissions=("integrations:edit",), body=DecidingAll,
    answer=Decided, refusals=(404, 409, 422),
)  # fmt: skip
def decide_matches(call: Call) -> Document:
    """All that nobody has decided about and that the rights reach. *adopt* and *repair* need ``act:external.sync`` too."""
    name = installed(call).name
    return {"decided": decide_all(call.app, call.actor, name, call.body["decision"], overwrite=call.body["overwrite"])}


@operation(
    "POST", "/plugins/{plugin}/matches/{match_id}", "Decide about a line", tag="sync", permissions=("integrations:edit",), body=Deciding,
    answer=Match, refusals=(404, 409, 422),
)  # fmt: skip
def decide_match(call: Call) -> Document:
    """The line as it is then. *adopt*, *repair* and *create* need ``act:external.sync`` too."""
    name, match_id = installed(call).name, call.path["match_id"]
    decide(
        call.app, call.actor, name, match_id, call.body["decision"], overwrite=call.body["overwrite"], account_id=call.body.get("account")
    )
    with call.read() as session:
        found = find(session, name, match_id)
    if found is None:
        raise Unknown("There is no such line any more.")
    return match_document(found)
