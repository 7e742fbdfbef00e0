"""What an integration's settings do to what a plugin wants to be there: which roles become groups, what is set once, what is never changed.

Owns these rules for every provider, so that no plugin can forget one (R54). Pure: it reads settings and values and calls nobody.
"""

from dataclasses import replace

from rolecall.sdk.provider import Attributes, Provider
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.sent import Sent


def is_report_only(provider: Provider) -> bool:
    """Whether nothing may be sent, and what would be is only shown."""
    return bool(provider.settings.get("report_only"))


def wanted(provider: Provider, account: AccountSnapshot) -> Attributes:
    """Return what the provider should hold of an account, with groups only for the roles that are to become some.

    Whatever the plugin's ``attributes`` raises comes out.
    """
    attributes = sent_state.check(provider.attributes(account))
    how = provider.settings.get("grouped") or "all"
    if how == "all" or "groups" not in attributes:
        return attributes
    # The plugin alone knows the key of a role's group, so it is asked as if the account had no other roles.
    chosen = {int(each) for each in provider.settings.get("grouped_roles") or ()} if how == "chosen" else set()
    roles = tuple(role for role in account.roles if role.role_id in chosen)
    return {**attributes, "groups": sent_state.check(provider.attributes(replace(account, roles=roles)))["groups"]}


def held(provider: Provider, attributes: Attributes, sent: Sent) -> frozenset[str]:
    """Return the attributes of an account that is there already and of which nothing is sent any more.

    What is set once is sent until it has had a value, and never to an account that was taken over: its value there counts. Having none
    ourselves is no reason to empty theirs.
    """
    if provider.settings.get("only_on_creation"):
        return frozenset(attributes)
    once = provider.once & attributes.keys()
    return frozenset(name for name in once if name in sent.kept or not attributes[name] or sent.attributes.get(name) not in (None, ""))
