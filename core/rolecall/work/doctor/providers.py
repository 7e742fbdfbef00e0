"""How the account is at each provider, how the provider itself is, and which plugins are left out. Calls nobody.

Owns who does what about each class of error. None of it keeps anybody from signing in here.
"""

from collections.abc import Iterator

from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Link, PluginState
from rolecall.work import brakes
from rolecall.work.doctor.case import Case
from rolecall.work.doctor.finding import ITSELF, OFFICE, OK, OPERATOR, PROVIDER, WARNING, Finding, Page
from rolecall.work.links import DELETED, PRESENT
from rolecall.work.sync.circuit import OPEN, PAUSED

#: What helps against each class of error, and who does it. While a link is tried again, nobody has to.
_HELP = {
    "transient": ("It did not answer. Look whether it is up, then try again.", PROVIDER),
    "ambiguous": ("It gave no clear answer. It is looked up there before anything is sent again.", PROVIDER),
    "permanent": ("It does not take the account as it is. Change what it names, then try again.", OFFICE),
    "not-found": ("The account is gone there. Trying again finds it, or makes it anew.", OFFICE),
    "conflict": ("Somebody else has the name or the address there. Free it there, or change it here; then try again.", OFFICE),
    "misconfigured": ("It refuses the settings. Correct them; everything goes on then.", OFFICE),
    "bad-response": ("Its answer could not be understood. Look at its version and address.", OPERATOR),
    "error": ("The plugin failed. The log of this machine has the details.", OPERATOR),
}


def links(case: Case) -> Iterator[Finding]:
    """The account at each provider: in step, on its way, waiting for another try, or waiting for somebody (R61)."""
    for link in case.links:
        yield _link(case, link)
        if link.goal != PRESENT:
            yield _closed(case, link)
    if case.person.no_sync and case.links:
        yield Finding(
            code="kept-out-of-sync", subject="Sync", state=WARNING,
            sentence="The person is kept out of sync, so no change is sent anywhere.", page=Page(name="person", id=case.person.id),
            done_by=OFFICE,
        )  # fmt: skip


def _link(case: Case, link: Link) -> Finding:
    label, state = case.label(link.provider), sync_state(link, case.now)
    if state == "done":
        since = f" since {case.when(link.settled_at)}" if link.settled_at else ""
        return Finding(code="link-done", subject=label, state=OK, sentence=f"Nothing waits for {label}{since}.")
    if link.brake in brakes.WAITING:
        return Finding(
            code="link-held", subject=label, state=WARNING, page=Page(name="sync", id=link.provider), done_by=OFFICE,
            sentence=f"The account is to be closed at {label} since {case.when(link.changed_at)}; the safety limits hold that.",
            detail="Approve or discard it on the sync page of the provider.",
        )  # fmt: skip
    said = link.error or "it failed without a reason."
    mends, done_by = _HELP.get(link.error_class or "error", _HELP["error"])
    if link.not_before is not None and link.not_before > case.now:
        mends = f"{mends} The next try is on {case.when(link.not_before)}."
    rest, detail = {
        "blocked": (f", and needs somebody: {said}", mends),
        "retrying": (f" and is tried again by itself: {said}", mends),
    }.get(state, (" and is on its way.", ""))
    return Finding(
        code=f"link-{state}",
        subject=label,
        state=WARNING,
        sentence=f"A change waits for {label} since {case.when(link.changed_at)}{rest}",
        detail=detail,
        page=Page(name="external", id=case.account.id),
        done_by=done_by if state == "blocked" else ITSELF,
        until=link.not_before if detail else None,
    )


def _closed(case: Case, link: Link) -> Finding:
    label, open_here = case.label(link.provider), case.account.active and case.account.deleted_at is None
    word = "deleted" if link.goal == DELETED else "suspended"
    verb = "is" if link.synced >= link.wanted else "will be"
    return Finding(
        code=f"remote-{word}",
        subject=label,
        state=WARNING,
        sentence=f"At {label} the account {verb} {word}, so they cannot work there.",
        detail="Their student status says so." if open_here else "It follows the account here, which is closed.",
        page=Page(name="person", id=case.person.id) if open_here else None,
        done_by=OFFICE,
    )


def services(case: Case) -> Iterator[Finding]:
    """The providers that matter to this account, where they are not well (R61), and every other plugin that was left out."""
    concerned = {link.provider for link in case.links} | {case.account.sso_provider} - {None}
    for name in sorted(filter(None, concerned)):
        trouble = _left_out(case, name) or _state(case, name, case.states.get(name))
        if trouble is not None:
            yield trouble
    for name, state in case.states.items():
        if state.enabled and name not in concerned and (trouble := _left_out(case, name)) is not None:
            yield trouble


def _left_out(case: Case, name: str) -> Finding | None:
    """Why an enabled plugin is not there; none when it is, or was never asked for."""
    plugin, label = case.installed.get(name), case.label(name)
    if plugin is None:
        code, sentence = "plugin-missing", f"The plugin {label} is not installed any more."
    elif plugin.fault is not None:
        code, sentence = "plugin-left-out", f"The plugin {label} could not be loaded and was left out."
    elif name not in case.allowed:
        code, sentence = "plugin-not-allowed", f"The plugin {label} is not allowed on this machine."
    else:
        return None
    page = None if plugin is None else Page(name="integration", id=name)
    detail = "What it adds is missing, and what is meant for it waits."
    return Finding(code=code, subject=label, state=WARNING, sentence=sentence, detail=detail, page=page, done_by=OPERATOR)


def _state(case: Case, name: str, state: PluginState | None) -> Finding | None:
    """How a provider is that could be called; none when it is well."""
    label, until, waits = case.label(name), None, "Changes wait; none is lost."
    done_by = OFFICE
    if state is None or not state.enabled:
        code, sentence = "provider-disabled", f"{label} is not enabled, so nothing is sent."
    elif state.fault is not None:
        code, sentence = "provider-misconfigured", f"{label} cannot be used: {state.fault}"
    elif state.state == PAUSED and state.paused_by is None:
        code, sentence, waits = "provider-refuses", f"{label} refuses us: {state.reason}", _HELP["misconfigured"][0]
    elif state.state == PAUSED:
        code, sentence = "provider-paused", f"{label} was paused by {state.paused_by}."
    elif state.state == OPEN:
        code, sentence = "provider-down", f"{label} does not answer and is tried again by itself: {state.reason}"
        done_by, until = ITSELF, state.until
    elif state.until is not None and state.until > case.now:
        code, sentence = "provider-waits", f"{label} asked to be left alone until {case.when(state.until)}."
        done_by, until = ITSELF, state.until
    else:
        return None
    return Finding(
        code=code, subject=label, state=WARNING, sentence=sentence, detail=waits, page=Page(name="integration", id=name), done_by=done_by,
        until=until,
    )  # fmt: skip
