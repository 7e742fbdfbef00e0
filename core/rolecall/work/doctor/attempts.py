"""The last attempt to sign in, in words (R32)."""

from collections.abc import Iterator

from rolecall.work.doctor.case import Case
from rolecall.work.doctor.finding import OFFICE, OK, PERSON, WARNING, Finding, Page

#: What the word of a failed attempt means.
_WHY = {
    "wrong-password": "the password was not right",
    "expired": "the password was right, but its time was over",
    "unverified": "the password was right, but the changed e-mail was not verified",
    "code-due": "the password was right, but the code of the second factor was not given",
    "wrong-code": "the password was right, but the code of the second factor was not",
    "burned": "the phone number was tried too often, and is no password any more",
    "no-role": "the password was right, but there was no role in the period that was current",
    "no-password": "there was no password that could be right",
    "disabled": "the account was not active",
    "deleted": "the account was deleted",
    "sso": "the password is kept by the provider, and was typed here",
    "wrong-link": "the link was used already, or its time was over",
}
_SUBJECT = "Sign-ins"


def last(case: Case) -> Iterator[Finding]:
    """How the last attempt ended; that there was none is telling too."""
    if not case.sign_ins:
        yield Finding(
            code="no-attempt", subject=_SUBJECT, state=OK, sentence="Nobody has tried to sign in to this account.",
            detail=f"Somebody who did try typed another user name. This one is {case.account.username}.", done_by=PERSON,
        )  # fmt: skip
        return
    attempt = case.sign_ins[0]
    when, page = case.when(attempt.at), Page(name="sign-ins", id=case.account.id)
    if attempt.result == "ok":
        yield Finding(code="last-attempt", subject=_SUBJECT, state=OK, sentence=f"The last sign-in was on {when}.", page=page)
        return
    mends = {"wrong-password": "password.reset", "wrong-code": "account.reset_second_factor", "code-due": "account.reset_second_factor"}
    action = mends.get(attempt.result)
    yield Finding(
        code="last-attempt-failed",
        subject=_SUBJECT,
        state=WARNING,
        sentence=f"The last attempt, on {when}, failed: {_WHY.get(attempt.result, attempt.result.replace('-', ' '))}.",
        action=case.action(action) if action and (attempt.result != "wrong-password" or case.account.sso_provider is None) else None,
        page=page,
        done_by=OFFICE if action else "",
    )
