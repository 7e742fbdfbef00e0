"""Exchanging the keys that seal: a new first one in the data directory, and no old one left that nothing needs (O-08).

Running processes follow the file. Where the operator keeps the keys elsewhere, nothing is written and the error says what to set.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.keys import KeyFile, new_key
from rolecall.accounts.sealing import fingerprint
from rolecall.errors import Forbidden, Refused
from rolecall.work import sealed
from rolecall.work.application import Application, key_file

#: How long keys must have been as they are before one is removed: longer than any transaction, which may still bring what was sealed
#: before. PostgreSQL ends a statement after two minutes and an idle transaction after one.
SETTLED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The keys by their fingerprints, the sealing one first, where they are kept, and what is sealed by each."""

    origin: str
    keys: Sequence[str]
    sealed: sealed.Sealed

    @property
    def unused(self) -> tuple[str, ...]:
        """Old keys that nothing is sealed by any more."""
        return tuple(each for each in self.keys[1:] if not self.sealed.by_key[each])


def status(app: Application, actor: Actor) -> Status:
    """Say which keys there are and how much is sealed by each; never a key.

    :raises Forbidden: to everybody but the operator.
    """
    _operator_only(actor)
    counted = sealed.count(app)
    return Status(origin=_origin(app), keys=tuple(counted.by_key), sealed=counted)


def rotate(app: Application, actor: Actor) -> str:
    """Put a new key before the others and return its fingerprint; what is sealed stays as it is until it is sealed again.

    :raises Forbidden: to everybody but the operator.
    :raises Refused: when the keys are not kept in the data directory, with what to do instead.
    """
    _operator_only(actor)
    file = _own_file(app, "put a new key before them there (“rolecall keys new” prints one), and restart every process")

    made = new_key()

    def unit(session: Session) -> str:
        # The audit admits one at a time: two rotations at one moment lose neither's key.
        audit.append(session, actor=actor, kind="keys.rotate", payload={"key": fingerprint(made)})
        file.replace([made, *(each for each in file.read() if each != made)])
        return fingerprint(made)

    return app.db.attempt(unit)


def retire(app: Application, actor: Actor) -> tuple[str, ...]:
    """Remove the old keys that nothing is sealed by any more, and return their fingerprints.

    :raises Forbidden: to everybody but the operator.
    :raises Refused: when the keys are not kept in the data directory, or were changed so recently that work may still be under way
        with an old one.
    """
    _operator_only(actor)
    found = status(app, actor)
    if not found.unused:
        return ()
    file = _own_file(app, f"remove the key{'s' if len(found.unused) > 1 else ''} {', '.join(found.unused)} there")
    left = file.file.stat().st_mtime + SETTLED.total_seconds() - time.time()
    if left > 0:
        minutes = max(1, round(left / 60))
        message = "The keys were changed a moment ago, and work that began before may still seal with an old one."
        raise Refused(message, hint=f"Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}.", code="too-early")

    def unit(session: Session) -> tuple[str, ...]:
        audit.append(session, actor=actor, kind="keys.retire", payload={"keys": list(found.unused)})
        file.replace([each for each in file.read() if fingerprint(each) not in found.unused])
        return found.unused

    return app.db.attempt(unit)


def _origin(app: Application) -> str:
    value = app.config.values["encryption_keys"]
    return {"generated": "data directory", "environment": value.key.variable}.get(value.origin, value.origin)


def _own_file(app: Application, otherwise: str) -> KeyFile:
    file = key_file(app.config)
    if file is None:
        raise Refused(f"The encryption keys are not kept in the data directory but in: {_origin(app)}.", hint=f"To go on, {otherwise}.")
    return file


def _operator_only(actor: Actor) -> None:
    if actor.account_id is not None:
        raise Forbidden("Keys are the operator's.", hint="Leave --as away: whoever can read the data directory is the operator.")
