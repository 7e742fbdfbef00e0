"""The choice of a language by whoever is not signed in: a button below the sign-in page, kept in this browser (R59b).

Whoever is signed in chooses on the pages of their own account instead.
"""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from rolecall.errors import Invalid
from rolecall.translation import gettext as _
from rolecall_webapp import spoken
from rolecall_webapp.frame import local_path, public

pages = Blueprint("language", __name__, url_prefix="/language")


@pages.post("")
@public
def choose() -> ResponseReturnValue:
    """Keep the choice, and go on where it was made.

    :raises Invalid: for a language that is not offered.
    """
    chosen = spoken.match(request.form.get("language"))
    if chosen is None:
        raise Invalid(_("This language is not offered."), hint=_("Choose one of the list."))
    response = redirect(local_path(request.form.get("next")), 303)
    spoken.keep(response, chosen)
    return response
