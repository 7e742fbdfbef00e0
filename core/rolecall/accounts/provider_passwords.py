"""First passwords of accounts at providers: sealed on the link, handed out with the sign-in name there, and wiped after a time (R23).

Owns how long they are kept. Nobody here learns when one was changed at the provider, so time is what ends them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.store.bulk import among
from rolecall.store.tables import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPassword:
    """What an account signs in with at one provider for the first time; it must change the password there."""

    provider: str
    username: str
    password: str


def sealed_place(link_id: int) -> str:
    """Where the first password of a link is sealed to."""
    return place("link", link_id, "sealed_password")


def kept(session: Session, keyring: Keyring, account_ids: Collection[int]) -> Mapping[int, Sequence[ProviderPassword]]:
    """Open what is still kept for these accounts, by account, in the order of the providers. One statement whatever their number.

    Give them to whoever may hand them out, and to nobody else. What no key opens any more counts as gone.
    """
    columns = (Link.id, Link.account_id, Link.provider, Link.sign_in_name, Link.sealed_password)
    there = (Link.goal == "present", Link.external_id.is_not(None), Link.sign_in_name.is_not(None), Link.sealed_password.is_not(None))
    rows = session.execute(select(*columns).where(Link.account_id.in_(among(session, account_ids)), *there).order_by(Link.provider))
    found: defaultdict[int, list[ProviderPassword]] = defaultdict(list)
    for row in rows:
        try:
            password = keyring.open(row.sealed_password, sealed_place(row.id))
        except SealBroken:
            continue
        found[row.account_id].append(ProviderPassword(provider=row.provider, username=row.sign_in_name, password=password))
    return found


def wipe_old(session: Session, moment: datetime) -> int:
    """Wipe those that are older than the institution keeps them, and return how many those were."""
    until = moment - timedelta(days=core_settings(session)["keep_provider_password_days"])
    old = update(Link).where(Link.sealed_password.is_not(None), Link.external_id.is_not(None), Link.password_since < until)
    result = session.execute(old.values(sealed_password=None, password_since=None), execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], result).rowcount
