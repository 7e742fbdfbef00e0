"""A comparison and its lines as the API and ``--json`` show them. Owns the names of the fields."""

from typing import Any

from sqlalchemy.orm import Session

from rolecall.work.documents import Document, moment
from rolecall.work.sync.comparison.reading import Figures, Line, comparison, figures


def comparison_document(session: Session, provider: str) -> Document:
    """How the comparison with a provider is, and how many lines of which kind its last whole one has; ``state`` null: there was none."""
    found = comparison(session, provider)
    counted: Figures = figures(session, provider)
    return {
        "provider": provider,
        "kind": found.kind if found else None,
        "state": found.state if found else None,
        "seen": found.seen if found else 0,
        "asked_by": found.asked_by if found else None,
        **{name: moment(getattr(found, name, None)) for name in ("asked_at", "started_at", "finished_at", "inventory_at", "compared_at")},
        "error": found.error if found else None,
        "warning": found.warning if found else None,
        "counts": counted.by_verdict,
        "undecided": counted.undecided,
        "drifted": counted.drifted,
    }


def match_document(line: Line) -> Document:
    """One line: what is there, what is here, what differs and what was decided."""
    match = line.match
    known = line.username is not None
    return {
        "id": match.id,
        "verdict": match.verdict,
        "reason": match.reason,
        "external_id": match.external_id,
        "remote": {name: shown(value) for name, value in match.remote.items()},
        "suspended": match.suspended,
        "account": {"id": match.account_id, "username": line.username, "name": line.name} if known else None,
        "drift": {
            name: {"before": shown(each["sent"]), "after": shown(each["there"])} for name, each in sorted((match.drift or {}).items())
        },
        "decision": match.decision,
        "decided_by": match.decided_by,
        "found_at": moment(match.found_at),
    }


def shown(value: Any) -> Any:
    """A stored value as documents show it: a set as a list."""
    return value["set"] if isinstance(value, dict) else value
