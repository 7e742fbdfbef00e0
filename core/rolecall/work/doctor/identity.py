"""Who they are: the person's record, the state of the account, its e-mail, and its role in the current period."""

from collections.abc import Iterator

from rolecall.work.doctor.case import Case
from rolecall.work.doctor.finding import OFFICE, OK, PERSON, PROBLEM, WARNING, Finding, Page

_PERSON, _ACCOUNT, _EMAIL, _ROLE = "Person", "Account", "E-mail", "Role"


def person(case: Case) -> Iterator[Finding]:
    """Whether the person may have an account (R4). The account's own state decides; a rule may have set it (R7)."""
    if case.refusal is None:
        yield Finding(code="person", subject=_PERSON, state=OK, sentence="The person may have an account.")
        return
    yield Finding(
        code="person-status" if case.person.active else "person-inactive",
        subject=_PERSON,
        state=WARNING,
        sentence=case.refusal,
        detail="" if case.account.closed_by_rule else "This alone keeps nobody out: what counts is the state of the account.",
        page=Page(name="person", id=case.person.id),
        done_by=OFFICE,
    )


def account(case: Case) -> Iterator[Finding]:
    """Whether the account is open: deleted, closed by the rule, closed by somebody (R7, R20, R31)."""
    found = case.account
    by = "" if case.deed is None else f" by {case.deed.actor}"
    reason = case.deed.reason if case.deed else ""
    if found.deleted_at is not None:
        yield Finding(
            code="account-deleted", subject=_ACCOUNT, state=PROBLEM,
            sentence=f"The account was deleted{by} on {case.when(found.deleted_at)}.", detail=reason,
            action=case.action("account.restore"), done_by=OFFICE,
        )  # fmt: skip
    if found.active:
        if found.deleted_at is None:
            yield Finding(code="account", subject=_ACCOUNT, state=OK, sentence="The account is active.")
    elif found.closed_by_rule:
        changed = f", by a change of {case.deed.actor} on {case.when(case.deed.at)}" if case.deed else ""
        comes_back = "It opens again by itself when the person may have an account again."
        yield Finding(
            code="account-closed-by-rule",
            subject=_ACCOUNT,
            state=PROBLEM,
            sentence=f"The account is not active: it was closed when the person could no longer have one{changed}.",
            detail=comes_back if case.refusal else "The person may have one now, so it can be activated.",
            action=None if case.refusal else case.action("account.activate"),
            page=Page(name="person", id=case.person.id) if case.refusal else None,
            done_by=OFFICE,
        )
    else:
        known = case.deed if found.deleted_at is None else None
        sentence = f"The account was deactivated{by} on {case.when(known.at)}." if known else "The account is not active."
        yield Finding(
            code="account-inactive", subject=_ACCOUNT, state=PROBLEM, sentence=sentence,
            detail=reason if known else "", action=case.action("account.activate"), done_by=OFFICE,
        )  # fmt: skip


def email(case: Case) -> Iterator[Finding]:
    """Whether the e-mail signs in beside the user name, and whether it keeps them out (R22)."""
    found, verify = case.account, case.action("account.verify_email")
    address = found.email or ""
    if found.must_verify_email:
        yield Finding(
            code="email-blocks", subject=_EMAIL, state=PROBLEM,
            sentence=f"The e-mail was changed to {address}, and nobody signs in until it is verified.",
            detail="They follow the link that was sent there, or the office vouches for the address.", action=verify, done_by=PERSON,
        )  # fmt: skip
        return
    if found.former_email is not None:
        yield _former(case, found.former_email, found.former_email_key or "")
    shared = case.sharing.get(found.email_key or "", 0)
    if not address:
        yield Finding(code="email-none", subject=_EMAIL, state=OK, sentence="There is no e-mail; the user name signs in.")
    elif not found.email_verified:
        yield Finding(
            code="email-unverified", subject=_EMAIL, state=WARNING,
            sentence=f"{address} is not verified, so it does not sign in; the user name does.", action=verify, done_by=PERSON,
        )  # fmt: skip
    elif shared:
        yield _shared(address, shared)
    else:
        yield Finding(code="email", subject=_EMAIL, state=OK, sentence=f"{address} is verified and signs in too.")


def _former(case: Case, address: str, key: str) -> Finding:
    """The address before the change, which goes on until the new one is verified."""
    if shared := case.sharing.get(key, 0):
        return _shared(address, shared)
    sentence = f"{address}, the e-mail before the change, signs in until the new one is verified."
    return Finding(code="email-former", subject=_EMAIL, state=OK, sentence=sentence)


def _shared(address: str, others: int) -> Finding:
    held = "Another account signs" if others == 1 else f"{others:,} other accounts sign"
    return Finding(
        code="email-shared", subject=_EMAIL, state=WARNING,
        sentence=f"{held} in with {address} too, so it lets nobody in; the user name does.",
        detail="Family members may share an address. Each signs in by their own user name.", done_by=PERSON,
    )  # fmt: skip


def role(case: Case) -> Iterator[Finding]:
    """Whether there is a role that counts in the current period (R37, R59). The Global Owner needs none."""
    if case.account.is_owner:
        yield Finding(code="owner", subject=_ROLE, state=OK, sentence="The Global Owner needs no role.")
        return
    if case.period is None:
        yield Finding(
            code="no-period", subject=_ROLE, state=PROBLEM, sentence="No academic period is current, so nobody can sign in.",
            page=Page(name="periods"), done_by=OFFICE,
        )  # fmt: skip
        return
    held = next((each for each in case.roles if each.is_current), None)
    if held is None:
        elsewhere = ", ".join(f"{each.role} in {each.period}" for each in case.roles)
        yield Finding(
            code="no-role", subject=_ROLE, state=PROBLEM, sentence=f"There is no role in the current period, {case.period}.",
            detail=f"Roles in other periods: {elsewhere}." if elsewhere else "There is no role in any other period either.",
            action=case.action("roles.assign"), done_by=OFFICE,
        )  # fmt: skip
        return
    if not held.enabled:
        yield Finding(
            code="role-disabled", subject=_ROLE, state=PROBLEM,
            sentence=f"The account was disabled from the current period, {case.period}.",
            detail=f"The role {held.role} is remembered and comes back when the account is activated.",
            action=case.action("account.activate"), done_by=OFFICE,
        )  # fmt: skip
    if not held.role_active:
        yield Finding(
            code="role-inactive", subject=_ROLE, state=PROBLEM,
            sentence=f"The role {held.role} is not active, so it lets nobody in.", detail="Activate the role, or give them another one.",
            page=Page(name="role", id=held.role_id), done_by=OFFICE,
        )  # fmt: skip
    if held.enabled and held.role_active:
        yield Finding(code="role", subject=_ROLE, state=OK, sentence=f"The role in the current period, {case.period}, is {held.role}.")
