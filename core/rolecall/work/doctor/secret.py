"""What they prove themselves by: the password, where it is kept, how long it counts, and whether attempts are refused now."""

from collections.abc import Iterator
from datetime import datetime

from rolecall.accounts import first_password, passwords, throttle
from rolecall.work.doctor.case import Case
from rolecall.work.doctor.finding import ITSELF, OFFICE, OK, OPERATOR, PERSON, PROBLEM, WARNING, Finding, Page

_PASSWORD, _FACTOR, _LOCK = "Password", "Second factor", "Lock-out"


def password(case: Case) -> Iterator[Finding]:
    """Whether there is a password that is right here, and until when (R16-R19, R46)."""
    found = case.account
    if found.sso_provider is not None:
        yield _elsewhere(case, found.sso_provider)
    elif found.password_hash is not None:
        yield from _own(case)
    else:
        first = _first(case)
        yield first
        if first.state == OK and (found.must_change_password or found.phone_guesses_left is not None):
            yield _must_change(case, None)


def _elsewhere(case: Case, provider: str) -> Finding:
    label, plugin = case.label(provider), case.view.plugins.get(provider)
    why = "They use the password they have there." if plugin else f"{label} is not enabled here."
    return Finding(
        code="sso", subject=_PASSWORD, state=PROBLEM,
        sentence=f"The password of this account is kept by {label}, so none that is typed here is right.",
        detail=f"{why} When {label} is let go, the account has a password of its own here.",
        action=case.action("external.disconnect"), page=Page(name="integration", id=provider), done_by=OFFICE,
    )  # fmt: skip


def _own(case: Case) -> Iterator[Finding]:
    until = first_until(case)
    if (refused := _phone(case)) is not None:
        yield refused
    elif case.too_old and not case.account.must_change_password:
        yield Finding(
            code="password-old", subject=_PASSWORD, state=WARNING, done_by=PERSON,
            sentence="The own password is older than the institution allows. They must choose a new one right after signing in.",
        )  # fmt: skip
    elif not case.account.must_change_password:
        yield Finding(code="password", subject=_PASSWORD, state=OK, sentence="There is an own password.")
    elif until is not None and until <= case.now:
        yield Finding(
            code="first-password-over", subject=_PASSWORD, state=PROBLEM,
            sentence=f"The first-time password was used and never changed, and its time was over on {case.when(until)}.",
            action=case.action("password.reset"), done_by=OFFICE,
        )  # fmt: skip
    else:
        yield _must_change(case, until)


def _must_change(case: Case, until: datetime | None) -> Finding:
    return Finding(
        code="must-change", subject=_PASSWORD, state=WARNING, sentence="They must choose a new password right after signing in.",
        detail="" if until is None else f"Until {case.when(until)}; then the present one is over.",
        action=case.action("password.at_next_logon"), done_by=PERSON, until=until,
    )  # fmt: skip


def _phone(case: Case) -> Finding | None:
    """Why a phone number is no password here, or no longer (A-19)."""
    found, reset = case.account, case.action("password.reset")
    if case.burned_at is not None or (found.phone_guesses_left is not None and found.phone_guesses_left <= 0):
        on = "" if case.burned_at is None else f" on {case.when(case.burned_at)}"
        return Finding(
            code="password-burned", subject=_PASSWORD, state=PROBLEM,
            sentence=f"The first-time password was the phone number, and was taken back{on} after too many wrong attempts.",
            detail="Somebody guessed, or mistyped. Hand out a generated password.", action=reset, done_by=OFFICE,
        )  # fmt: skip
    if found.phone_guesses_left is not None and first_password.refuses_phone(found):
        return Finding(
            code="password-is-phone", subject=_PASSWORD, state=PROBLEM,
            sentence="The password is the phone number, which is not enough for an administrator.", action=reset, done_by=OFFICE,
        )  # fmt: skip
    return None


def _first(case: Case) -> Finding:
    """A first-time password that was never used here, or none at all."""
    found, until, reset = case.account, first_until(case), case.action("password.reset")
    if (refused := _phone(case)) is not None:
        return refused
    if found.sealed_password is None or until is None:
        kept = "" if found.sealed_password is None else "A first-time password is kept, but not given out yet."
        return Finding(
            code="password-none", subject=_PASSWORD, state=PROBLEM, sentence="There is no password that signs in.", detail=kept,
            action=reset, done_by=OFFICE,
        )  # fmt: skip
    if not case.first_opens:
        return Finding(
            code="password-unreadable", subject=_PASSWORD, state=PROBLEM,
            sentence="The first-time password is kept, but cannot be read: the encryption key it was sealed with is missing.",
            detail="Put the key back, or make a new password.", action=reset, done_by=OPERATOR,
        )  # fmt: skip
    if until <= case.now:
        return Finding(
            code="first-password-over", subject=_PASSWORD, state=PROBLEM,
            sentence=f"The first-time password was never used, and its time was over on {case.when(until)}.",
            detail=f"A first-time password counts for {passwords.FIRST_VALID.days} days.", action=reset, done_by=OFFICE,
        )  # fmt: skip
    return Finding(
        code="first-password", subject=_PASSWORD, state=OK,
        sentence=f"The first-time password was not used yet; it counts until {case.when(until)}.", until=until,
    )  # fmt: skip


def factor(case: Case) -> Iterator[Finding]:
    """Whether a code is asked for after the password (R53)."""
    if case.has_factor:
        yield Finding(
            code="second-factor", subject=_FACTOR, state=OK, sentence="After the password they give a code from an app on their phone.",
            detail="Whoever has lost the phone signs in with a recovery code, or has the second factor reset.",
            action=case.action("account.reset_second_factor"),
        )  # fmt: skip
    elif case.factor_due:
        yield Finding(
            code="second-factor-due", subject=_FACTOR, state=WARNING, done_by=PERSON,
            sentence="They must set up a second factor right after signing in.",
            detail="Until then they reach nothing else.",
        )  # fmt: skip


def first_until(case: Case) -> datetime | None:
    """When the first-time password stops counting; none when there is no such time."""
    return None if case.account.sealed_at is None else case.account.sealed_at + passwords.FIRST_VALID


def locks(case: Case) -> Iterator[Finding]:
    """Whether attempts are refused now, as seen from where the last one came (R53)."""
    if not case.locks:
        yield Finding(code="not-locked", subject=_LOCK, state=OK, sentence="No attempts are refused.")
    for lock in case.locks:
        yield _lock(case, lock)


def _lock(case: Case, lock: throttle.Lock) -> Finding:
    until = case.when(lock.until)
    spared = "Networks that they have signed in from before are not bound by it." if case.familiar else ""
    code, sentence, detail = {
        throttle.PAIR: ("locked-here", f"Too many wrong attempts came from {lock.network}.", "From anywhere else they can sign in."),
        throttle.ACCOUNT: ("locked", "Too many wrong attempts were made on this account.", spared),
        throttle.ADDRESS: ("locked-network", f"Too many wrong attempts on many accounts came from {lock.network}.", ""),
        throttle.EVERYBODY: ("locked-everybody", "Too many wrong attempts are made on all accounts.", spared),
    }[lock.limit]
    # Where the last attempt came from is where they are, as far as anybody knows.
    binds = lock.network == case.place if lock.network is not None else case.place not in case.familiar
    own = lock.limit in (throttle.PAIR, throttle.ACCOUNT)
    return Finding(
        code=code, subject=_LOCK, state=PROBLEM if binds else WARNING, sentence=f"{sentence} More are refused until {until}.",
        detail=detail, action=case.action("account.unlock") if own else None, done_by=ITSELF, until=lock.until,
    )  # fmt: skip
