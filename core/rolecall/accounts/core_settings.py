"""The settings of core itself (R46, R49, R50a, R51, R52, R53): their schema, and what rules ask of them.

Owns labels, defaults and limits. Storing them is for ``settings``, as for every plugin's.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy.orm import Session

from rolecall.accounts import formula, settings
from rolecall.errors import Invalid
from rolecall.sdk.fields import Lines
from rolecall.sdk.words import TYPE_OF_LIST, USER_TYPES
from rolecall.store.folding import email_key

#: What the names of settings with a formula of user names begin with; the user type follows.
FORMAT = "username_format_"
#: What the names of settings about second factors begin with; the user type follows.
SECOND_FACTOR = "second_factor_"
#: What the names of settings about invitations on creation begin with; the user type follows.
INVITE_NEW = "invite_new_"


def _is_formula(text: str) -> None:
    try:
        formula.parse(text)
    except Invalid as wrong:
        raise ValidationError(str(wrong)) from wrong


def _is_time_zone(text: str) -> None:
    if text not in _time_zones():
        raise ValidationError(f"{text} is not a time zone. Write it like Europe/Athens.")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _countries() -> dict[str, str]:
    """Names of countries by their two letters."""
    text = files("rolecall.accounts").joinpath("data/countries.txt").read_text("utf-8")
    return dict(line.split("\t", 1) for line in text.splitlines() if not line.startswith("#"))


_COUNTRIES = _countries()


def _are_addresses(addresses: Sequence[str]) -> None:
    keys: set[str] = set()
    for each in addresses:
        try:
            key = email_key(each)
        except Invalid as wrong:
            raise ValidationError(str(wrong)) from wrong
        if key in keys:
            raise ValidationError(f"{each} stands there twice.")
        keys.add(key)


class _InstitutionSettings(Schema):
    institution_name = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"label": "Name", "help": "Shown on every page and in messages.", "group": "Institution"},
    )
    time_zone = fields.String(
        load_default="UTC",
        validate=_is_time_zone,
        metadata={"label": "Time zone", "help": "In which pages show times, such as Europe/Athens.", "group": "Institution"},
    )
    default_language = fields.String(
        load_default="en",
        validate=validate.Regexp(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="Write the language's tag, such as el or pt-BR."),
        metadata={"label": "Default language", "help": "Of people whose record names none.", "group": "Institution"},
    )
    phone_region = fields.String(
        load_default="",
        validate=validate.OneOf(
            ["", *_COUNTRIES], labels=["", *_COUNTRIES.values()], error="Write the two capital letters of the country, such as GR."
        ),
        metadata={"label": "Phone region", "help": "Country of phone numbers that are written without one.", "group": "Institution"},
    )
    sender_addresses = Lines(
        load_default=list,
        validate=[validate.Length(max=50), _are_addresses],
        metadata={
            "label": "Sender addresses",
            "help": "From which messages may be sent, one on each line. The first is used; invitations come from the address of whoever "
            "sends them, where one of these was chosen for that account.",
            "governs": ("account.sender_email",),
            "group": "Institution",
        },
    )


class _AccountSettings(Schema):
    own_profile_name = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Everybody may change their own profile name",
            "help": "The name that pages and messages show, and providers where their settings say so. The person's record stays as it is.",
            "group": "Accounts & roles",
        },
    )
    must_change_first_password = fields.Boolean(
        load_default=True,
        metadata={
            "label": "New users must change their password",
            "help": "At their first sign-in.",
            "risk": "Without it, whoever made or printed a password goes on knowing it.",
            "group": "Accounts & roles",
            "governs": ("password.reset",),
        },
    )
    email_change = fields.String(
        load_default="block",
        validate=validate.OneOf(
            ["block", "keep"],
            labels=["Nobody signs in until the new address is verified", "User name and verified address before go on working"],
        ),
        metadata={
            "label": "When an account's e-mail is changed",
            "help": "A typing error in the new address locks its owner out until somebody verifies it by hand, or lets them in as before.",
            "governs": ("account.email", "account.verify_email"),
            "group": "Accounts & roles",
        },
    )
    invitation_says = fields.String(
        load_default="link",
        validate=validate.OneOf(
            ["link", "password"], labels=["A link to choose a password, which works once", "The first-time password, while it is kept"]
        ),
        metadata={
            "label": "Invitations say",
            "help": "Where the first-time password is gone, and where it is not to be said, a link is. It works for 14 days.",
            "risk": "A password in a mailbox is there for whoever reads it later; a link that was used is worthless.",
            "governs": ("invitation.send", "password.reset_invite"),
            "group": "Accounts & roles",
        },
    )
    deactivate_ineligible = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Deactivate accounts of people who leave",
            "help": "When a person becomes inactive, or a student no longer has a registered status. Their account comes back with them.",
            "risk": "Without it, whoever has left can go on signing in until somebody deactivates the account.",
            "governs": ("account.activate", "account.deactivate"),
            "group": "Accounts & roles",
        },
    )
    open_when_eligible = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Open accounts for people who become entitled",
            "help": "When somebody who is in a list already becomes active, or a student's status becomes a registered one. "
            "Accounts of people who are new are opened by you.",
            "group": "Accounts & roles",
        },
    )
    phone_first_password = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Use phone as first-time password",
            "help": "New accounts, administrators' aside, begin with the digits of the mobile phone, without + and blanks, where it has 8 "
            "or more; they must always be changed at the first sign-in, last seven days and stand five wrong guesses.",
            "risk": "Classmates know phone numbers, and whoever signs in first chooses the password.",
            "governs": ("password.first_is_phone", "password.change"),
            "group": "Accounts & roles",
        },
    )


class _PasswordSettings(Schema):
    keep_first_password = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Keep first-time passwords",
            "help": "Encrypted, after they were used. Otherwise they are wiped at the first sign-in.",
            "risk": "Who may print them learns passwords that are perhaps still in use elsewhere.",
            "governs": ("password.reset",),
            "group": "Passwords",
        },
    )
    forgotten_by_phone = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Forgotten passwords by SMS",
            "help": "Where an account has no verified e-mail: a link to the phone in the person's record. Never for administrators.",
            "risk": "Anybody at the sign-in page can have messages sent that cost money, within the limits of the SMS settings.",
            "group": "Passwords",
        },
    )
    keep_provider_password_days = fields.Integer(
        load_default=30,
        validate=validate.Range(min=1, max=365),
        metadata={
            "label": "Keep first passwords at providers",
            "help": "Days in which “Print user information” hands out what an account was created with there. Kept encrypted.",
            "risk": "Who may print them learns passwords that are perhaps still in use there.",
            "governs": ("account.print", "external.convert"),
            "group": "Passwords",
        },
    )
    password_min_administrator = fields.Integer(
        load_default=12,
        validate=validate.Range(min=8, max=128),
        metadata={
            "label": "Shortest password of administrators",
            "help": "Characters. Passwords that everybody tries first are always refused, and those that hold the person's own names.",
            "group": "Passwords",
            "governs": ("password.change",),
        },
    )
    password_min_other = fields.Integer(
        load_default=8,
        validate=validate.Range(min=8, max=128),
        metadata={
            "label": "Shortest password of everybody else",
            "help": "Characters.",
            "group": "Passwords",
            "governs": ("password.change",),
        },
    )
    password_max_age_days = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=3650),
        metadata={
            "label": "Oldest password",
            "help": "Days after which a password of one's own is to be changed at the next sign-in; 0 lets it grow old, which is advised.",
            "group": "Passwords",
        },
    )


class _LimitSettings(Schema):
    import_shrink_percent = fields.Integer(
        load_default=10,
        validate=validate.Range(min=0, max=100),
        metadata={
            "label": "Brake of complete imports",
            "help": "An import that would make more than this percentage of a list inactive waits until it is confirmed.",
            "risk": "At 100 no import waits: half a file closes the accounts of the other half.",
            "group": "Limits",
        },
    )
    alert_addresses = Lines(
        load_default=list,
        validate=[validate.Length(max=20), _are_addresses],
        metadata={
            "label": "Alert addresses",
            "help": "Who is told by e-mail of what should not wait until the morning, one on each line: the safety limits hold something, "
            "an integration stopped, the day's limit of SMS is reached, the owner, a secret or these addresses were changed, the owner "
            "signed in as somebody else, much was exported or printed, the audit does not verify. Empty: nobody is.",
            "group": "Limits",
        },
    )
    retention_days_deleted = fields.Integer(
        load_default=30,
        validate=validate.Range(min=1, max=3650),
        metadata={
            "label": "Keep deleted accounts",
            "help": "Days before they may be removed for good.",
            "group": "Limits",
            "governs": ("account.delete", "account.restore"),
        },
    )


_SecondFactorSettings: type[Schema] = Schema.from_dict(
    {
        f"{SECOND_FACTOR}{user_type}": fields.String(
            load_default="offered",
            validate=validate.OneOf(["off", "offered", "required"], labels=["Not offered", "Offered to everybody", "Required"]),
            metadata={
                "label": label,
                "help": "Whoever must have one sets it up right after the next sign-in, before anything else. Whoever has one is asked for "
                "its code even where it is not offered any more. Providers that sign people in ask for their own.",
                "group": "Second factor",
                "governs": ("account.reset_second_factor",),
            },
        )
        for user_type, label in USER_TYPES.items()
    },
    name="_SecondFactorSettings",
)


_InvitationSettings: type[Schema] = Schema.from_dict(
    {
        f"{INVITE_NEW}{user_type}": fields.Boolean(
            load_default=False,
            metadata={
                "label": USER_TYPES[user_type],
                "help": "An account that is opened, however that comes about, is invited at once at the e-mail of the person's record."
                + (" Students only with a registered status." if user_type == "student" else ""),
                "risk": "Opening a whole list writes to everybody in it, and a message that left cannot be taken back.",
                "group": "Invitation on creation",
                "governs": ("invitation.send",),
            },
        )
        for user_type in TYPE_OF_LIST.values()
    },
    name="_InvitationSettings",
)


_FormatSettings: type[Schema] = Schema.from_dict(
    {
        f"{FORMAT}{user_type}": fields.String(
            load_default=formula.DEFAULT,
            validate=_is_formula,
            metadata={
                "label": label,
                "help": "Fields: " + ", ".join(f"{{{name}}} {meaning}" for name, meaning in formula.FIELDS.items()) + ".",
                "group": "User names",
                "governs": ("account.username",),
            },
        )
        for user_type, label in USER_TYPES.items()
    },
    name="_FormatSettings",
)


class CoreSettings(
    _LimitSettings, _FormatSettings, _InvitationSettings, _InstitutionSettings, _SecondFactorSettings, _PasswordSettings, _AccountSettings,  # type: ignore[misc, valid-type]  # built from the user types
):  # fmt: skip
    """Everything that the institution decides about core."""


def core_settings(session: Session) -> dict[str, Any]:
    """Return every setting of core, defaults filled in; there are no secrets among them."""
    return settings.read(session, "core", CoreSettings)


def core_setting(session: Session, key: str) -> Any:
    """Return one setting of core, or its default."""
    return settings.one(session, "core", CoreSettings, key)


def username_formats(session: Session) -> dict[str, str]:
    """Return the formula of user names of each user type (R49)."""
    values = core_settings(session)
    return {user_type: values[f"{FORMAT}{user_type}"] for user_type in USER_TYPES}
