"""Makes the lines of a comparison of both sides: matched, adoptable, here, there, conflict (R64).

Set-based: each rule is one statement over the inventory, in the order in which they count, and takes what no rule before it took. The
caller's transaction replaces the former lines wholly or not at all. Rules about names are in `candidates`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, delete, exists, func, insert, literal, null, or_, select, update
from sqlalchemy.orm import Session, aliased

from rolecall.store.tables import Account, Link, Match, MatchDecision, RemoteAccount
from rolecall.work import links
from rolecall.work.links import Integration
from rolecall.work.sync.comparison import candidates
from rolecall.work.sync.comparison.lines import COLUMNS, apart, left, line, of, there
from rolecall.work.sync.comparison.own import ours

_FOREIGN = literal("It is linked, but carries the key of somebody else (")
_OPTIONS = {"synchronize_session": False}

#: More missing accounts than this, and than a tenth of all that are linked, are taken for a list that is not whole.
FEW = 5


def classify(session: Session, integration: Integration, number: int, moment: datetime, *, began: datetime) -> str | None:
    """Replace the lines of a provider; ``number`` is the inventory, which began to be read at ``began``.

    Returns the sentence why the inventory is doubtful, if it is: then nothing is concluded from what it misses.
    """
    provider = integration.provider
    doubt = _doubt(session, provider, number, began)
    session.execute(delete(Match).where(Match.provider == provider))
    for rule in (_linked, _by_key):
        _insert(session, rule(provider, number, moment, integration, whole=doubt is None))
    _insert(session, candidates.by_name(provider, number, moment))
    _insert(session, _rest(provider, number, moment))
    _insert(session, _only_here(integration, number, moment, began, whole=doubt is None))
    _keep_decisions(session, provider)
    return doubt


def _insert(session: Session, rows: Select[Any]) -> None:
    session.execute(insert(Match).from_select(list(COLUMNS), rows), execution_options=_OPTIONS)


def _doubt(session: Session, provider: str, number: int, began: datetime) -> str | None:
    settled = or_(Link.settled_at.is_(None), Link.settled_at < began)
    linked = (Link.provider == provider, Link.goal != links.RELEASED, Link.external_id.is_not(None), settled)
    every = session.scalar(select(func.count()).select_from(Link).where(*linked)) or 0
    missing = session.scalar(select(func.count()).select_from(Link).where(*linked, ~there(provider, number, Link.external_id))) or 0
    seen = session.scalar(select(func.count()).select_from(RemoteAccount).where(*of(provider, number))) or 0
    if missing and (not seen or missing > max(FEW, every // 10)):
        return (
            f"The provider listed {seen:,} accounts, and {missing:,} of the {every:,} linked ones were not among them. "
            "That is more than can be believed, so none of them counts as gone. Look at the permissions of the connection, then compare."
        )
    return None


def _linked(provider: str, number: int, moment: datetime, _integration: Integration, *, whole: bool) -> Select[Any]:
    foreign = and_(RemoteAccount.key.is_not(None), RemoteAccount.key != Account.key)
    reason = case((foreign, _FOREIGN.concat(RemoteAccount.key).concat(literal(")."))), else_="")
    # What was sent since the account was read cannot be compared with it.
    stale = and_(Link.settled_at.is_not(None), Link.settled_at >= RemoteAccount.read_at)
    drift = case((or_(foreign, stale, Link.leased_until > moment), null()), else_=RemoteAccount.drift)
    verdict = case((foreign, "conflict"), else_="matched")
    return (
        select(*line(moment, Account.id, verdict, reason, drift))
        .join(Link, and_(Link.provider == provider, Link.external_id == RemoteAccount.external_id, Link.goal != links.RELEASED))
        .join(Account, Account.id == Link.account_id)
        .where(*of(provider, number))
    )


def _by_key(provider: str, number: int, moment: datetime, integration: Integration, *, whole: bool) -> Select[Any]:
    elsewhere = aliased(Link)
    is_elsewhere = (elsewhere.provider == provider, elsewhere.account_id == Account.id, elsewhere.goal != links.RELEASED)
    held = [elsewhere.external_id.is_not(None), *([there(provider, number, elsewhere.external_id)] if whole else [])]
    linked = exists().where(*is_elsewhere, *held)
    twins = aliased(RemoteAccount)
    several = exists().where(
        twins.provider == provider, twins.number == number, twins.key == RemoteAccount.key, twins.external_id != RemoteAccount.external_id
    )
    separate = apart(provider, RemoteAccount.external_id, Account.id)
    foreign = Account.id.not_in(ours(integration))
    who = literal("It carries the key of ").concat(Account.username)
    reason = case(
        (separate, "Somebody decided that it is another person's."),
        (linked, who.concat(literal(", who is linked to another account there."))),
        (several, who.concat(literal(", and so does another account there."))),
        (foreign, who.concat(literal(", whom this integration does not keep in step."))),
        else_=who.concat(literal(".")),
    )
    verdict = case((separate, "there"), (or_(linked, several), "conflict"), (foreign, "there"), else_="adoptable")
    account_id = case((separate, null()), else_=Account.id)
    statement = select(*line(moment, account_id, verdict, reason)).join(Account, Account.key == RemoteAccount.key)
    return statement.where(*of(provider, number), left(provider, RemoteAccount.external_id))


def _rest(provider: str, number: int, moment: datetime) -> Select[Any]:
    keyed = literal("It carries a key that is nobody's here (").concat(RemoteAccount.key).concat(literal(")."))
    reason = case((RemoteAccount.key.is_not(None), keyed), else_="Nobody here has its user name or e-mail.")
    return select(*line(moment, null(), literal("there"), reason)).where(*of(provider, number), left(provider, RemoteAccount.external_id))


def _only_here(integration: Integration, number: int, moment: datetime, began: datetime, *, whole: bool) -> Select[Any]:
    provider = integration.provider
    link = aliased(Link)
    recent = link.settled_at >= began
    named = candidates.named(provider, number, Account.id)
    blocked = and_(link.synced < link.wanted, link.blocked)
    gone = literal("The account there that it is linked to (").concat(link.external_id).concat(literal(") is gone."))
    reason = case(
        (and_(link.external_id.is_not(None), recent), "It was made there while the list was read."),
        (and_(link.external_id.is_not(None), literal(whole)), gone),
        (link.external_id.is_not(None), "The list did not have its account, but the list cannot be believed."),
        (named, "Accounts there have its user name or e-mail, but which one is its own is not clear."),
        (blocked, "It could not be made there; the sync says why."),
        (link.synced < link.wanted, "It is not made there yet."),
        else_="It is made there with its next change.",
    )
    verdict = case((and_(link.external_id.is_(None), named), "conflict"), else_="here")
    found = (literal(provider), null(), Account.id, verdict, reason, literal({}, Match.remote.type), literal(False), null())
    return (
        select(*found, literal(moment, Match.found_at.type))
        .outerjoin(link, and_(link.account_id == Account.id, link.provider == provider, link.goal != links.RELEASED))
        .where(Account.id.in_(ours(integration)), ~exists().where(Match.provider == provider, Match.account_id == Account.id))
        .order_by(Account.id)
    )


def _keep_decisions(session: Session, provider: str) -> None:
    """Write what was decided before into the lines that it is about; what is matched needs none."""
    same = and_(
        MatchDecision.external_id.is_not_distinct_from(Match.external_id), MatchDecision.account_id.is_not_distinct_from(Match.account_id)
    )
    about = or_(
        and_(MatchDecision.decision == "ignore", same),
        and_(MatchDecision.decision == "separate", MatchDecision.external_id == Match.external_id, Match.verdict == "there"),
    )
    found = (MatchDecision.provider == provider, about)
    for column in (Match.decision, Match.decided_by):
        source = MatchDecision.decision if column is Match.decision else MatchDecision.decided_by
        latest = select(source).where(*found).order_by(MatchDecision.id.desc()).limit(1).correlate(Match).scalar_subquery()
        session.execute(
            update(Match).where(Match.provider == provider, Match.verdict != "matched", exists().where(*found)).values({column: latest}),
            execution_options=_OPTIONS,
        )
