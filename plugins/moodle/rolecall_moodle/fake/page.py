"""A page on which people see what the fake site holds: for the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape
from werkzeug.wrappers import Response

#: A page is for looking at; more rows than these nobody reads.
MOST = 500

STYLE = Markup("""
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; text-align: start; border-bottom: 1px solid #bbb }
.suspended { opacity: .6 } div { overflow-x: auto }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #eee } }
""")

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def page(name: str, users: Mapping[str, Mapping[str, Any]]) -> Response:
    """Return the list of users, every word of it escaped."""
    rows = Markup("").join(_row(user) for user in list(users.values())[:MOST])
    more = Markup("<p>… and {} more.</p>").format(len(users) - MOST) if len(users) > MOST else ""
    body = Markup(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>{name}</title><style>{style}</style></head><body><h1>{name}</h1>"
        "<p>This is a pretended Moodle with {count} users. Nothing here reaches a real one.</p><div><table><thead><tr>"
        "<th>Id</th><th>User name</th><th>Name</th><th>E-mail</th><th>ID number</th><th>State</th><th>Cohorts</th>"
        "</tr></thead><tbody>{rows}</tbody></table></div>{more}</body></html>"
    ).format(name=name, style=STYLE, count=len(users), rows=rows, more=more)
    return Response(str(body), 200, HEADERS)


def _row(user: Mapping[str, Any]) -> Markup:
    state = "suspended" if user["suspended"] else "active"
    cells = (
        user["id"],
        user["username"],
        f"{user['firstname']} {user['lastname']}",
        user["email"],
        user["idnumber"],
        state,
        ", ".join(sorted(user["groups"])),
    )
    columns = Markup("").join(Markup("<td dir=auto>{}</td>").format(escape(cell)) for cell in cells)
    return Markup('<tr class="{}">{}</tr>').format(state, columns)
