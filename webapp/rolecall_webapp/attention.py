"""What waits for somebody to decide about it, said on every page to whoever may look at it: what the safety limits hold (R62)."""

from dataclasses import dataclass

from flask import g, url_for
from sqlalchemy import exists, select

from rolecall.store.tables import Link
from rolecall.work.sync.held_groups import is_held
from rolecall_webapp.frame import may


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A provider at which closings of accounts are held, and where that is decided."""

    label: str
    href: str


def held() -> list[Held]:
    """The providers at which something is held that whoever is signed in may see; asked of an index, whatever the number."""
    names = list(g.view.providers) if may("integrations:view") and "view" in g else []
    if not names:
        return []
    waiting = g.db.execute(select(*(exists(select(Link.id).where(is_held(name))).label(f"at_{n}") for n, name in enumerate(names)))).one()
    return [
        Held(label=g.view.providers[name].label, href=url_for("sync_held.index", name=name))
        for name, waits in zip(names, waiting, strict=True)
        if waits
    ]
