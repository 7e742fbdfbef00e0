"""Compares what a provider was told last with what it should hold, and says in one change what to do about it, or nothing.

Pure: the sync, the preview and the proof of "no call that is not in the plan" (R63) all use it. Knows nothing of leases and errors.
"""

from types import MappingProxyType
from typing import Any

from rolecall.sdk.provider import Attributes, Change, Provider, Verb
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.work.links import DELETED, PRESENT, SUSPENDED
from rolecall.work.sync import rules
from rolecall.work.sync.sent import Sent


def plan(
    provider: Provider,
    account: AccountSnapshot,
    *,
    link_id: int,
    goal: str,
    external_id: str | None,
    sent: Sent,
    may_exist: bool = False,
) -> Change | None:
    """Return the one change that brings the account to its goal at the provider, or none when nothing has to be called.

    ``may_exist`` says that an earlier attempt to create it may have succeeded without our knowing: a change that closes it then has no
    external id and must look it up first. Whatever the plugin's ``attributes`` raises comes out.
    """
    if account.person.no_sync:
        return None
    facts: dict[str, Any] = {"link_id": link_id, "account": account, "external_id": external_id}
    exists = external_id is not None or may_exist
    if goal == DELETED and provider.can("delete"):
        return Change(verb=Verb.DELETE, before=sent.attributes, **facts) if exists else None
    if goal in (SUSPENDED, DELETED):
        return Change(verb=Verb.SUSPEND, **facts) if exists and sent.may_be_open and provider.can("suspend") else None
    # A closed account whose goal is to be present is one that the integration leaves as it is: neither made nor changed.
    if goal != PRESENT or not account.active or account.deleted:
        return None
    wanted = rules.wanted(provider, account)
    facts["once"] = provider.once & wanted.keys()
    if external_id is None or sent.may_be_deleted:
        return Change(verb=Verb.CREATE, after=wanted, wanted=wanted, **{**facts, "external_id": None})
    held = rules.held(provider, wanted, sent)
    sendable = {name: value for name, value in wanted.items() if name not in held}
    before, after = difference(sent.attributes, sendable, tried=sent.tried)
    # What is not sent stays known as it was sent last.
    wanted = {**sendable, **{name: sent.attributes[name] for name in held if name in sent.attributes}}
    if sent.may_be_suspended and provider.can("resume"):
        after = after if provider.can("update") else {}
        return Change(verb=Verb.RESUME, before=before, after=after, wanted=wanted, **facts)
    if after and provider.can("update"):
        return Change(verb=Verb.UPDATE, before=before, after=after, wanted=wanted, **facts)
    return None


def difference(known: Attributes, wanted: Attributes, *, tried: Attributes = MappingProxyType({})) -> tuple[Attributes, Attributes]:
    """Return the attributes that differ or may differ, as they are known and as they are wanted.

    What was ``tried`` may be there or not. Of such a set nothing that is wanted counts as there, and everything else as what has to go: a
    provider that adds what differs and removes what differs then does both once more, which does no harm. An attribute that is not wanted
    any more is not managed any more: it stays as it is at the provider.
    """
    names = [name for name, value in wanted.items() if name in tried or name not in known or not _same(known[name], value)]
    before = {name: known[name] for name in names if name in known}
    unclear = [name for name in names if isinstance(tried.get(name), frozenset)]
    before |= {name: (_set(tried[name]) | _set(known.get(name))) - _set(wanted[name]) for name in unclear}
    return before, {name: wanted[name] for name in names}


def _same(first: object, second: object) -> bool:
    return first == second and type(first) is type(second)


def _set(value: object) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()
