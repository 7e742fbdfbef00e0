"""Which integrations name a role or a student status in their settings (R54).

Owns that what a scope names is there: it is not deleted while it is named. Knows nothing of what a scope does.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.store.tables import Setting

#: Settings that hold ids of roles, and of statuses.
ROLES, STATUSES = ("roles", "grouped_roles", "new_account_roles"), ("statuses",)


def naming(session: Session, keys: tuple[str, ...], named: int) -> list[str]:
    """Return the plugins in whose settings the id stands, in one of the lists with these names."""
    rows = session.execute(select(Setting.plugin, Setting.value).where(Setting.key.in_(keys), Setting.value.is_not(None)))
    return sorted({row.plugin for row in rows if str(named) in {str(each) for each in row.value["value"] or ()}})
