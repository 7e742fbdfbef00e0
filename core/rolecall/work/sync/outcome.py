"""How one claimed link, of an account or a class, came out of a call, and how each kind of error is answered.

Owns the table of errors (docs: *Writing a provider*). Pure: nothing here reads or writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk.provider import Change, Verb
from rolecall.work.leases import NotCalledError
from rolecall.work.sync import backoff
from rolecall.work.sync.circuit import Experience, sentence
from rolecall.work.sync.claim import Claimed, ClaimedLink
from rolecall.work.sync.conversion import Conversion

_CLASSES: tuple[tuple[type[Exception], str], ...] = (
    (Transient, "transient"),
    (Ambiguous, "ambiguous"),
    (Permanent, "permanent"),
    (NotFound, "not-found"),
    (Conflict, "conflict"),
    (Misconfigured, "misconfigured"),
)


class Step(Protocol):
    """A planned change, of an account or a class, as far as its outcome looks at it."""

    @property
    def verb(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOutcome:
    """What became of a claimed link.

    Without a change there was nothing to do, or planning it failed. ``called`` is false where the provider was not asked after all.
    """

    link: ClaimedLink
    change: Step | None = None
    error: Exception | None = None
    external_id: str | None = None
    adopted: bool = False
    note: str = ""
    called: bool = True

    @property
    def left(self) -> bool:
        """Whether the link is to be as it was before the claim: not called, or refused for all accounts alike."""
        return not self.called or isinstance(self.error, NotCalledError | Misconfigured)

    @property
    def error_class(self) -> str | None:
        """The error in one word; a link remembers it."""
        if self.error is None:
            return None
        if getattr(self.error, "code", "") == "bad-response":
            return "bad-response"
        return next((word for kind, word in _CLASSES if isinstance(self.error, kind)), "error")

    @property
    def is_providers_fault(self) -> bool:
        """Whether the error counts towards the circuit: a server that does not answer, or a plugin that breaks when it calls."""
        return self.change is not None and not self.left and self.error_class in ("transient", "ambiguous", "bad-response", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(LinkOutcome):
    """What became of the link of an account."""

    link: Claimed
    change: Change | None = None
    is_password_new: bool = False
    #: The name that the person signs in with there, and what the account takes from there once it is.
    sign_in_name: str | None = None
    conversion: Conversion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from a failure for its link. A blocked link waits for a person; with ``not_before`` also for that time."""

    attempts: int
    blocked: bool
    not_before: datetime | None
    forget_remote: bool = False


def judge(outcome: LinkOutcome, moment: datetime, *, settling: timedelta, probe: bool = False, down: bool = False) -> Verdict:
    """Say what follows from a failed outcome.

    While the provider itself seems to be ``down``, too many attempts do not block the link, and the failure of a ``probe`` is no
    attempt at all: what is wrong is probably not the account.
    """
    link, word = outcome.link, outcome.error_class or "error"
    attempts = link.attempts if probe and outcome.is_providers_fault else link.attempts + 1
    blocking = attempts >= backoff.most_attempts(word) and not (down and outcome.is_providers_fault)
    if word in ("permanent", "conflict"):
        return Verdict(attempts=attempts, blocked=True, not_before=None)
    if blocking or moment - link.changed_at > backoff.PATIENCE:
        return Verdict(attempts=attempts, blocked=True, not_before=moment + backoff.DAILY)
    wait = backoff.wait(max(attempts, 1), getattr(outcome.error, "retry_after", None))
    if word == "ambiguous":
        wait = max(wait, settling)
    if word == "not-found" and outcome.change is not None and outcome.change.verb != Verb.CREATE:
        # What was made or renamed a moment ago may not be visible yet; what has been there is gone, and is found or made again now.
        visible = link.settled_at + settling if link.settled_at is not None else moment
        return Verdict(attempts=attempts, blocked=False, not_before=max(visible, moment), forget_remote=visible <= moment)
    return Verdict(attempts=attempts, blocked=False, not_before=moment + wait)


def experience(outcomes: Sequence[LinkOutcome]) -> Experience:
    """Sum up what a group of calls, in their order, taught about the provider."""
    succeeded, answered, row, reason = False, False, 0, ""
    hold: timedelta | None = None
    refusal: str | None = None
    for outcome in outcomes:
        if outcome.is_providers_fault:
            row += 1
            reason = sentence(outcome.error) if outcome.error else reason
        elif outcome.change is not None and outcome.called and outcome.error is None:
            succeeded, row = True, 0
        answered = answered or (outcome.change is not None and outcome.called and not outcome.is_providers_fault)
        if isinstance(outcome.error, Misconfigured):
            refusal = sentence(outcome.error)
        asked = None if outcome.left else getattr(outcome.error, "retry_after", None)
        if asked:
            hold = max(hold or timedelta(0), min(asked, backoff.LONGEST_RETRY_AFTER))
    return Experience(succeeded=succeeded, answered=answered, failures=row, reason=reason, hold=hold, refusal=refusal)
