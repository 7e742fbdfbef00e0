"""The delta of users: what changed since a token was given, page by page, and tokens that are of no use any more."""

from __future__ import annotations

import json
from typing import Any

from rolecall_o365.fake.routes import Call, route
from rolecall_o365.fake.state import GraphError, Row, State

#: Who may read users.
READ = ("User.Read.All", "User.ReadWrite.All")


def _snapshot(state: State) -> dict[str, str]:
    return {number: json.dumps(row, sort_keys=True) for number, row in state.users.items()}


@route("GET", "/users/delta()", READ)
def delta(call: Call) -> Any:
    """Tell what changed since a token. A row holds the id and what changed; ``latest`` tells nothing and gives a token."""
    state, token = call.state, call.query.get("$deltatoken", "")
    start = int(call.query.get("$skiptoken", "0"))
    if token == "latest":  # noqa: S105 - a word of Graph, no secret
        return 200, {"value": [], "@odata.deltaLink": _link(call, "$deltatoken", _token(state))}
    if token not in state.deltas:
        if call.site.expired == 410:
            raise GraphError(410, "resyncRequired", "Resync required. Any differences between local and server must be reconciled.")
        raise GraphError(call.site.expired, "syncStateNotFound", "The sync state generation is not found.")
    before, now = state.deltas[token], _snapshot(state)
    rows: list[Row] = [_changed(before.get(number), text) for number, text in now.items() if before.get(number) != text]
    rows += [
        {"id": number, "@removed": {"reason": "changed" if number in state.deleted else "deleted"}}
        for number in before
        if number not in now
    ]
    page = rows[start : start + call.site.page_size]
    if start and call.site.repeats:
        page = [rows[start - 1], *page]
    if start + call.site.page_size < len(rows):
        more = f"{_link(call, '$deltatoken', token)}&$skiptoken={start + call.site.page_size}"
        return 200, {"value": page, "@odata.nextLink": more}
    return 200, {"value": page, "@odata.deltaLink": _link(call, "$deltatoken", _token(state))}


def _token(state: State) -> str:
    token = f"t{len(state.deltas) + 1}"
    state.deltas[token] = _snapshot(state)
    return token


def _link(call: Call, name: str, value: str) -> str:
    return f"{call.site.base_url}/v1.0/users/delta()?{name}={value}"


def _changed(before: str | None, after: str) -> Row:
    row: Row = json.loads(after)
    known: Row = json.loads(before) if before is not None else {}
    return {"id": row["id"], **{name: value for name, value in row.items() if known.get(name, ...) != value}}
