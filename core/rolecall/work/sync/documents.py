"""What faces show of the providers' health and history, as the outside contract words it: one shape for the API and ``--json``."""

from typing import Any

from rolecall.work import heartbeat
from rolecall.work.documents import moment
from rolecall.work.heartbeat import Work
from rolecall.work.sync.health import Health
from rolecall.work.sync.samples import History, Span

Document = dict[str, Any]


def health_document(each: Health) -> Document:
    """How one provider is, in a word; what to do and whose job that is; what waits."""
    waits = each.backlog
    return {
        "provider": each.provider, "label": each.label, "enabled": each.enabled, "state": each.state, "health": each.word,
        "advice": each.advice, "who": each.who, "until": moment(each.until), "last_success_at": moment(each.last_success_at),
        "pending": waits.pending, "oldest": moment(waits.oldest), "blocked": waits.blocked, "held": waits.held,
        "accounts": dict(waits.accounts), "classes": dict(waits.classes),
    }  # fmt: skip


def work_document(found: Work, *, neglected: bool) -> Document:
    """Whether anything is being worked off; ``trouble`` is a sentence where nobody works though something waits."""
    return {
        "workers": found.workers,
        "looked_at": moment(found.looked_at),
        "trouble": heartbeat.sentence(found) if neglected else None,
    }


def history_document(provider: str, span: Span, found: History) -> Document:
    """What waited, and what was done, over the last day or month."""
    return {
        "provider": provider,
        "span": span.word,
        "waiting": [{"at": moment(each.at), "pending": each.pending, "blocked": each.blocked, "held": each.held} for each in found.points],
        "work": [{"from": moment(each.at), "done": each.done, "failed": each.failed} for each in found.pieces],
    }
