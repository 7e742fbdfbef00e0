"""What no action can forget: whose account the actor may act on, and that a batch gives nobody more than the actor holds (Z-04, Z-05).

Looks at what a batch really changed, so it holds for every handler, undo and plugin alike. Knows no action.
"""

from collections.abc import Mapping

from sqlalchemy import false
from sqlalchemy.orm import Session

from rolecall.accounts import escalation, periods, roles
from rolecall.accounts.actors import Actor
from rolecall.accounts.messages import UNUSABLE
from rolecall.errors import Forbidden
from rolecall.sdk.action import Action
from rolecall.sdk.requirement import Requirement
from rolecall.store.tables import Period
from rolecall.work.projection import ROLE, Fields

#: Codes of items that are the answer 403 where one account was named.
FORBIDDEN = frozenset({Forbidden.code, escalation.HIGHER, escalation.OUT_OF_REACH})
#: Codes of items that are the answer 422 where one account was named: a value in its record is wrong.
INVALID = frozenset({UNUSABLE})
_OWNER = "Only the Global Owner, or the operator at the command line, makes somebody the Global Owner."
_BY_OWNER = Requirement(
    code=Forbidden.code, clause=false, message="Only the present Global Owner, or the operator at the command line, can do this."
)
_OWN_ROLE = "You cannot take away the role that you are working with; ask another administrator."


def requirements_of(session: Session, actor: Actor, action: Action) -> tuple[Requirement, ...]:
    """What an account must fulfil for this action by this actor: first that it may be acted on at all."""
    return (*escalation.requirements(session, actor), *own_requirements(actor, action))


def own_requirements(actor: Actor, action: Action) -> tuple[Requirement, ...]:
    """What the action itself asks of an account, and of the actor where it is for the Global Owner alone (R26)."""
    return (_BY_OWNER, *action.requires) if action.owner_only and actor.permissions is not None else action.requires


def refusals(session: Session, actor: Actor, changes: Mapping[int, tuple[Fields, Fields]]) -> dict[int, tuple[str, str]]:
    """Return the accounts that a batch may not leave like this, with code and sentence.

    A role that is there and enabled afterwards was given by this batch where it differs from before, however that came about.
    """
    if actor.permissions is None:
        return {}
    given = {
        account_id: [value for name, value in after.items() if name.startswith(ROLE) and value and value["enabled"]]
        for account_id, (_, after) in changes.items()
    }
    beyond = escalation.roles_beyond(session, actor, {role["role_id"] for held in given.values() for role in held})
    refused: dict[int, tuple[str, str]] = {}
    for account_id, (_, after) in changes.items():
        stronger = next((role["role"] for role in given[account_id] if role["role_id"] in beyond), None)
        if after.get("owner"):
            refused[account_id] = (Forbidden.code, _OWNER)
        elif stronger is not None:
            refused[account_id] = (Forbidden.code, f"“{stronger}” holds permissions that you do not have, so you cannot assign it.")
    own = actor.account_id
    if own is not None and own in changes and _loses_own_role(session, actor, *changes[own]):
        refused.setdefault(own, ("own-account", _OWN_ROLE))
    return refused


def _loses_own_role(session: Session, actor: Actor, before: Fields, after: Fields) -> bool:
    """Whether the role that the actor works with goes, is disabled, or becomes another without ``roles:edit`` (Z-11)."""
    period = periods.current(session) if actor.period_id is None else session.get(Period, actor.period_id)
    name = f"{ROLE}{period.code}" if period is not None else ""
    if not (was := before.get(name)) or not was["enabled"]:
        return False
    becomes = after.get(name)
    if not becomes or not becomes["enabled"]:
        return True
    return _edits_roles(session, was["role_id"]) and not _edits_roles(session, becomes["role_id"])


def _edits_roles(session: Session, role_id: int) -> bool:
    return "roles:edit" in roles.held(session, role_id)
