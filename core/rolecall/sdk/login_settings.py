"""The settings that login methods have beside their own: who gets an account by signing in, and whose second factor counts (R53, R66).

Owns their names and help. Knows nothing of how an account is opened: that is ``work.newcomers``.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.fields import Choices, form_context
from rolecall.sdk.words import TYPE_OF_LIST, USER_TYPES

if TYPE_CHECKING:
    from rolecall.sdk.login import LoginMethod

NOBODY, LISTED, EVERYBODY = "nobody", "listed", "everybody"
NEW_ACCOUNTS = {
    NOBODY: "Nobody",
    LISTED: "People of the lists who have none",
    EVERYBODY: "People of the lists, and whoever is in no list",
}
HERE, TOLD, ALWAYS = "here", "told", "always"
SECOND_FACTORS = {
    HERE: "That of Rolecall",
    TOLD: "That of the service, where it says each time that it asked for one",
    ALWAYS: "That of the service, which always asks for one",
}
#: User types of people whom nobody has entered; administrators are made by a person, from employees (R5).
NEW_TYPES = {each: USER_TYPES[each] for each in TYPE_OF_LIST.values()}
#: More than come on an ordinary day, and few enough that a mistake at the service can be cleared away.
PER_DAY = 500


class NewAccountSettings(Schema):
    """What happens to somebody who proves a verified address of an authoritative domain, and has no account."""

    new_accounts = fields.String(
        load_default=NOBODY,
        validate=validate.OneOf(tuple(NEW_ACCOUNTS), tuple(NEW_ACCOUNTS.values())),
        metadata={
            "label": "Who gets an account by signing in",
            "help": "Only with a verified address of a domain that the service decides about. People of the lists are found by their code, "
            "where the service tells it, or by the e-mail on their record; who was closed or deleted stays so.",
            "risk": "Whoever can get an address of these domains gets in, with the roles below. What the service says of groups and roles "
            "is not looked at.",
            "group": "New accounts",
        },
    )
    new_account_type = fields.String(
        load_default="student",
        validate=validate.OneOf(tuple(NEW_TYPES), tuple(NEW_TYPES.values())),
        metadata={
            "label": "What people in no list become",
            "help": "They are entered into the list of this user type, with the names and the address that the service tells.",
            "group": "New accounts",
        },
    )
    new_account_roles = Choices(
        choices=lambda context: [(each, label) for each, (_, label) in context.modest_roles.items()],
        load_default=list,
        metadata={
            "label": "Roles of these accounts",
            "help": "At most one of each user type, for the current period; the default role is not given by itself. Whoever gets none "
            "cannot sign in until the office gives one. Only roles that change nothing can be chosen.",
            "group": "New accounts",
        },
    )
    new_accounts_per_day = fields.Integer(
        load_default=PER_DAY,
        validate=validate.Range(min=1, max=100_000, error="A whole number from 1 to 100000."),
        metadata={
            "label": "New accounts within 24 hours, at most",
            "help": "Above it nobody gets one by signing in until the 24 hours are over; whoever has an account is not concerned.",
            "group": "New accounts",
            "advanced": True,
        },
    )

    @validates_schema
    def _one_role_of_a_type(self, data: Mapping[str, Any], **_: Any) -> None:
        context = form_context()
        known = context.modest_roles if context is not None else {}
        types = [known[each][0] for each in data.get("new_account_roles") or () if each in known]
        if twice := next((each for each in types if types.count(each) > 1), None):
            raise ValidationError(f"Choose one role for {USER_TYPES[twice].lower()}, not several.", "new_account_roles")


class SecondFactorSettings(Schema):
    """Whether a second factor that the service asks for counts as one here."""

    second_factor_there = fields.String(
        load_default=HERE,
        validate=validate.OneOf(tuple(SECOND_FACTORS), tuple(SECOND_FACTORS.values())),
        metadata={
            "label": "Which second factor counts",
            "help": "Where it is the service's, nobody is asked for a code of Rolecall at signing in, and nobody who signs in there has to "
            "set one up. Before dangerous actions whoever has a code here is asked for it in any case.",
            "risk": "If the service lets somebody in with a password alone, so does Rolecall.",
            "group": "Signing in",
            "connection": False,
        },
    )


#: What no plugin with a login method may call a setting of its own.
RESERVED = frozenset((*NewAccountSettings().fields, *SecondFactorSettings().fields))


@lru_cache
def login_schema(own: type[Schema] | None, *, addresses: bool) -> type[Schema]:
    """Return the schema of a login method's settings: the plugin's own fields, then the common ones.

    ``addresses``: whether the method can speak for addresses, without which nobody gets an account.
    """
    bases: list[type[Schema]] = [SecondFactorSettings]
    if addresses:
        bases.insert(0, NewAccountSettings)
    if own is not None:
        bases.append(own)
    return type(f"{bases[-1].__name__}OfLogin", tuple(bases), {})


def login_method_schema(kind: "type[LoginMethod]", own: type[Schema] | None) -> type[Schema]:
    """Return the schema of all settings of one login method."""
    return login_schema(own, addresses=kind.can_speak_for())
