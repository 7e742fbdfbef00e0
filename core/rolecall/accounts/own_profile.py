"""What people may change about themselves without asking anybody: the name that their account shows, and their language (R59b, R29).

Owns which of it is allowed and which languages there are. The transaction around it is for ``work.own_account``.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts.core_settings import core_settings
from rolecall.errors import Invalid, Refused
from rolecall.sdk.person_fields import problem_of
from rolecall.store.tables import Account
from rolecall.translation import gettext as _

#: The languages that messages and printed slips are written in, each by its own name.
LANGUAGES = {"en": "English", "el": "Ελληνικά", "ar": "العربية", "fr": "Français", "de": "Deutsch"}

#: The values of what differs, before and after.
Difference = tuple[dict[str, Any], dict[str, Any]]

_NAMES = {"first_name": _("Write your first name."), "last_name": _("Write your last name.")}


def may_rename(session: Session) -> bool:
    """Tell whether the institution lets people change their own profile name."""
    return bool(core_settings(session)["own_profile_name"])


def languages(session: Session) -> dict[str, str]:
    """The languages that somebody can choose, tag to name: the institution's own, then those of the texts."""
    own = str(core_settings(session)["default_language"])
    return {own: LANGUAGES.get(own, own)} | LANGUAGES


def rename(session: Session, account: Account, names: Mapping[str, str]) -> Difference:
    """Give an account another name of its owner's choice, which nothing overwrites by rule; return what differs, before and after.

    :raises Refused: when the institution does not allow it.
    :raises Invalid: with the sentences of each wrong field.
    """
    if not may_rename(session):
        raise Refused(_("Your name is kept by the office."), hint=_("Ask the office to change it."))
    values = {name: " ".join(names.get(name, "").split()) for name in _NAMES}
    wrong = {name: [problem] for name, text in values.items() if (problem := _problem(name, text))}
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    if all(getattr(account, name) == text for name, text in values.items()):
        return {}, {}
    account.version += 1
    return _put(account, values | {"name_by_hand": True})


def choose_language(session: Session, account: Account, language: str) -> Difference:
    """Set the language of messages to an account; an empty one follows the person's record again. Returns what differs.

    Nothing that runs restore or providers hold, so the account's version stays.

    :raises Invalid: for a language that is not offered; the one that is set already may stay.
    """
    if language and language != account.language and language not in languages(session):
        message = _("This language is not offered.")
        raise Invalid(message, hint=_("Choose one of the list."), fields={"language": [message]})
    return _put(account, {"language": language or None})


def _problem(name: str, text: str) -> str:
    return problem_of(name, text) if text else _NAMES[name]


def _put(account: Account, values: Mapping[str, Any]) -> Difference:
    before = {name: getattr(account, name) for name, value in values.items() if getattr(account, name) != value}
    for name in before:
        setattr(account, name, values[name])
    return before, {name: values[name] for name in before}
