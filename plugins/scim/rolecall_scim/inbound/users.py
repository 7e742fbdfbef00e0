"""A SCIM user as a person of a list, and back (RFC 7643 §4.1).

Owns which attribute is which field, and which of several addresses is the one that is kept. Knows nothing of where people are stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from scim2_models import InvalidValueException, Meta, Reference

from rolecall import HandedPerson, Identity
from rolecall.sdk.person_fields import problem_of
from rolecall_scim.inbound.models import Email, EnterpriseUser, GroupMembership, Name, PhoneNumber, User
from rolecall_scim.inbound.settings import CODES, list_of

Person = User[EnterpriseUser]
Entry = TypeVar("Entry", Email, PhoneNumber)
#: What the kept address and number are where the directory has not said it.
EMAIL_TYPE, PHONE_TYPE = "work", "mobile"


def user_of(person: HandedPerson, settings: Mapping[str, Any], groups: Sequence[tuple[str, str]] = ()) -> User[EnterpriseUser]:
    """Return a person as the directory sees them."""
    facts = person.identity.facts
    number = person.code if code_source(settings) == "employeeNumber" else facts.get("employeeNumber")
    user = Person(
        id=person.key,
        external_id=person.identity.external_id,
        user_name=person.identity.name,
        name=Name(given_name=person.first_name, family_name=person.last_name),
        display_name=facts.get("displayName"),
        user_type=facts.get("userType"),
        preferred_language=person.language or facts.get("preferredLanguage"),
        active=None if "activeUnsaid" in facts else person.active,
        emails=[Email(value=person.email, **_said("email", facts, EMAIL_TYPE))] if person.email else None,
        phone_numbers=[PhoneNumber(value=person.phone, **_said("phone", facts, PHONE_TYPE))] if person.phone else None,
        groups=[GroupMembership(value=key, display=name, ref=Reference(f"Groups/{key}")) for key, name in groups] or None,
        meta=Meta(resource_type="User", created=person.created_at, last_modified=person.changed_at, version=f'W/"{person.version}"'),
    )
    if number:
        user[EnterpriseUser] = EnterpriseUser(employee_number=number)
    return user


def identity_of(user: User[EnterpriseUser], settings: Mapping[str, Any]) -> Identity:
    """Return how the directory knows a user, with what people have no field for."""
    email, phone = kept_email(user), kept_phone(user)
    facts = {
        "displayName": user.display_name,
        "userType": user.user_type,
        "employeeNumber": None if code_source(settings) == "employeeNumber" else _number(user),
        "preferredLanguage": None if is_language(user.preferred_language) else user.preferred_language,
        "emailType": email.type if email is not None and email.type != EMAIL_TYPE else None,
        "activeUnsaid": "yes" if user.active is None else None,
        "emailPrimary": "no" if email is not None and email.primary is False else None,
        "phonePrimary": "no" if phone is not None and phone.primary is False else None,
    }
    kept = {name: str(each) for name, each in facts.items() if each}
    return Identity(name=user.user_name or "", external_id=user.external_id or None, facts=kept)


def values_of(user: User[EnterpriseUser], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the person's record; what the user does not have is none.

    :raises InvalidValueException: when the attribute is missing that is the person's code.
    """
    source = code_source(settings)
    code = {"externalId": user.external_id, "userName": user.user_name, "employeeNumber": _number(user)}[source]
    if not code:
        raise InvalidValueException(detail=f"{source} is needed: it is the person's code in Rolecall.")
    email, phone = kept_email(user), kept_phone(user)
    values: dict[str, Any] = {
        "code": code,
        "first_name": user.name.given_name if user.name else None,
        "last_name": user.name.family_name if user.name else None,
        "email": email.value if email is not None else None,
        "phone": phone.value if phone is not None else None,
        "language": user.preferred_language if is_language(user.preferred_language) else None,
    }
    return values if user.active is None else values | {"active": user.active}


def list_for(user: User[EnterpriseUser], settings: Mapping[str, Any]) -> str:
    """Return the list that a user belongs to.

    :raises InvalidValueException: when the settings name none.
    """
    found = list_of(settings, user.user_type)
    if found is None:
        said = f"the user type “{user.user_type}”" if user.user_type else "people without a user type"
        raise InvalidValueException(detail=f"The settings of Rolecall name no list for {said}. Ask its administrator.")
    return found


def code_source(settings: Mapping[str, Any]) -> str:
    """Return the attribute that is the person's code."""
    chosen: str = settings["inbound_code"]
    return next(name for name, label in CODES.items() if chosen in (name, label))


def is_language(text: str | None) -> bool:
    """Tell whether a preferred language is a tag that people can have; directories let anything be typed there."""
    return not text or not problem_of("language", text)


def kept_email(user: User[EnterpriseUser]) -> Email | None:
    """Return the address that is kept of several: the primary one, else the one for work, else the first."""
    return _kept(user.emails or (), EMAIL_TYPE)


def kept_phone(user: User[EnterpriseUser]) -> PhoneNumber | None:
    """Return the number that is kept: the mobile one. A number that is said to be another, such as of a fax, is not kept."""
    mobile = [each for each in user.phone_numbers or () if each.type in (None, PHONE_TYPE)]
    return _kept(mobile, PHONE_TYPE)


def _said(what: str, facts: Mapping[str, str], kind: str) -> dict[str, Any]:
    """What the directory said of the address or number besides its value."""
    return {"type": facts.get(f"{what}Type", kind), "primary": facts.get(f"{what}Primary") != "no"}


def _kept(entries: Iterable[Entry], kind: str) -> Entry | None:
    there = [each for each in entries if each.value]
    ranked = sorted(there, key=lambda each: (not each.primary, each.type != kind))
    return ranked[0] if ranked else None


def _number(user: User[EnterpriseUser]) -> str | None:
    extension = user[EnterpriseUser]
    return extension.employee_number if extension is not None else None
