"""Everything about one account that the doctor looks at, read once in a fixed number of statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts import acting, eligibility, passwords, second_factor, throttle
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.errors import Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.store.tables import Account, Delivery, Link, Listing, Period, Person, PluginState, Role, RolePeriod, Run, RunItem, SignIn
from rolecall.work import heartbeat
from rolecall.work.application import Application
from rolecall.work.doctor.history import Deed, last_deed
from rolecall.work.heartbeat import Work
from rolecall.work.links import RELEASED

#: Attempts that are shown; the account's own page has all of them.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role that the account has in a period, whether it counts there or not."""

    period: str
    is_current: bool
    enabled: bool
    role_id: int
    role: str
    role_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What a worker has still to do for the account, beside what its links say: its part of a run, and messages."""

    action: bool
    message: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One account as it is now, with what surrounds it."""

    now: datetime
    zone: str
    account: Account
    person: Person
    #: Why the person may not have an account; none when they may.
    refusal: str | None
    period: str | None
    roles: Sequence[Held]
    links: Sequence[Link]
    locks: Sequence[throttle.Lock]
    #: The network of the last attempt, from where the verdict is given, and those that the account signed in from before.
    place: str | None
    familiar: Collection[str]
    sign_ins: Sequence[SignIn]
    #: How many other accounts sign in with the address, or with the one before its change; by address.
    sharing: Mapping[str, int]
    #: Whether the own password is older than the institution wants.
    too_old: bool
    #: Whether a code of a second factor is asked for, and whether one must be set up first.
    has_factor: bool
    factor_due: bool
    #: When guesses at a phone number used up the password, where there is none since.
    burned_at: datetime | None
    #: Whether a first-time password is kept that can be read.
    first_opens: bool
    deed: Deed | None
    #: Whether anybody looks for what is due, and what of this account is.
    work: Work
    waits: Waits
    view: View
    installed: Mapping[str, Plugin]
    allowed: Collection[str]
    states: Mapping[str, PluginState]

    def when(self, at: datetime) -> str:
        """A time as people of the institution write it."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%-d %B %Y, %H:%M}"

    def action(self, action_id: str) -> str | None:
        """The id of an action if some enabled plugin registers it."""
        return action_id if action_id in self.view.actions else None

    def label(self, provider: str) -> str:
        """What a provider is called."""
        kind, plugin = self.view.providers.get(provider), self.installed.get(provider)
        return kind.label if kind else plugin.label if plugin else provider


def read(app: Application, session: Session, account_id: int, *, now: datetime) -> Case:
    """Read what there is to know about an account.

    :raises Unknown: when there is none in the lists that the session reads.
    """
    row = session.execute(
        select(Account, Person)
        .join(Person, Person.id == Account.person_id)
        .join(Listing, Listing.account_id == Account.id)
        .where(Account.id == account_id)
    ).one_or_none()
    if row is None:
        raise Unknown(f"There is no account with the id {account_id}.")
    account, person = row
    sign_ins = session.scalars(
        select(SignIn)
        .where(SignIn.account_id == account_id, SignIn.method != acting.METHOD)
        .order_by(SignIn.at.desc(), SignIn.id.desc())
        .limit(ATTEMPTS)
    ).all()
    place = next((throttle.network(each.address) for each in sign_ins if each.address), None)
    familiar = throttle.familiar(session, account_id)
    places = familiar if place is None else familiar | {place}
    return Case(
        now=now,
        zone=core_settings(session)["time_zone"],
        account=account,
        person=person,
        refusal=eligibility.refusal_of(session, person.id),
        period=session.scalar(select(Period.name).where(Period.is_current)),
        roles=_roles(session, account_id),
        links=session.scalars(select(Link).where(Link.account_id == account_id, Link.goal != RELEASED).order_by(Link.provider)).all(),
        locks=throttle.locks(session, account_id, places, now=now),
        place=place,
        familiar=familiar,
        sign_ins=sign_ins,
        sharing=_sharing(session, account),
        has_factor=bool(session.scalar(select(second_factor.is_on()).where(Account.id == account_id))),
        factor_due=bool(session.scalar(select(second_factor.is_due(Account.sso_provider.is_not(None))).where(Account.id == account_id))),
        too_old=passwords.is_too_old(session, account.password_changed_at or account.created_at, now),
        burned_at=_burned_at(session, account),
        first_opens=_opens(app.keyring, account),
        deed=last_deed(session, account),
        work=heartbeat.work(session),
        waits=_waits(session, account_id),
        view=app.plugins.view(session),
        installed=app.plugins.installed,
        allowed=frozenset(name for name in app.plugins.installed if app.plugins.may_enable(name)),
        states={each.plugin: each for each in session.scalars(select(PluginState).order_by(PluginState.plugin))},
    )


def _roles(session: Session, account_id: int) -> list[Held]:
    rows = session.execute(
        select(Period.name, Period.is_current, RolePeriod.enabled, Role.id, Role.name, Role.active)
        .join(RolePeriod, RolePeriod.period_id == Period.id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id == account_id)
        .order_by(Period.starts_on.desc(), Period.id.desc())
    )
    return [
        Held(period=period, is_current=current, enabled=enabled, role_id=role_id, role=role, role_active=active)
        for period, current, enabled, role_id, role, active in rows
    ]


def _sharing(session: Session, account: Account) -> dict[str, int]:
    """Count who else would sign in with the same addresses. Everybody counts, whomever the reader reaches: signing in asks for all."""
    session.flush()
    counts = {}
    for key in filter(None, (account.email_key if account.email_verified else None, account.former_email_key)):
        held = or_(and_(Account.email_key == key, Account.email_verified), Account.former_email_key == key)
        others = select(func.count()).select_from(Account).where(held, Account.deleted_at.is_(None), Account.id != account.id)
        counts[key] = session.connection().scalar(others) or 0
    return counts


def _waits(session: Session, account_id: int) -> Waits:
    under_way = select(RunItem.n).join(Run, Run.id == RunItem.run_id).where(Run.state.in_(("queued", "running")))
    action = under_way.where(RunItem.account_id == account_id, RunItem.outcome == "waiting").exists()
    message = select(Delivery.id).where(Delivery.account_id == account_id, Delivery.state == "queued").exists()
    row = session.execute(select(action.label("action"), message.label("message"))).one()
    return Waits(action=bool(row.action), message=bool(row.message))


def _burned_at(session: Session, account: Account) -> datetime | None:
    if account.password_hash is not None or account.sealed_password is not None:
        return None
    burned = select(SignIn.at).where(SignIn.account_id == account.id, SignIn.result == "burned").order_by(SignIn.at.desc()).limit(1)
    return session.scalar(burned)


def _opens(keyring: Keyring, account: Account) -> bool:
    """Whether the sealed first-time password can be opened; what it is, nobody learns here."""
    if account.sealed_password is None:
        return False
    try:
        keyring.open(account.sealed_password, passwords.sealed_place(account.id))
    except SealBroken:
        return False
    return True
