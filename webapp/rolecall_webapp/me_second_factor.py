"""My second factor: setting up an app, recovery codes, replacing and removing it (R53, A-22).

Owns the pages. Each change asks for a fresh password; the key and the recovery codes are shown to nobody else, the codes once.
"""

import segno
from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import second_factor
from rolecall.errors import Invalid
from rolecall.sdk.fields import FormField
from rolecall.store.tables import SecondFactor
from rolecall.translation import gettext as _
from rolecall.work import own_second_factor
from rolecall_webapp.frame import application, carry, institution, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Button, Buttons, Cell, Facts, Form, Note, Part, State

pages = Blueprint("me_second_factor", __name__, url_prefix="/me/second-factor")

_KICKER = _("My account")
_TITLE = _("My second factor")
_CODE = FormField(
    name="code", label=_("Code from your app"), kind="text", required=True, autocomplete="one-time-code",
    help=_("The six digits that the app shows now."),
)  # fmt: skip
#: Apps ask for groups of four to be typed.
_GROUP = 4


@pages.get("")
@needs(None, before_factor=True, private=True)
def index() -> ResponseReturnValue:
    """Whether I have a second factor, and what I can do about it."""
    return render_template("page.html", title=_TITLE, kicker=_KICKER, parts=_on() if g.account.has_factor else _none())


@pages.post("/begin")
@needs(None, before_factor=True, private=True)
def begin() -> ResponseReturnValue:
    """Make a key for an app; one that is in use goes on until a code of the new one was given."""
    require_fresh(url_for("me_second_factor.index"))
    own_second_factor.begin(application(), g.account)
    return redirect(url_for("me_second_factor.app"), 303)


@pages.get("/app")
@needs(None, before_factor=True, private=True)
def app() -> ResponseReturnValue:
    """Show the key as text and to be scanned, and ask for a code of the app that has it."""
    require_fresh(url_for("me_second_factor.index"))
    return _app_page({}) or redirect(url_for("me_second_factor.index"), 303)


@pages.post("/app")
@needs(None, before_factor=True, private=True)
def confirm() -> ResponseReturnValue:
    """Let the app count from now on, and show the recovery codes, once."""
    require_fresh(url_for("me_second_factor.index"))
    try:
        token, codes = own_second_factor.turn_on(application(), g.actor, g.account, request.form.get("code", ""))
    except Invalid as error:
        wrong, status = problems(error)
        page = _app_page(wrong)
        return (page, status) if page else redirect(url_for("me_second_factor.index"), 303)
    carry(token)
    return _codes_page(codes, _("Your second factor is on. Your other sessions have ended."))


@pages.post("/codes")
@needs(None)
def codes() -> ResponseReturnValue:
    """Make ten new recovery codes and show them, once."""
    require_fresh(url_for("me_second_factor.index"))
    return _codes_page(own_second_factor.new_recovery_codes(application(), g.actor, g.account), _("The codes before are worthless now."))


@pages.post("/remove")
@needs(None)
def remove() -> ResponseReturnValue:
    """Sign in with the password alone from now on."""
    require_fresh(url_for("me_second_factor.index"))
    own_second_factor.turn_off(application(), g.actor, g.account)
    say(_("You have no second factor any more."))
    return redirect(url_for("me_second_factor.index"), 303)


def _none() -> list[Part]:
    if second_factor.mode(g.db, g.account.type) == second_factor.OFF:
        return [Note(text=_("Your institution does not offer a second factor to you."), hint=_("Ask the office if you need one."))]
    start = Button(label=_("Set up an app"), href=url_for("me_second_factor.begin"), post=True, look="main")
    what = _(
        "With a second factor you give a code from an app on your phone after your password, so nobody gets in who only knows the password."
        " Any app for one-time codes will do: Google Authenticator, Microsoft Authenticator, FreeOTP, a password manager."
    )
    must = [Note(text=_("You need a second factor before you can go on."), look="wait")] if g.account.must_set_up_factor else []
    return [*must, Note(text=what), Buttons(groups=[("", [start])])]


def _on() -> list[Part]:
    row = g.db.get_one(SecondFactor, g.account.account_id)
    left = second_factor.codes_left(g.db, g.account.account_id)
    few = [State(word=_("make new ones"), look="wait")] if left < 3 else []
    facts = Facts(
        facts=[
            (_("Second factor"), Cell(text=_("an app"), plain=True, states=[State(word=_("On"), look="ok")])),
            (_("Set up"), Cell(at=row.confirmed_at)),
            (_("Recovery codes left"), Cell(text=str(left), states=few)),
        ]
    )
    required = second_factor.mode(g.db, g.account.type) == second_factor.REQUIRED
    why_not = _("Your institution requires one. Set up another app instead.") if required else None
    return [
        facts,
        Buttons(
            groups=[
                (
                    "",
                    [
                        Button(label=_("Set up another app"), href=url_for("me_second_factor.begin"), post=True),
                        Button(label=_("New recovery codes"), href=url_for("me_second_factor.codes"), post=True),
                        Button(label=_("Remove my second factor"), href=url_for("me_second_factor.remove"), post=True, why_not=why_not),
                    ],
                )
            ]
        ),
    ]


def _app_page(wrong: dict[str, list[str]]) -> str | None:
    key = second_factor.next_key(g.db, application().keyring, g.account.account_id)
    if key is None:
        return None
    address = second_factor.address_of(key, g.account.username, institution()[0])
    # Dark on white with its quiet zone, whatever the page looks like: phones read nothing else.
    picture = segno.make(address, error="m").svg_data_uri(scale=4, dark="#000", light="#fff", border=4)
    form = Form(
        action=url_for("me_second_factor.confirm"), fields=(_CODE,), errors=wrong, button=_("Turn it on"),
        cancel=url_for("me_second_factor.index"),
    )  # fmt: skip
    typed = " ".join(key[start : start + _GROUP] for start in range(0, len(key), _GROUP))
    return render_template("second_factor.html", title=_("Set up an app"), kicker=_KICKER, picture=picture, key=typed, form_=form)


def _codes_page(codes: list[str], note: str) -> str:
    return render_template("recovery_codes.html", title=_("Your recovery codes"), kicker=_KICKER, codes=codes, note=note)
