"""The page of user names: a formula tried on real people while it is typed, and used for a user type on purpose (R49)."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import username_samples
from rolecall.accounts.core_settings import FORMAT, username_formats
from rolecall.accounts.formula import DEFAULT, FIELDS
from rolecall.accounts.username_samples import Preview
from rolecall.errors import Invalid
from rolecall.sdk.words import USER_TYPES
from rolecall.work import changes
from rolecall_webapp import settings
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Cell, Empty, FilterBar, FilterField, Form, Head, Note, Part, Row, State, Table, cell

pages = Blueprint("username_formats", __name__, url_prefix="/settings/usernames")


@pages.get("")
@needs("settings:view")
def index() -> ResponseReturnValue:
    """Try a formula of user names on real people; nothing is saved or claimed."""
    user_type = request.args.get("type", "")
    user_type = user_type if user_type in USER_TYPES else "student"
    saved = username_formats(g.db)[user_type]
    formula = request.args.get("format", "").strip() or saved
    fields = [
        FilterField(id="type", label="For", options=tuple(USER_TYPES.items()), value=user_type, default="student"),
        FilterField(id="format", label="Format", value=formula, search=True, help=saved),
    ]
    rows: Part
    below: list[Part] = []
    sentence = "The format in use" if formula == saved else "Tried, and not saved yet"
    try:
        found = username_samples.preview(g.db, user_type, formula)
        rows = _table(found) if may("people:view") else Note(text="Examples are shown to whoever may see people.")
        sentence = f"{sentence}. {found.sentence}" if found.total else sentence
    except Invalid as error:
        rows = Note(text=error.message, hint=error.hint, look="bad")
    else:
        if formula != saved and may("settings:edit"):
            below = [
                Form(
                    action=url_for("username_formats.save"),
                    fields=[],
                    button=f"Use it for {USER_TYPES[user_type].lower()}",
                    help="For accounts that are opened from now on; user names that exist stay.",
                    hidden={"type": user_type, "format": formula},
                )
            ]
    return render_template(
        "list.html",
        title="User names",
        kicker="Settings",
        tabs_=settings.tabs("username_formats.index"),
        before=[Note(text=_format_help(), hint="Below is what these people would get if none of them had an account yet.")],
        bar=FilterBar(action=url_for("username_formats.index"), fields=fields),
        sentence=sentence,
        rows=rows,
        below=below,
    )


@pages.post("")
@needs("settings:edit")
def save() -> ResponseReturnValue:
    """Use the formula for a user type."""
    user_type, formula = request.form.get("type", ""), request.form.get("format", "").strip()
    if user_type not in USER_TYPES:
        raise Invalid("There is no such user type.", hint=f"The types are {', '.join(USER_TYPES)}.")
    changes.set_plugin(application(), g.actor, "core", values={f"{FORMAT}{user_type}": formula})
    say(f"New user names of {USER_TYPES[user_type].lower()} are made by this format.")
    return redirect(url_for("username_formats.index", type=user_type), 303)


def _table(found: Preview) -> Table:
    return Table(
        caption="User names that the format would give",
        heads=[Head(label=label) for label in ("Person", "Language", "User name", "Why")],
        rows=[
            Row(
                cells=[
                    cell(f"{each.first_name} {each.last_name}", note=each.code),
                    cell(each.language),
                    cell(each.foreseen.username),
                    Cell(states=[State(word=word[:1].upper() + word[1:], look="wait") for word in each.foreseen.remarks]),
                ]
            )
            for each in found.samples
        ],
        empty=Empty(text="There is nobody of this type to try it on yet."),
    )


def _format_help() -> str:
    fields = ", ".join(f"{{{name}}} {meaning}" for name, meaning in FIELDS.items())
    return f"Write fields in braces, cut with a colon: {DEFAULT}. Fields: {fields}."
