"""What a new institution begins with, and its first employee, administrator and Global Owner in one step (R1, R3, R50, R59).

Run once, by ``init`` and by whoever sets up a school for a test or a demonstration.
"""

from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import people, periods, role_periods, roles, statuses, usernames
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import USER_TYPES
from rolecall.store import listing
from rolecall.store.engine import now as database_now
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Period, Setting, UsernameClaim

#: Label, type and what providers do (R3).
STATUSES = (
    ("Registered", "registered", "create"),
    ("Admission", "admission", "nothing"),
    ("Graduated", "graduated", "suspend"),
    ("Withdrawn", "withdrawn", "suspend"),
)
_SEEDER = Actor(name="cli:init", label="init", permissions=None)


def seed(session: Session, *, institution: str, academic_year: int | None = None, now: datetime | None = None) -> Period:
    """Make the student statuses, a default role per user type, and the academic year as the current period; return the period.

    The default administrator role may do everything in the areas and no action yet: whoever sets up gives it those (R58). What is there
    already is left as it is, so that an interrupted set-up can be repeated.
    """
    moment = now or database_now(session)
    year = academic_year or periods.academic_year(moment.date())
    known = statuses.ids_by_key(session)
    for label, kind, provider_action in STATUSES:
        if statuses.label_key(label) not in known:
            statuses.create(session, label=label, type=kind, provider_action=provider_action)
    having = roles.default_roles(session)
    for user_type in USER_TYPES:
        if user_type not in having:
            permissions = roles.AREA_PERMISSIONS if user_type == "administrator" else ()
            roles.create(
                session, name=f"Default {user_type}", user_type=user_type, actor=_SEEDER, permissions=permissions, is_default=True
            )  # fmt: skip
    if session.get(Setting, ("core", "institution_name")) is None:
        session.add(
            Setting(plugin="core", key="institution_name", value={"value": institution}, changed_at=moment, changed_by=_SEEDER.label)
        )
    period = periods.current(session)
    if period is None:
        name = f"{year}/{(year + 1) % 100:02}"
        period = periods.create(session, code=str(year), name=name, starts_on=date(year, 9, 1), ends_on=date(year + 1, 8, 31))
        periods.make_current(session, period.id)
    session.flush()
    return period


def create_owner(
    session: Session,
    *,
    username: str,
    password_hash: str,
    first_name: str = "",
    last_name: str = "",
    email: str | None = None,
    code: str = "",
    now: datetime | None = None,
) -> Account:
    """Make the first employee with an administrator account that is the Global Owner; return the account.

    ``password_hash`` was made before the transaction began. Empty names are made of the user name. The role of the current period is
    the default one of administrators.

    :raises Refused: when there is an owner already.
    :raises Invalid: when the user name, a name or the e-mail cannot be one.
    """
    moment = now or database_now(session)
    if session.scalar(select(Account.id).where(Account.is_owner.is_(True))) is not None:
        raise Refused("This institution has a Global Owner already.", hint="Only they transfer the right, or the command line does.")
    name, key = usernames.check(username)
    if session.get(UsernameClaim, key) is not None:
        raise Refused(f"The user name {name} is taken.", hint="Choose another.")
    person = people.create(
        session,
        {
            "list": "employees",
            "code": code or name,
            "first_name": first_name or name,
            "last_name": last_name or name,
            "email": email,
        },
        now=moment,
    )
    address = email_key(person.email) if person.email else None
    if address and address != key and usernames.emails_that_are_usernames(session, [address]):
        raise Invalid(f"The e-mail {email} is somebody's user name.", fields={"email": ["Choose another address."]})
    account = Account(
        key=str(uuid4()),
        person_id=person.id,
        type="administrator",
        username=name,
        username_key=key,
        email=person.email,
        email_key=address,
        email_verified=False,
        first_name=person.first_name,
        last_name=person.last_name,
        active=True,
        must_change_password=False,
        password_hash=password_hash,
        is_owner=True,
        version=1,
        created_at=moment,
    )
    session.add(account)
    session.flush()
    session.add(UsernameClaim(key=key, username=name, account_id=account.id, claimed_at=moment))
    session.flush()
    period, role = periods.current(session), roles.default_roles(session).get("administrator")
    if period is not None and role is not None:
        role_periods.assign(session, [account.id], period.id, role, "add", now=moment)
    listing.refresh(session, [account.id])
    return session.get_one(Account, account.id)
