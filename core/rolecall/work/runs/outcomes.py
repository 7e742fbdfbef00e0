"""Writes how the items of a batch ended, in one statement, and makes the digests by which the audit vouches for them.

Owns what of an item is evidence. What is digested is what is written: the same JSON text goes into both.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import TextClause, bindparam, text, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.sealing import place
from rolecall.store.engine import is_sqlite
from rolecall.store.tables import Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.unit import Item, Outcome

_COLUMNS = ("n", "person_id", "account_id", "outcome", "code", "before", "after", "message", "version_after", "salt")
_NUMBERS = {"n", "person_id", "account_id", "version_after"}
_DOCUMENTS = {"before", "after"}


def _sqlite(at: int, name: str) -> str:
    return f"json_extract(value, '$[{at}]')"


def _postgresql(at: int, name: str) -> str:
    if name in _DOCUMENTS:
        return f"nullif(value -> {at}, CAST('null' AS jsonb))"
    return f"CAST(value ->> {at} AS {'integer' if name in _NUMBERS else 'text'})"


def _statement(part: Callable[[int, str], str], source: str) -> TextClause:
    # Every row exists. Written as an insert because an UPDATE ... FROM lets SQLite walk the whole list once for every item.
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    values = ", ".join(part(at, name) for at, name in enumerate(_COLUMNS))
    kept = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS[1:])
    return text(
        f"INSERT INTO run_item (run_id, {names}) SELECT :run, {values} FROM {source} WHERE true "
        f"ON CONFLICT (run_id, n) DO UPDATE SET {kept}"
    )


_SQLITE = _statement(_sqlite, "json_each(:items)")
_POSTGRESQL = _statement(_postgresql, "jsonb_array_elements(CAST(:items AS jsonb)) AS said(value)")
#: Width of the column; what is longer is cut.
_LONGEST = 2_000
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_NOBODY = Item(n=0, person_id=None, account_id=None)


def write_outcomes(app: Application, session: Session, run: Run, items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[list[object]]:
    """Write the outcomes of a batch onto its items; returns ``[number, digest]`` of each for the audit."""
    known = {item.n: item for item in items}
    rows, digests = [], []
    for each in outcomes:
        item = known.get(each.n, _NOBODY)
        salt = secrets.token_hex(8)
        # An item that knew its account or person from the start keeps it.
        content = _content(each, each.person_id or item.person_id, each.account_id or item.account_id)
        rest = json.dumps([_clean(each.message), each.version_after, salt])
        rows.append(f"{content[:-1]},{rest[1:]}")
        digests.append([each.n, _digest(salt, content)])
    statement = _SQLITE if is_sqlite(session) else _POSTGRESQL
    session.execute(statement, {"items": f"[{','.join(rows)}]", "run": run.id})
    _seal(app, session, run, outcomes)
    return digests


def item_digest(salt: str, item: RunItem) -> str:
    """The salted digest of a written item's content, as the audit holds it."""
    return _digest(salt, _content(item, item.person_id, item.account_id))


def _content(item: Outcome | RunItem, person_id: int | None, account_id: int | None) -> str:
    """What of an item is evidence, as JSON that both databases give back as it is."""
    content = [item.n, person_id, account_id, item.outcome, item.code, item.before, item.after]
    found = _encode(content)
    # NUL, lone surrogates, NaN and huge floats, which a database would refuse or spell otherwise.
    if any(odd in found for odd in ("\\u0000", "\\ud", "NaN", "Infinity", "e+")):
        return audit.canonical(json.loads(found))
    return found


def _digest(salt: str, content: str) -> str:
    return hashlib.sha256(f"{salt}{content}".encode()).hexdigest()


def _clean(message: str | None) -> str | None:
    return None if message is None else message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()[:_LONGEST]


def _seal(app: Application, session: Session, run: Run, outcomes: Sequence[Outcome]) -> None:
    sealed: list[dict[str, Any]] = [
        {"b_n": each.n, "b_sealed": app.keyring.seal(each.secret, place("run_item", run.id, str(each.n)))}
        for each in outcomes
        if each.secret is not None
    ]
    if sealed:
        table = RunItem.__table__
        of_item = (table.c.run_id == run.id) & (table.c.n == bindparam("b_n"))
        session.connection().execute(update(RunItem).where(of_item).values(sealed_secret=bindparam("b_sealed")), sealed)
