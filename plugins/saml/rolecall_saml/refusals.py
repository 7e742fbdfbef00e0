"""How an answer is turned down: one sentence for the person, and for the log which check it failed."""

from rolecall.errors import NotProved
from rolecall.translation import gettext as _


def refused(detail: str) -> NotProved:
    """Return the error for an answer that cannot be believed; the person need not know which part of it."""
    return NotProved(
        _("The answer of the sign-in service cannot be believed, so nobody was signed in."),
        hint=_("Try again. If it happens again, tell the office."),
        detail=detail,
    )


def given_up(detail: str) -> NotProved:
    """Return the error for an answer in which the service itself says that nobody was signed in."""
    return NotProved(_("The sign-in service signed nobody in."), hint=_("Try again, or choose another way to sign in."), detail=detail)


def unknown(detail: str) -> NotProved:
    """Return the error for an answer that is in order, but does not say who it is in the way that was agreed."""
    return NotProved(
        _("The sign-in service does not tell who it is, so nobody was signed in."),
        hint=_("Tell the office: what the service tells does not fit the settings here."),
        detail=detail,
    )
