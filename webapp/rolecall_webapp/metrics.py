"""``/metrics``: the figures of monitoring as Prometheus reads them, by a bearer token.

Owns their names. They are read from the database, so every web process answers the same, and none has to keep anything.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from rolecall.errors import Unknown
from rolecall.work.figures import Figures, figures
from rolecall.work.sync import totals
from rolecall.work.sync.backlog import WORDS
from rolecall.work.sync.health import WORDS as HEALTH
from rolecall.work.sync.health import Health
from rolecall_webapp.api.bearer import authenticate
from rolecall_webapp.frame import needs

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ["authenticate", "pages"]

pages = Blueprint("metrics", __name__, url_prefix="/metrics")


@pages.get("")
@needs("integrations:view")
def index() -> ResponseReturnValue:
    """All figures, in the format of Prometheus or of OpenMetrics, whichever is asked for."""
    # An extra: who is not watched by Prometheus does not need it.
    try:
        from prometheus_client.exposition import choose_encoder
    except ImportError as error:
        hint = "Install rolecall[metrics] and start the process again."
        raise Unknown("There are no metrics: the library that writes them is not installed.", hint=hint) from error
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(_Collector(figures(g.db, g.view))), content_type=content_type)


class _Collector:
    """What the library's encoders walk: a registry of what was counted just now."""

    def __init__(self, found: Figures) -> None:
        self._found = found

    def collect(self) -> "Iterator[Metric]":
        """Yield every family, those of the sync first."""
        yield from _sync(self._found)
        yield from _sync_totals(self._found)
        yield from _others(self._found)


def _sync(found: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import GaugeMetricFamily, StateSetMetricFamily

    pending = GaugeMetricFamily("rolecall_sync_pending", "Changes that the provider has not got.", labels=["provider"])
    by_state = GaugeMetricFamily("rolecall_sync_links", "The same by type and state.", labels=["provider", "type", "state"])
    oldest = GaugeMetricFamily(
        "rolecall_sync_oldest_seconds", "Age of the oldest change that waits, without what is blocked or held.", labels=["provider"]
    )
    blocked = GaugeMetricFamily("rolecall_sync_blocked", "Changes that cannot be done until somebody mends something.", labels=["provider"])
    held = GaugeMetricFamily("rolecall_sync_held", "Changes that the safety limits hold until somebody decides.", labels=["provider"])
    since = GaugeMetricFamily(
        "rolecall_sync_last_success_seconds",
        "Seconds since the provider last took a change.",
        labels=["provider"],
    )
    down = GaugeMetricFamily("rolecall_sync_circuit_open", "1 while the provider is down and left alone.", labels=["provider"])
    state = StateSetMetricFamily("rolecall_sync_state", "How the provider is, in a word.", labels=["provider"])
    for each in found.providers:
        where = [each.provider]
        pending.add_metric(where, each.backlog.pending)
        for kind, numbers in (("account", each.backlog.accounts), ("class", each.backlog.classes)):
            for word in WORDS:
                by_state.add_metric([each.provider, kind, word], numbers[word])
        oldest.add_metric(where, _age(found, each.backlog.oldest))
        blocked.add_metric(where, each.backlog.blocked)
        held.add_metric(where, each.backlog.held)
        if each.last_success_at is not None:
            since.add_metric(where, _age(found, each.last_success_at))
        down.add_metric(where, float(_is_down(each)))
        state.add_metric(where, {word: word == each.word for word in HEALTH})
    yield from (pending, by_state, oldest, blocked, held, since, down, state)


def _sync_totals(found: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import CounterMetricFamily

    changes = CounterMetricFamily(
        "rolecall_sync_changes", "Changes sent to the provider, by what came of them: done, or the class of the error.",
        labels=["provider", "outcome"],
    )  # fmt: skip
    requests = CounterMetricFamily(
        "rolecall_sync_requests", "Requests that workers made to the provider, by what was answered.", labels=["provider", "answer"]
    )
    for provider in sorted({*found.totals, *(each.provider for each in found.providers)}):
        counted = found.totals.get(provider, {totals.CHANGE: {}, totals.REQUEST: {}})
        for kind, number in ({totals.DONE: 0} | dict(counted[totals.CHANGE])).items():
            changes.add_metric([provider, kind], number)
        for kind, number in (dict.fromkeys(totals.ANSWERS, 0) | dict(counted[totals.REQUEST])).items():
            requests.add_metric([provider, kind], number)
    yield from (changes, requests)


def _others(found: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import GaugeMetricFamily

    runs = GaugeMetricFamily("rolecall_runs", "Runs that are not at their end.", labels=["state"])
    for word, number in found.runs.items():
        runs.add_metric([word], number)
    yield runs
    yield GaugeMetricFamily("rolecall_runs_oldest_seconds", "Age of the oldest of these.", value=found.oldest_run_seconds)
    messages = GaugeMetricFamily(
        "rolecall_deliveries", "Messages that wait, that may or may not have been sent, and that came back.", labels=["channel", "state"]
    )
    for (channel, word), number in found.deliveries.items():
        messages.add_metric([channel, word], number)
    yield messages
    sign_ins = GaugeMetricFamily("rolecall_recent_sign_ins", "Attempts to sign in within 15 minutes, by result.", labels=["result"])
    for word, number in found.sign_ins.items():
        sign_ins.add_metric([word], number)
    yield sign_ins
    failures = sum(number for word, number in found.sign_ins.items() if word not in _NO_FAILURES)
    yield GaugeMetricFamily("rolecall_recent_sign_in_failures", "Those of them that failed.", value=failures)
    yield GaugeMetricFamily("rolecall_workers", "Workers that gave a sign of life within a minute.", value=found.work.workers)
    looked = GaugeMetricFamily("rolecall_work_last_look_seconds", "Seconds since a worker last looked for what is due.")
    if found.work.looked_at is not None:
        looked.add_metric([], _age(found, found.work.looked_at))
    yield looked


#: Whoever is asked for a code, or looked through somebody's eyes, did not fail.
_NO_FAILURES = frozenset({"ok", "code", "looked"})


def _age(found: Figures, at: datetime | None) -> float:
    return max(0.0, (found.at - at).total_seconds()) if at is not None else 0.0


def _is_down(each: Health) -> bool:
    return each.state == "open"
