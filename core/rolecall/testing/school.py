"""A school for tests: an application with people in it, in the words of the domain.

``school.student("Anna", linked_to=provider)``, ``school.act("account.deactivate", anna)``, ``school.work()``, ``school.pending(anna)``.
Everything goes the way it goes in earnest, except that people and accounts are put into the tables directly.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from rolecall.accounts.actors import operator
from rolecall.plugins import state
from rolecall.sdk.provider import Provider
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import (
    Account,
    ClassLink,
    ClassMember,
    Comparison,
    Link,
    Match,
    Person,
    PluginState,
    Run,
    RunItem,
    SchoolClass,
    Setting,
)
from rolecall.testing import factories
from rolecall.work import changes, class_links, jobs, links
from rolecall.work.application import Application
from rolecall.work.runs import start
from rolecall.work.runs.selection import of_ids
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync.comparison import job
from rolecall.work.sync.comparison.decisions import decide_all

ProviderLike = type[Provider] | Provider | str


class School:
    """An application and the people of a school. Accounts are named by their ids."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.actor = operator("test")

    def enable(self, provider: ProviderLike, **settings: Any) -> None:
        """Enable an installed provider with these plain settings."""
        with self.app.db.write() as session:
            state.set_enabled(session, self.app.plugins, _id(provider), True, now=now(session))
            factories.set_plain(session, _id(provider), **settings)
            state.next_generation(session)

    def disable(self, provider: ProviderLike) -> None:
        """Disable a provider."""
        with self.app.db.write() as session:
            state.set_enabled(session, self.app.plugins, _id(provider), False, now=now(session))

    def save(self, provider: ProviderLike, **settings: Any) -> None:
        """Save settings, as the integrations page would."""
        with self.app.db.write() as session:
            factories.set_plain(session, _id(provider), **settings)
            session.execute(update(Setting).where(Setting.plugin == _id(provider)).values(changed_at=now(session)))
            state.next_generation(session)

    def configure(self, provider: ProviderLike, values: Mapping[str, Any]) -> None:
        """Enable a provider and save its settings, secrets included, as the integrations page does without a test."""
        changes.set_plugin(self.app, self.actor, _id(provider), enabled=True, values=values, untested=True)

    def hurry(self, provider: ProviderLike) -> None:
        """Let every wait at a provider be over: backoff, Retry-After, and what was blocked."""
        with self.app.db.write() as session:
            links.retry(session, providers=[_id(provider)])
            past = now(session) - timedelta(seconds=1)
            class_links.retry(session, providers=[_id(provider)])
            for table in (Link, ClassLink):
                session.execute(update(table).where(table.provider == _id(provider)).values(not_before=past))
        self.set_provider(provider, state="ok", until=None, failures=0)

    def account(self, first_name: str = "", *, linked_to: ProviderLike | None = None, **values: Any) -> int:
        """Make an account; ``linked_to`` also makes it at that provider, which must be enabled."""
        with self.app.db.write() as session:
            account = factories.make_account(session, first_name, **values)
            if linked_to is not None:
                links.link(session, [account.id], _id(linked_to))
        if linked_to is not None:
            self.work()
        return account.id

    def student(self, first_name: str = "", **values: Any) -> int:
        """Make a student's account."""
        return self.account(first_name, type="student", **values)

    def teacher(self, first_name: str = "", **values: Any) -> int:
        """Make a teacher's account."""
        return self.account(first_name, type="teacher", **values)

    def students(self, number: int) -> list[int]:
        """Make many students' accounts that no provider knows of yet."""
        with self.app.db.write() as session:
            return factories.make_accounts(session, number)

    def school_class(self, *members: int, role: str = "student", **values: Any) -> int:
        """Make a class with these accounts' people in it, and put it behind."""
        with self.app.db.write() as session:
            persons = session.scalars(select(Account.person_id).where(Account.id.in_(members)))
            made = factories.make_class(session, members=dict.fromkeys(persons, role), **values)
            class_links.behind(session, [made.id])
            return made.id

    def change_class(self, class_id: int, **values: Any) -> None:
        """Change a class in its row and put it behind: what any edit comes down to."""
        with self.app.db.write() as session:
            if values:
                session.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(**values))
            class_links.behind(session, [class_id])

    def set_members(self, class_id: int, roles: Mapping[int, str]) -> None:
        """Say who is in a class, by account, and put it behind."""
        with self.app.db.write() as session:
            session.execute(delete(ClassMember).where(ClassMember.class_id == class_id))
            found = session.execute(select(Account.id, Account.person_id).where(Account.id.in_(roles)))
            session.add_all(ClassMember(class_id=class_id, person_id=person_id, role=roles[each]) for each, person_id in found)
            session.flush()
            class_links.behind(session, [class_id])

    def class_link(self, class_id: int, provider: ProviderLike) -> ClassLink | None:
        """The link of a class at a provider, if it has one."""
        with self.app.db.read() as session:
            return session.scalar(select(ClassLink).where(ClassLink.class_id == class_id, ClassLink.provider == _id(provider)))

    def class_key(self, class_id: int) -> str:
        """The external key of a class."""
        with self.app.db.read() as session:
            return session.get_one(SchoolClass, class_id).key

    def set_class_links(self, provider: ProviderLike, **values: Any) -> None:
        """Put the class links of a provider into a state that would take time to reach."""
        with self.app.db.write() as session:
            session.execute(update(ClassLink).where(ClassLink.provider == _id(provider)).values(**values))

    def change(self, *ids: int, person: Mapping[str, Any] | None = None, **values: Any) -> None:
        """Change accounts in their rows, and their persons', and put them behind: what any edit comes down to."""
        with self.app.db.write() as session:
            if values:
                session.execute(update(Account).where(Account.id.in_(ids)).values(**values))
            if person:
                persons = select(Account.person_id).where(Account.id.in_(ids))
                session.execute(
                    update(Person).where(Person.id.in_(persons)).values(**person), execution_options={"synchronize_session": False}
                )
            links.behind(session, ids)
            listing.refresh(session, ids)

    def sync(self, *ids: int) -> None:
        """Put accounts behind without a change."""
        with self.app.db.write() as session:
            links.behind(session, ids)

    def act(self, action: str, *ids: int, agreed: bool = True, **params: Any) -> Run:
        """Run an action on accounts as the operator, to its end, and return the run."""
        request = start.Request(action=action, selection=of_ids(ids), params=params, agreed=agreed)
        run_id = start.start(self.app, self.actor, request)
        self.work_runs(run_id)
        with self.app.db.read() as session:
            return session.get_one(Run, run_id)

    def work_runs(self, run_id: int) -> None:
        """Go on with a run if it is queued."""
        jobs.do(self.app, ("advance", str(run_id)))

    def items(self, run: Run) -> dict[int | None, RunItem]:
        """The lines of a run by account."""
        with self.app.db.read() as session:
            return {item.account_id: item for item in session.scalars(select(RunItem).where(RunItem.run_id == run.id))}

    def work(self) -> int:
        """Work until nothing is due, as ``rolecall worker --once`` does."""
        return jobs.run_once(self.app)

    def compare(self, provider: ProviderLike) -> list[Match]:
        """Compare with a provider, and return the lines; a comparison that does not come to its end is an error."""
        job.start(self.app, self.actor, _id(provider))
        job.compare(self.app, _id(provider))
        with self.app.db.read() as session:
            found = session.get_one(Comparison, _id(provider))
            if found.state != "done":
                raise AssertionError(f"The comparison is {found.state}: {found.error}")
            return list(session.scalars(select(Match).where(Match.provider == _id(provider)).order_by(Match.id)))

    def adopt_all(self, provider: ProviderLike) -> int:
        """Adopt whatever the last comparison recognised."""
        return decide_all(self.app, self.actor, _id(provider), "adopt")

    def forget_links(self, provider: ProviderLike) -> None:
        """Forget that accounts are linked to a provider, as if it had been used before Rolecall was."""
        with self.app.db.write() as session:
            session.execute(delete(Link).where(Link.provider == _id(provider)))

    def pending(self, account_id: int) -> list[str]:
        """The providers at which an account is behind."""
        with self.app.db.read() as session:
            statement = select(Link.provider).where(Link.account_id == account_id, Link.synced < Link.wanted).order_by(Link.provider)
            return list(session.scalars(statement))

    def link(self, account_id: int, provider: ProviderLike) -> Link:
        """The link of an account at a provider."""
        with self.app.db.read() as session:
            return session.scalars(select(Link).where(Link.account_id == account_id, Link.provider == _id(provider))).one()

    def sync_state(self, account_id: int, provider: ProviderLike) -> str:
        """The sync state of an account at a provider, in one word."""
        with self.app.db.read() as session:
            statement = select(links.state(now(session))).where(Link.account_id == account_id, Link.provider == _id(provider))
            return session.scalars(statement).one()

    def provider_state(self, provider: ProviderLike) -> PluginState:
        """How a provider is."""
        with self.app.db.read() as session:
            return session.get_one(PluginState, _id(provider))

    def brakes(self, *ids: int) -> dict[str | None, int]:
        """What the safety limits say of the links of these accounts: how many have which word (R62)."""
        with self.app.db.read() as session:
            found = list(session.scalars(select(Link.brake).where(Link.account_id.in_(ids))))
        return {word: found.count(word) for word in set(found)}

    def a_day_passes(self) -> None:
        """Let what was closed at providers lie a day back, so that it counts no more (R62)."""
        with self.app.db.write() as session:
            for link in session.scalars(select(Link).where(Link.closed_at.is_not(None))):
                link.closed_at = link.closed_at - timedelta(hours=24) if link.closed_at is not None else None

    def snapshot(self, account_id: int) -> AccountSnapshot:
        """An account as providers see it."""
        with self.app.db.read() as session:
            return account_snapshots(session, [account_id])[account_id]

    def key(self, account_id: int) -> str:
        """The external key of an account."""
        return self.snapshot(account_id).key

    def set_link(self, account_id: int, provider: ProviderLike, **values: Any) -> None:
        """Put a link into a state that would take time to reach: leases that end, waits that are over."""
        with self.app.db.write() as session:
            session.execute(update(Link).where(Link.account_id == account_id, Link.provider == _id(provider)).values(**values))

    def set_provider(self, provider: ProviderLike, **values: Any) -> None:
        """Put a provider into a state that would take time to reach."""
        with self.app.db.write() as session:
            session.execute(update(PluginState).where(PluginState.plugin == _id(provider)).values(**values))


def _id(provider: ProviderLike) -> str:
    return provider if isinstance(provider, str) else provider.id
