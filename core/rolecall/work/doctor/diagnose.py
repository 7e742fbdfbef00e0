"""Puts the checks in their order and says the verdict."""

from datetime import datetime

from sqlalchemy.orm import Session

from rolecall.work.application import Application
from rolecall.work.doctor import attempts, identity, providers, secret, work
from rolecall.work.doctor.case import Case, read
from rolecall.work.doctor.finding import PROBLEM, Diagnosis, Finding
from rolecall.work.documents import Document, moment, sign_in_document

#: What comes first is what the verdict names.
_CHECKS = (
    identity.person, identity.account, secret.password, secret.factor, identity.email, identity.role, secret.locks, providers.links,
    providers.services, work.worker, attempts.last,
)  # fmt: skip


def diagnose(app: Application, session: Session, account_id: int, *, now: datetime) -> Diagnosis:
    """Look at everything between a person and their account and say whether they can sign in now, with the right password (R34).

    Refused attempts count as seen from where the last one came. Changes nothing, and calls no provider.

    :raises Unknown: when there is no such account.
    """
    case = read(app, session, account_id, now=now)
    findings = [finding for check in _CHECKS for finding in check(case)]
    return Diagnosis(
        account_id=account_id, username=case.account.username, sentence=_verdict(case, findings), findings=findings, sign_ins=case.sign_ins
    )


def _verdict(case: Case, findings: list[Finding]) -> str:
    problems = [each for each in findings if each.state == PROBLEM]
    if problems:
        more = {1: "", 2: " There is another reason."}.get(len(problems), f" There are {len(problems) - 1} more reasons.")
        return f"They cannot sign in. {problems[0].sentence}{more}"
    codes = {each.code for each in findings}
    name = f"user name {case.account.username}" + (f" or {case.account.email}" if "email" in codes else "")
    password = "the first-time password" if "first-password" in codes else "an own password"
    return f"They can sign in: {name} and {password}."


def diagnosis_document(found: Diagnosis) -> Document:
    """A diagnosis as the outside contract words it."""
    return {
        "account": found.account_id,
        "username": found.username,
        "can_sign_in": found.can_sign_in,
        "sentence": found.sentence,
        "findings": [_finding_document(each) for each in found.findings],
        "sign_ins": [sign_in_document(each) for each in found.sign_ins],
    }


def _finding_document(finding: Finding) -> Document:
    page = None if finding.page is None else {"name": finding.page.name, "id": finding.page.id}
    return {
        "code": finding.code, "subject": finding.subject, "state": finding.state, "sentence": finding.sentence,
        "detail": finding.detail or None, "action": finding.action, "page": page, "done_by": finding.done_by or None,
        "until": moment(finding.until),
    }  # fmt: skip
