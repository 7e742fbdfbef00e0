"""Brings the accounts at a provider up to date: what is planned, written down beforehand, called and settled in each round."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import Ambiguous, Misconfigured, Transient
from rolecall.sdk.provider import Change, Provider, Verb
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.work import brakes
from rolecall.work.links import PRESENT
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import groups, intent, limits
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.call import Caller, Planned, tamed
from rolecall.work.sync.claim import Claimed
from rolecall.work.sync.comparison.reading import told_apart
from rolecall.work.sync.conversion import conversion
from rolecall.work.sync.outcome import Outcome
from rolecall.work.sync.plan import plan
from rolecall.work.sync.rounds import Round, Rounds
from rolecall.work.sync.rows import Frame
from rolecall.work.sync.settle import settle

log = structlog.get_logger(__name__)


class AccountRounds(Rounds[Claimed, Planned, Outcome]):
    """Rounds over links of accounts."""

    def decide(self, session: Session, provider: Provider, moment: datetime) -> None:
        """Ask the safety limits about whatever closes accounts."""
        limits.decide(session, provider, moment)

    def plan(self, found: Round[Claimed]) -> tuple[list[Planned], list[Outcome]]:
        """Decide for every link, and write down what will be tried and the passwords of new accounts."""
        with self.app.db.read() as session:
            accounts = account_snapshots(session, [link.account_id for link in found.links])
            guarded = limits.guarded_among(session, [link.account_id for link in found.links if link.brake in brakes.OPEN])
            apart = told_apart(session, self.provider_id, [link.account_id for link in found.links if link.external_id is None])
        planned: list[Planned] = []
        outcomes: list[Outcome] = []
        for link in found.links:
            name, takes = None, None
            try:
                change = plan(
                    found.provider,
                    accounts[link.account_id],
                    link_id=link.id,
                    goal=link.goal,
                    external_id=link.external_id,
                    sent=sent_state.load(link.sent),
                    may_exist=link.may_exist,
                )
                if link.goal == PRESENT and (link.converts or change is not None):
                    account = accounts[link.account_id]
                    name = _sign_in_name(found.provider, account, change)
                    takes = conversion(found.provider, account.id, name) if link.converts and not account.person.no_sync else None
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this account's outcome
                outcomes.append(Outcome(link=link, error=tamed(error, link, "attributes")))
                continue
            if (
                change is not None
                and change.verb in (Verb.SUSPEND, Verb.DELETE)
                and (link.brake not in brakes.OPEN or (link.account_id in guarded and link.brake != brakes.ALONE))
            ):
                # Since the claim it has come to close an account after all, or one that is guarded now: the limits look at it first.
                outcomes.append(Outcome(link=link, change=change, called=False))
            elif change is None:
                outcomes.append(Outcome(link=link, conversion=takes if link.external_id is not None else None))
            else:
                planned.append(
                    Planned(link=link, change=change, apart=apart.get(link.account_id, frozenset()), sign_in_name=name, conversion=takes)
                )
        if planned:
            with self.app.db.write() as session:
                planned, broken = intent.commit_to(session, self.app.keyring, planned)
            outcomes.extend(broken)
        return planned, outcomes

    def prepare(self, found: Round[Claimed], planned: list[Planned]) -> tuple[list[Planned], list[Outcome]]:
        """Make the groups first. If the provider does not answer, only one account has that attempt counted."""
        try:
            groups.ensure(self.app, found.instance, self.provider_id, planned)
        except (Transient, Ambiguous, Misconfigured) as error:
            first, *rest = planned
            failed = Outcome(link=first.link, change=first.change, error=error)
            return [], [failed, *(Outcome(link=each.link, change=each.change, called=False) for each in rest)]
        except (Exception, SystemExit) as error:  # a plugin may raise anything; whoever needs that group will tell what is wrong with it
            log.error("groups not made", provider=self.provider_id, exc_info=error)
        return planned, []

    def carry_out(self, found: Round[Claimed], planned: Sequence[Planned]) -> Iterator[Outcome]:
        """Call the provider."""
        caller = Caller(found.provider, found.lease, seconds=found.instance.call_seconds, failures=found.admission.failures, stop=self.stop)
        return caller.carry_out(planned)

    def write(self, session: Session, frame: Frame, outcomes: Sequence[Outcome]) -> int:
        """Settle."""
        return settle(session, frame, outcomes)


def _sign_in_name(provider: Provider, account: AccountSnapshot, change: Change | None) -> str | None:
    """The name that the person signs in with there once the change is accepted; a name that no link can keep is none.

    Whatever the plugin raises comes out.
    """
    name = provider.sign_in_name(change.wanted if change is not None else provider.attributes(account))
    return name if isinstance(name, str) and 0 < len(name) <= 320 and name.isprintable() else None
