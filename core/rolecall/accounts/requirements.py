"""The standard requirements that actions state: one SQL predicate over ``account`` and one sentence each.

Knows what must hold, not who asks; the runner counts, greys out and refuses with them.
"""

from sqlalchemy import ColumnElement, and_, exists, or_

from rolecall.accounts.first_password import SHORTEST_PHONE, has_phone_text, phones_are_allowed
from rolecall.sdk.requirement import Requirement
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account, Link, LinkedIdentity, Person, Role, RolePeriod

__all__ = [
    "ACTIVE",
    "DELETED",
    "HAS_EMAIL",
    "HAS_IDENTITY",
    "HAS_PERSONAL_EMAIL",
    "HAS_PHONE",
    "HAS_ROLE_FOR",
    "HAS_VERIFIED",
    "INACTIVE_OR_DISABLED_PERIODS",
    "LINKED",
    "LINKED_OR_RELEASABLE",
    "LOCAL_PASSWORD",
    "NAME_NOT_BY_HAND",
    "NOT_ADMINISTRATOR",
    "NOT_DELETED",
    "NOT_OWNER",
    "NOT_PROTECTED",
    "NOT_VERIFIED",
    "NOT_YET_OWNER",
    "PERSON_SYNCS",
    "PHONES_ALLOWED",
    "PROTECTED",
    "TYPE",
]


def _person(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Person.id == Account.person_id, *conditions).correlate(Account)


def _disabled_periods() -> ColumnElement[bool]:
    return exists().where(RolePeriod.account_id == Account.id, RolePeriod.enabled.is_(False)).correlate(Account)


NOT_DELETED = Requirement(
    code="deleted",
    clause=lambda: Account.deleted_at.is_(None),
    message="The account is deleted; restore it first.",
)
DELETED = Requirement(
    code="not-deleted",
    clause=lambda: Account.deleted_at.is_not(None),
    message="The account is not deleted.",
)
ACTIVE = Requirement(
    code="not-active",
    clause=lambda: Account.active.is_(True),
    message="The account is not active.",
)
#: What "activate" applies to: closed accounts, and active ones that were disabled from periods (R20).
INACTIVE_OR_DISABLED_PERIODS = Requirement(
    code="already-active",
    clause=lambda: or_(Account.active.is_(False), _disabled_periods()),
    message="The account is active already, and no period is disabled for it.",
)
LOCAL_PASSWORD = Requirement(
    code="sso",
    clause=lambda: Account.sso_provider.is_(None),
    message="The password of this account lives at the provider that signs it in; change it there.",
)
NOT_OWNER = Requirement(
    code="owner",
    clause=lambda: Account.is_owner.is_(False),
    message="The Global Owner cannot be closed, deleted or converted; make somebody else the owner first.",
)
NOT_YET_OWNER = Requirement(
    code="already-owner",
    clause=lambda: Account.is_owner.is_(False),
    message="The account is the Global Owner already.",
)
HAS_EMAIL = Requirement(
    code="no-email",
    clause=lambda: Account.email.is_not(None),
    message="The account has no e-mail address.",
)
HAS_PERSONAL_EMAIL = Requirement(
    code="no-personal-email",
    clause=lambda: _person(Person.email.is_not(None)),
    message="The person has no personal e-mail; add one to their record.",
)
#: For phones as first-time passwords; the message says what the record must hold (R44).
HAS_PHONE = Requirement(
    code="no-phone",
    clause=lambda: _person(has_phone_text()),
    message=f"The person has no mobile phone of {SHORTEST_PHONE} digits or more; add it to their record.",
)
#: Off by default (R48).
PHONES_ALLOWED = Requirement(
    code="disabled",
    clause=phones_are_allowed,
    message="Phones as first-time passwords are switched off; Settings, Accounts & roles says whether they may be used.",
)
#: The Global Owner is one of them; a password that classmates know is not for who can do everything (A-19).
NOT_ADMINISTRATOR = Requirement(
    code="administrator",
    clause=lambda: and_(Account.type != "administrator", Account.is_owner.is_(False)),
    message="Administrators never have a phone number as password.",
)
PROTECTED = Requirement(
    code="not-protected",
    clause=lambda: Account.protected.is_(True),
    message="The account is not protected.",
)
NOT_PROTECTED = Requirement(
    code="already-protected",
    clause=lambda: Account.protected.is_(False),
    message="The account is protected already.",
)
NAME_NOT_BY_HAND = Requirement(
    code="by-hand",
    clause=lambda: Account.name_by_hand.is_(False),
    message="The profile name was written by hand, so it stays as it is.",
)
NOT_VERIFIED = Requirement(
    code="already-verified",
    clause=lambda: or_(Account.email_verified.is_(False), Account.must_verify_email.is_(True)),
    message="The e-mail of this account is verified already.",
)
HAS_VERIFIED = Requirement(
    code="not-verified",
    clause=lambda: or_(Account.email_verified, Account.former_email.is_not(None)),
    message="No e-mail of this account is verified.",
)
#: For ``external.*``: people under "keep out of sync" are left as they are (R2).
PERSON_SYNCS = Requirement(
    code="kept-out-of-sync",
    clause=lambda: _person(Person.no_sync.is_(False)),
    message="The person is kept out of sync; change that on their record first.",
)


def TYPE(*types: str) -> Requirement:  # noqa: N802 - reads as the constant it stands beside
    """The account is of one of these user types (R8)."""
    unknown = set(types) - set(USER_TYPES)
    if unknown or not types:
        raise ValueError(f"TYPE needs user types, not {sorted(unknown)}.")
    labels = " or ".join(USER_TYPES[each].lower() for each in types)
    return Requirement(code="wrong-type", clause=lambda: Account.type.in_(types), message=f"This is for {labels} only.")


def HAS_ROLE_FOR(user_type: str) -> Requirement:  # noqa: N802 - reads as the constant it stands beside
    """Some active role of a user type exists, without which an account of that type could never sign in (R33)."""
    label = USER_TYPES[user_type].lower()
    return Requirement(
        code="no-role-of-type",
        clause=lambda: exists().where(Role.user_type == user_type, Role.active),
        message=f"There is no active role for {label}, so nobody could be given one. Create a role of this type first.",
    )


def LINKED(provider: str | None = None) -> Requirement:  # noqa: N802 - reads as the constant it stands beside
    """The account has a remote account at ``provider``, or at any (R13)."""

    def clause() -> ColumnElement[bool]:
        at = () if provider is None else (Link.provider == provider,)
        held = and_(Link.account_id == Account.id, Link.external_id.is_not(None), Link.goal != "released", *at)
        return exists().where(held).correlate(Account)

    where = "any external provider" if provider is None else provider
    return Requirement(code="not-linked", clause=clause, message=f"The account is not linked to {where}.")


def _releasable() -> ColumnElement[bool]:
    link = exists().where(Link.account_id == Account.id, Link.goal != "released").correlate(Account)
    return or_(link, _identity(), Account.sso_provider.is_not(None))


def _identity() -> ColumnElement[bool]:
    return exists().where(LinkedIdentity.account_id == Account.id).correlate(Account)


#: What disconnecting applies to: any link that is ours still, made already or only wanted, and accounts signed in elsewhere (R39).
LINKED_OR_RELEASABLE = Requirement(
    code="not-linked",
    clause=_releasable,
    message="The account is not linked to any external provider.",
)
#: What unlinking applies to: an identity at a service that signs people in (R66).
HAS_IDENTITY = Requirement(
    code="no-identity",
    clause=_identity,
    message="No identity at another service signs this account in.",
)
