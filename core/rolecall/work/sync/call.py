"""Has a provider carry out a plan, and makes sure that every change gets exactly one outcome, whatever the plugin does.

Owns the guard around a plugin's calls. No transaction is open here. Knows nothing of what an outcome means for a link.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from rolecall.errors import Ambiguous, Conflict, Misconfigured, ProviderError, Transient
from rolecall.sdk.provider import Change, Provider, Result, Verb
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.sync.circuit import THRESHOLD
from rolecall.work.sync.claim import Claimed, ClaimedLink
from rolecall.work.sync.conversion import Conversion
from rolecall.work.sync.outcome import LinkOutcome, Outcome

log = structlog.get_logger(__name__)

#: Links that failed like this are called alone: in a batch they might take the others with them.
_SUSPECT = ("error", "ambiguous")

AnyOutcome = TypeVar("AnyOutcome", bound=LinkOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A claimed link and the change that was planned for it. ``is_password_new``: the link had no initial password before this claim.

    ``apart`` are remote accounts that somebody decided are not this person's (R64).
    ``sign_in_name`` and ``conversion`` are what holds once the change is accepted.
    """

    link: Claimed
    change: Change
    is_password_new: bool = False
    apart: frozenset[str] = frozenset()
    sign_in_name: str | None = None
    conversion: Conversion | None = None


class Guard:
    """Says before each call whether it may be made, and learns from each outcome whether the next one may.

    ``seconds`` is the longest that one call may take, ``failures`` in a row came before.
    """

    def __init__(self, lease: Lease, *, seconds: float, failures: int = 0, stop: Callable[[], bool] = lambda: False) -> None:
        self._lease = lease
        self._seconds = seconds
        self._failures = failures
        self._stop = stop
        self._halted = False

    def ensure(self) -> None:
        """Go on only if there is time, nobody wants us to stop, and the last calls gave no reason to.

        :raises NotCalledError: when the call must not be made.
        """
        if self._halted or self._stop():
            raise NotCalledError("The sync stopped before this one.")
        self._lease.ensure(self._seconds)

    def noted(self, outcome: AnyOutcome) -> AnyOutcome:
        """Learn from an outcome and return it."""
        if outcome.is_providers_fault:
            self._failures += 1
        elif outcome.change is not None and outcome.error is None:
            self._failures = 0
        asked_to_wait = isinstance(outcome.error, Transient) and not outcome.left and bool(outcome.error.retry_after)
        if isinstance(outcome.error, Misconfigured | NotCalledError) or asked_to_wait or self._failures >= THRESHOLD:
            self._halted = True
        return outcome


class Caller:
    """Carries out one plan under one lease; options as for :class:`Guard`."""

    def __init__(
        self, provider: Provider, lease: Lease, *, seconds: float, failures: int = 0, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._provider = provider
        self._guard = Guard(lease, seconds=seconds, failures=failures, stop=stop)
        # The default carries changes out one by one as they are asked for; a plugin's own may have called for all of them already.
        self._is_stepwise = type(provider).apply is Provider.apply

    def carry_out(self, plan: Sequence[Planned]) -> Iterator[Outcome]:
        """Yield one outcome per planned change, in any order. Stops calling when that would do no good: what is left is not called."""
        for part in self._parts(plan):
            ready: list[Planned] = []
            for each in part:
                found = self._kept_apart(each) if each.apart and each.change.verb is Verb.CREATE else self._find_lost(each)
                if isinstance(found, Outcome):
                    yield self._guard.noted(found)
                else:
                    ready.append(found)
            if ready:
                yield from self._apply(ready)

    def _parts(self, plan: Sequence[Planned]) -> Iterator[Sequence[Planned]]:
        size = max(1, self._provider.limits.batch)
        together = [each for each in plan if each.link.error_class not in _SUSPECT]
        yield from (together[start : start + size] for start in range(0, len(together), size))
        yield from ([each] for each in plan if each.link.error_class in _SUSPECT)

    def _find_lost(self, planned: Planned) -> Planned | Outcome:
        """Find the remote account of a link that is to be closed and whose creation nobody lived to write down."""
        change = planned.change
        if change.verb is Verb.CREATE or change.external_id is not None:
            return planned
        try:
            self._guard.ensure()
            found = self._provider.find(change.account)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this account's outcome
            return _failed(planned, error)
        if found is None or found.key != change.account.key:
            return Outcome(link=planned.link, note="There is no account to close.")
        if found.suspended and change.verb is Verb.SUSPEND:
            return Outcome(link=planned.link, change=change, external_id=found.external_id)
        return replace(planned, change=replace(change, external_id=found.external_id))

    def _kept_apart(self, planned: Planned) -> Planned | Outcome:
        """Look before an account is made whether it would be taken for one that is somebody else's."""
        try:
            self._guard.ensure()
            found = self._provider.find(planned.change.account)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as this account's outcome
            return _failed(planned, error)
        if found is None or found.external_id not in planned.apart:
            return planned
        return _failed(
            planned,
            Conflict(
                f"{self._provider.label} has an account with this user name or e-mail that is another person's, as somebody decided.",
                hint="Change the user name or e-mail here, or decide again on the page of the comparison, and retry.",
            ),
        )

    def _apply(self, part: Sequence[Planned]) -> Iterator[Outcome]:
        waiting = {each.change.link_id: each for each in part}
        error: BaseException | None = None
        try:
            self._guard.ensure()
            results = iter(self._provider.apply([each.change for each in part]))
            while waiting:
                result = next(results, None)
                if result is None:
                    break
                planned = self._match(result, waiting)
                if planned is not None:
                    yield self._guard.noted(_outcome(planned, result))
                if waiting and self._is_stepwise:
                    self._guard.ensure()
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - a plugin may raise anything; here it ends as these accounts' outcome
            error = raised
        for planned in waiting.values():
            unsaid = Ambiguous(f"{self._provider.label} did not say what became of this account.")
            yield self._guard.noted(_failed(planned, error or unsaid))

    def _match(self, result: object, waiting: dict[int, Planned]) -> Planned | None:
        link_id = getattr(getattr(result, "change", None), "link_id", None)
        planned = waiting.pop(link_id, None) if isinstance(result, Result) and isinstance(link_id, int) else None
        if planned is None:
            log.error("result of no change", provider=self._provider.id, link=link_id, kind=type(result).__name__)
        return planned


def _outcome(planned: Planned, result: Result) -> Outcome:
    if result.error is not None:
        return _failed(planned, result.error)
    external_id = result.external_id if result.external_id is not None else planned.change.external_id
    if not isinstance(external_id, str) or not 0 < len(external_id) <= 200 or not external_id.isprintable():
        return _failed(planned, Ambiguous("The provider gave no usable id for this account."))
    return Outcome(
        link=planned.link,
        change=planned.change,
        external_id=external_id,
        adopted=bool(result.adopted),
        is_password_new=planned.is_password_new,
        sign_in_name=planned.sign_in_name,
        conversion=planned.conversion,
        note=str(result.note),
    )


def _failed(planned: Planned, error: BaseException) -> Outcome:
    return Outcome(link=planned.link, change=planned.change, error=tamed(error, planned.link, str(planned.change.verb)))


def tamed(error: BaseException, link: ClaimedLink, doing: str) -> Exception:
    """Return what a plugin raised as an exception that is kept as an outcome; what is no provider's error is logged."""
    if not isinstance(error, Exception):
        error = RuntimeError(f"The plugin tried to end the program ({type(error).__name__}).")
    if not isinstance(error, ProviderError):
        log.error("plugin failed", provider=link.provider, link=link.id, verb=doing, exc_info=error)
    return error
