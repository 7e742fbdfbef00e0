"""The kinds of messages that core sends, with their texts in each language that there are any of (R55)."""

from rolecall.builtin.messages import arabic, english, french, german, greek
from rolecall.sdk.template import TemplateKind, TemplateText

_LANGUAGES = {"en": english, "el": greek, "ar": arabic, "fr": french, "de": german}


def _texts(name: str) -> dict[str, TemplateText]:
    return {language: getattr(words, name) for language, words in _LANGUAGES.items()}


_INVITATION = {
    "link": "link to choose a password",
    "days": "days that the link works",
    "password": "first-time password, where the institution wants it said",
    "provider": "who signs the account in, where that is somebody else",
    "provider_passwords": "first passwords at providers, one on each line",
}

KINDS = (
    TemplateKind(
        id="invitation.account",
        label="Invitation",
        help="Goes to the personal e-mail. It has the link or the first-time password, never both.",
        placeholders=_INVITATION,
        required=frozenset({"link", "password"}),
        texts=_texts("INVITATION"),
    ),
    TemplateKind(
        id="password.invited_again",
        label="Invitation after a reset of the password",
        help="Goes to the personal e-mail. It has the link or the first-time password, never both.",
        placeholders=_INVITATION,
        required=frozenset({"link", "password"}),
        texts=_texts("INVITED_AGAIN"),
    ),
    TemplateKind(
        id="sms.credentials",
        label="Credentials by SMS",
        help="Goes to the phone in the person's record. Each part of it is paid for: shorter is cheaper.",
        address="phone",
        placeholders={each: _INVITATION[each] for each in ("link", "days", "provider")},
        required=frozenset({"link"}),
        texts=_texts("TEXTED"),
    ),
    TemplateKind(
        id="password.forgotten",
        label="Link to choose another password",
        help="Goes to the verified e-mail of the account when somebody says at the sign-in page that its password was forgotten.",
        placeholders={"link": "link to choose a password", "minutes": "minutes that the link works"},
        required=frozenset({"link"}),
        texts=_texts("FORGOTTEN"),
    ),
    TemplateKind(
        id="password.forgotten_texted",
        label="Link to choose another password, by SMS",
        help="Goes to the phone in the person's record where the account has no verified e-mail. Each part of it is paid for.",
        address="phone",
        placeholders={"link": "link to choose a password", "minutes": "minutes that the link works"},
        required=frozenset({"link"}),
        texts=_texts("FORGOTTEN_TEXTED"),
    ),
    TemplateKind(
        id="email.verification",
        label="Link to verify the new e-mail",
        help="Goes to the new address when the e-mail of an account is changed.",
        placeholders={"link": "link that verifies the address", "email": "the new address", "hours": "hours that the link works"},
        required=frozenset({"link"}),
        texts=_texts("VERIFICATION"),
    ),
    TemplateKind(
        id="email.changed",
        label="Notice that the e-mail was changed",
        help="Goes to the address before, so that nobody loses an account unseen.",
        placeholders={"email": "the address before, which gets this message"},
        texts=_texts("CHANGED"),
    ),
    TemplateKind(
        id="password.changed",
        label="Notice that the password was changed",
        help="Goes to the verified e-mail of whoever had a password of their own, whoever changed or reset it.",
        texts=_texts("PASSWORD_CHANGED"),
    ),
    TemplateKind(
        id="second_factor.changed",
        label="Notice that the second factor was changed",
        help="Goes to the verified e-mail when an app or recovery codes are set up, replaced or taken away, by whomever.",
        texts=_texts("FACTOR_CHANGED"),
    ),
    TemplateKind(
        id="identity.linked",
        label="Notice that another service signs in",
        help="Goes to the verified e-mail when an identity at another service is linked to the account, by whomever.",
        placeholders={"service": "what the service is called"},
        texts=_texts("IDENTITY_LINKED"),
    ),
    TemplateKind(
        id="sync.held",
        label="Notice that the safety limits hold something",
        help="Goes to the alert addresses of the settings, once for each hold, and not to anybody's own address.",
        placeholders={
            "provider": "the integration",
            "what": "what is held and why, in English",
            "suspensions": "how many suspensions are held",
            "deletions": "how many deletions are held",
            "guarded": "how many of both are of administrators, the owner and protected accounts",
            "link": "where somebody decides about it",
        },
        required=frozenset({"link"}),
        texts=_texts("HELD"),
    ),
    TemplateKind(
        id="alert.event",
        label="Alert",
        help="Goes to the alert addresses of the settings when something happened that somebody should know, and not to anybody's own "
        "address.",
        placeholders={
            "what": "what happened, in English",
            "who": "who did it",
            "when": "when that was, in the institution's time zone",
            "link": "where one looks",
        },
        required=frozenset({"what", "link"}),
        texts=_texts("ALERT"),
    ),
)
