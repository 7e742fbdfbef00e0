"""Answers calls about SIS imports, and carries them out: row by row, by SIS id and then by login, as Canvas does."""

from __future__ import annotations

import csv
import io

from rolecall_canvas.fake.routes import Call, route
from rolecall_canvas.fake.state import CanvasError, Row, State, not_found

STATUSES = ("active", "deleted", "suspended")


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("content", "looks")}


@route("POST", "/accounts/{}/sis_imports", "import_sis")
def create(call: Call, account: str) -> Row:
    """Take a file; it is worked on later."""
    call.site.check_account(account, root=True)
    row: Row = {
        "id": call.state.new_id(),
        "created_at": call.site.now(),
        "ended_at": None,
        "workflow_state": "created",
        "progress": 0,
        "batch_mode": call.asked("batch_mode") == "true",
        "content": call.content.decode(),
        "looks": call.site.import_looks,
    }
    call.state.imports[row["id"]] = row
    return _shown(row)


@route("GET", "/accounts/{}/sis_imports", "import_sis")
def everything(call: Call, account: str) -> Row:
    """All imports."""
    call.site.check_account(account, root=True)
    return {"sis_imports": [_shown(row) for row in call.state.imports.values()]}


@route("GET", "/accounts/{}/sis_imports/{}", "import_sis")
def one(call: Call, account: str, step: str) -> Row:
    """One import; after so many looks at it, it is done."""
    call.site.check_account(account, root=True)
    row = call.state.imports.get(int(step))
    if row is None:
        raise not_found()
    if row["ended_at"] is None:
        row["workflow_state"] = "importing"
        if row["looks"] <= 0:
            finish(call.state, row, now=call.site.now(), outcome=call.site.import_outcome)
        row["looks"] -= 1
    return _shown(row)


def finish(state: State, row: Row, *, now: str, outcome: str = "") -> None:
    """Carry an import out; ``outcome`` is a state in which it ends without having done anything."""
    warnings: list[str] = []
    if not outcome:
        for line in csv.DictReader(io.StringIO(row["content"])):
            _carry(state, line, warnings, now)
    row |= {
        "workflow_state": outcome or ("imported_with_messages" if warnings else "imported"),
        "ended_at": now,
        "progress": 100,
        "processing_warnings": [["users.csv", warning] for warning in warnings],
        "processing_errors": [["users.csv", "The import was given up."]] if outcome else [],
    }


def _carry(state: State, line: dict[str, str], warnings: list[str], now: str) -> None:
    sis, unique = line["user_id"], line["login_id"]
    if not sis or not unique or line.get("status") not in STATUSES:
        warnings.append(f"Improper or missing value for user {sis}")
        return
    by_login = state.by_login(unique)
    login = state.by_sis(sis) or by_login
    if login is not None and login["sis_user_id"] not in (None, sis):
        warnings.append(f"An existing Canvas user with the SIS ID {login['sis_user_id']} has already claimed {sis}'s login, skipping")
        return
    if by_login is not None and login is not by_login:
        warnings.append(f"An existing Canvas user has already claimed {sis}'s login, skipping")
        return
    names = {"name": line["full_name"], "sortable_name": line.get("sortable_name") or None, "email": line.get("email") or None}
    if line.get("short_name"):
        names["short_name"] = line["short_name"]
    if login is None:
        try:
            state.check_login(unique, sis)
        except CanvasError as error:
            warnings.append(f"User {sis}: {error}")
            return
        user = state.add_user(created_at=now, **names)
        state.add_login(
            user["id"],
            unique,
            sis,
            password=line.get("password") or None,
            authentication_provider_id=line.get("authentication_provider_id") or None,
        )
        return
    user = state.users[login["user_id"]]
    if user["workflow_state"] == "deleted":
        state.restore_user(user["id"])
    user |= {name: value for name, value in names.items() if value}
    login |= {"sis_user_id": sis, "unique_id": unique}
