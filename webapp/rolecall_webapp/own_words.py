"""What people are told of their own account, in their own words and without a technical one (R59b).

Owns the sentences about access to providers, about an address, and about attempts to sign in. The office's pages have others.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, Delivery, Link, SignIn
from rolecall.translation import gettext as _
from rolecall_webapp.parts import State

#: Longer waits are not told as minutes: something takes its time.
_SOON = timedelta(minutes=10)
_LATER = State(word=_("Takes longer than usual"), look="wait")

_RESULTS = {
    "ok": State(word=_("Signed in"), look="ok"),
    "wrong-password": State(word=_("Wrong password"), look="bad"),
    "expired": State(word=_("The first-time password was too old"), look="bad"),
    "no-password": State(word=_("There was no password to sign in with"), look="bad"),
    "looked": State(word=_("Looked at by the Global Owner"), look="wait"),
    "code-due": State(word=_("Password right, code asked for"), look="wait"),
    "wrong-code": State(word=_("Wrong code"), look="bad"),
    "no-role": State(word=_("No role in the current period"), look="bad"),
    "unverified": State(word=_("The e-mail was not verified"), look="bad"),
    "disabled": State(word=_("The account was closed"), look="bad"),
    "deleted": State(word=_("The account was closed"), look="bad"),
    "somebody-else": State(word=_("Somebody else came back"), look="bad"),
    "sso": State(word=_("The password is kept elsewhere"), look="bad"),
}
_METHODS = {
    "password": _("with the password"), "link": _("with a link"), "confirmation": _("when the password was asked again"),
    "code": _("with a code of the app"), "recovery-code": _("with a recovery code"),
    "sign_in_as": _("by somebody who could change nothing"),
}  # fmt: skip


def access(link: Link, label: str, *, now: datetime, works: bool) -> tuple[State, str]:
    """How somebody stands at a provider, in a state and a sentence; ``works`` tells whether the provider itself can be reached."""
    if link.goal != "present":
        return State(word=_("Closed"), look="off"), _(
            "Your access to {provider} is closed. Ask the office if it should not be.", provider=label
        )
    state = sync_state(link, now)
    if state == "done":
        return State(word=_("Ready"), look="ok"), _("Your access to {provider} is ready.", provider=label)
    new = link.external_id is None
    if state == "blocked":
        if new:
            told = _("Your access to {provider} is not ready yet. Ask the office.", provider=label)
        else:
            told = _("Your access to {provider} works, but your latest changes are not there yet. Ask the office.", provider=label)
        return State(word=_("The office is needed"), look="bad"), told
    if not works or (link.not_before is not None and link.not_before > now + _SOON):
        if new:
            return _LATER, _("Your access to {provider} will be ready by itself, but it takes longer than usual.", provider=label)
        return _LATER, _("Your latest changes will reach {provider} by itself, but it takes longer than usual.", provider=label)
    if new:
        soon = _("Your access to {provider} will be ready in about 10 minutes.", provider=label)
    else:
        soon = _("Your latest changes will reach {provider} in about 10 minutes.", provider=label)
    return State(word=_("On its way"), look="wait"), soon


def address(account: Account, sent: Delivery | None) -> tuple[list[State], str]:
    """Whether an account's address is verified, and what its owner can do; ``sent`` is the last message with a link."""
    if not account.email:
        return [], _("You have no e-mail address here.")
    if account.email_verified:
        return [State(word=_("verified"), look="ok")], ""
    waiting = [State(word=_("not verified yet"), look="wait")]
    if sent is None or sent.address != account.email or sent.state in ("skipped", "failed", "bounced"):
        return waiting, _("Ask the office to verify it.")
    if sent.state in ("sent", "delivered"):
        return waiting, _("We sent a link there: open it to verify the address.")
    return waiting, _("A message with a link is waiting to be sent there. If none comes, ask the office to verify the address.")


def attempt(row: SignIn) -> State:
    """How an attempt to sign in ended."""
    if row.method == "confirmation" and row.result == "ok":
        return State(word=_("Confirmed"), look="ok")
    return _RESULTS.get(row.result, State(word=_("Not let in"), look="bad"))


def method(row: SignIn, labels: Mapping[str, str]) -> str:
    """How somebody tried to sign in: by what they gave, or where a provider signs people in, through it."""
    return _METHODS.get(row.method) or _("through {service}", service=labels.get(row.method, row.method))
