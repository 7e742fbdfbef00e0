"""What the doctor says: findings in the order in which they are checked, and the verdict that follows from them.

Owns the words of its fields. Knows nothing of what is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rolecall.store.tables import SignIn

#: How it is: nothing to do, worth knowing, or by itself enough to keep them out.
OK, WARNING, PROBLEM = "ok", "warning", "problem"
STATES = (OK, WARNING, PROBLEM)

#: Who mends it: the office, the person, whoever runs this machine, whoever runs the provider; or nobody has to.
OFFICE, PERSON, OPERATOR, PROVIDER, ITSELF = "office", "person", "operator", "provider", "itself"
#: With the sentence that says so to the office, which needs none about itself.
DONE_BY = {
    OFFICE: "",
    PERSON: "The person can do that.",
    OPERATOR: "Whoever runs this machine does that.",
    PROVIDER: "Whoever runs the service does that.",
    ITSELF: "Nobody has to do anything.",
}

#: Where something is mended that is no action on the account: a record, a list, an integration, or a tab of the account itself.
PAGES = ("person", "periods", "role", "integration", "sync", "external", "sign-ins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where something is mended: one of :data:`PAGES`, and which one."""

    name: str
    id: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``until`` is when it ends by itself, where that is known.

    ``action`` is the id of a registered action that mends it; without one there may be a ``page``.
    """

    code: str
    subject: str
    state: str
    sentence: str
    detail: str = ""
    action: str | None = None
    page: Page | None = None
    done_by: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the doctor found about one account: whether they can sign in, and how or why not in a sentence; then every finding."""

    account_id: int
    username: str
    sentence: str
    findings: Sequence[Finding]
    #: The last attempts, newest first.
    sign_ins: Sequence[SignIn]

    @property
    def can_sign_in(self) -> bool:
        """Whether the right password is let in now."""
        return all(each.state != PROBLEM for each in self.findings)
