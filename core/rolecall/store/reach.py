"""Narrows everything that a session reads to the accounts and people of some user types, whichever statement asks (R58).

The clause is added here, to every statement, and not by whoever writes a query: a page, a filter, a count or a plugin's column cannot
forget it. A session without a limit is left alone and costs nothing. Knows no permission; who is limited is for ``accounts.rights``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, event, exists, not_, or_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.tables import (
    Account,
    ApiToken,
    AuditEntry,
    ClassMember,
    Delivery,
    Handed,
    HandedMember,
    ImportRow,
    LetGo,
    Link,
    LinkedIdentity,
    Listing,
    Match,
    MatchDecision,
    MessagePart,
    OwnName,
    Person,
    PluginData,
    RolePeriod,
    Run,
    RunItem,
    SignIn,
    WebSession,
)

_KEY = "rolecall_reach"
#: Kinds of audit entries that tell of somebody without saying of which account: whoever is limited does not read them.
_ABOUT_SOMEBODY = ("person.%", "sign-in%", "accounts.%", "class.members", "group.%", "messages.again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The user types that are reached, and who looks: one's own account, and what one did, are seen by oneself."""

    types: frozenset[str]
    account_id: int
    actor: str


def limit(session: Session, reach: Reach) -> None:
    """Narrow what a session reads, from now on and for good."""
    session.info[_KEY] = reach
    criteria = _criteria(reach)

    def narrow(state: ORMExecuteState) -> None:
        # An object that is there already and reads another of its columns is not asked again whether it may be there.
        if state.is_select and not state.is_column_load:
            state.statement = state.statement.options(*criteria)

    event.listen(session, "do_orm_execute", narrow)


def lists(types: Iterable[str] | None) -> tuple[str, ...]:
    """The lists of people whose accounts are of these types; administrators are employees, and no list is theirs (R5)."""
    return tuple(each for each, user_type in TYPE_OF_LIST.items() if types is None or user_type in types)


def accounts(types: Iterable[str] | None) -> list[ColumnElement[bool]]:
    """The clauses over ``account`` for a unit without a limit that picks accounts: a selection that is written down."""
    return [] if types is None else [Account.type.in_(sorted(types))]


def people(types: Iterable[str] | None) -> list[ColumnElement[bool]]:
    """The clauses over ``person``: an account of these types, or none and a list of these types."""
    return [] if types is None else [_people(Person, sorted(types))]


def listed_people(session: Session) -> list[ColumnElement[bool]]:
    """The clauses by which one's own record stands in a list of people only where it is one like all others."""
    reach: Reach | None = session.info.get(_KEY)
    return [] if reach is None else people(reach.types)


def _people(person: Any, types: list[str]) -> ColumnElement[bool]:
    # Aliases of the bare table: what is added to statements for Account is not added to these.
    theirs, opened = Account.__table__.alias("reached"), Account.__table__.alias("opened")
    reached = exists().where(theirs.c.person_id == person.id, theirs.c.type.in_(types))
    return or_(reached, and_(person.list.in_(lists(types)), not_(exists().where(opened.c.person_id == person.id))))


@lru_cache(maxsize=512)
def _criteria(reach: Reach) -> list[Any]:
    """What is added to statements. Kept, because building it takes longer than most statements do."""
    return [with_loader_criteria(entity, clause, include_aliases=True) for entity, clause in clauses(reach).items()]


def clauses(reach: Reach) -> dict[type[Any], ColumnElement[bool]]:
    """The clause of every table whose rows are somebody's."""
    types = sorted(reach.types)

    def within(column: Any) -> ColumnElement[bool]:
        """That a row belongs to an account that is reached."""
        table = Account.__table__.alias("reached")
        return exists().where(table.c.id == column, table.c.type.in_(types))

    def own_or_within(column: Any) -> ColumnElement[bool]:
        return or_(column == reach.account_id, within(column))

    def of_own_run(column: Any) -> ColumnElement[bool]:
        run = Run.__table__.alias("own_run")
        return exists().where(run.c.id == column, run.c.actor == reach.actor)

    def of_reached_person(column: Any) -> ColumnElement[bool]:
        person = Person.__table__.alias("of_person")
        return exists().where(person.c.id == column, _people(person.c, types))

    handed = Handed.__table__.alias("of_handed")
    owner = Account.__table__.alias("oneself")
    oneself = exists().where(owner.c.person_id == Person.id, owner.c.id == reach.account_id)
    nobody = and_(RunItem.person_id.is_(None), of_own_run(RunItem.run_id))
    # A run of somebody else's is seen where one of its accounts is: its parameters may tell of whom it is about.
    item = RunItem.__table__.alias("any_item")
    seen = exists().where(item.c.run_id == Run.id, within(item.c.account_id))
    told = and_(AuditEntry.account_id.is_(None), *(not_(AuditEntry.kind.like(each)) for each in _ABOUT_SOMEBODY))
    return {
        Account: or_(Account.type.in_(types), Account.id == reach.account_id),
        # Lists, counts and selections are made of these rows: there one's own account is one like all others.
        Listing: Listing.type.in_(types),
        Person: or_(_people(Person, types), oneself),
        ApiToken: own_or_within(ApiToken.account_id),
        AuditEntry: or_(own_or_within(AuditEntry.account_id), AuditEntry.actor == reach.actor, told),
        ClassMember: of_reached_person(ClassMember.person_id),
        Delivery: own_or_within(Delivery.account_id),
        Handed: of_reached_person(Handed.person_id),
        HandedMember: exists().where(handed.c.key == HandedMember.handed_key, of_reached_person(handed.c.person_id)),
        ImportRow: or_(ImportRow.list.in_(lists(types)), of_own_run(ImportRow.run_id)),
        Link: own_or_within(Link.account_id),
        LetGo: own_or_within(LetGo.account_id),
        LinkedIdentity: own_or_within(LinkedIdentity.account_id),
        # What exists at a provider alone may be anybody.
        Match: own_or_within(Match.account_id),
        MatchDecision: own_or_within(MatchDecision.account_id),
        MessagePart: own_or_within(MessagePart.account_id),
        OwnName: own_or_within(OwnName.account_id),
        PluginData: own_or_within(PluginData.account_id),
        RolePeriod: own_or_within(RolePeriod.account_id),
        Run: or_(Run.actor == reach.actor, seen),
        RunItem: or_(
            own_or_within(RunItem.account_id), and_(RunItem.account_id.is_(None), or_(of_reached_person(RunItem.person_id), nobody))
        ),
        SignIn: own_or_within(SignIn.account_id),
        WebSession: own_or_within(WebSession.account_id),
    }
