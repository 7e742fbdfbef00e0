"""Who acts: an account with its rights, the operator at the command line, or the system itself."""

from dataclasses import dataclass

from rolecall.errors import Forbidden
from rolecall.translation import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever asks for something to be done.

    ``name`` is ``account:<id>``, ``cli:<os user>`` or ``worker``; ``permissions`` none means every permission
    (the operator, the Global Owner, the system). ``address`` is where the request came from. ``period_id`` is the period whose role
    the permissions are; none is the current one (R59).
    """

    name: str
    label: str
    account_id: int | None = None
    permissions: frozenset[str] | None = frozenset()
    types: frozenset[str] | None = None
    address: str | None = None
    period_id: int | None = None
    #: Whose account it is that somebody else works with, ``account:<id>``; none of whoever works with their own (R27).
    on_behalf: str | None = None

    def may(self, permission: str) -> bool:
        """Tell whether the actor holds a permission: ``<area>:<verb>`` or ``act:<action id>`` (R58)."""
        return self.permissions is None or permission in self.permissions

    def reaches(self, user_type: str) -> bool:
        """Tell whether the actor's rights reach accounts of a user type (R58)."""
        return self.types is None or user_type in self.types

    def require(self, permission: str) -> None:
        """Refuse unless the actor holds the permission.

        :raises Forbidden: naming what is missing.
        """
        if not self.may(permission):
            raise Forbidden(
                _("Your role does not allow this."),
                hint=_("Ask an administrator for the permission “{permission}”.", permission=permission),
            )


def operator(user: str) -> Actor:
    """The operating-system user at the command line: whoever can read the data directory."""
    return Actor(name=f"cli:{user}", label=f"{user} (command line)", permissions=None)


WORKER = Actor(name="worker", label="Rolecall", permissions=None)
