"""The settings of the SAML plugin: what the form, the API and the command line ask for (R56)."""

from __future__ import annotations

from collections.abc import Sequence

from marshmallow import Schema, ValidationError, fields, validate

from rolecall.sdk.decided_domains import DecidedDomains
from rolecall.sdk.fields import Lines
from rolecall_saml import certificates

_ATTRIBUTE = validate.Regexp(r"^[!-~]{0,255}\Z", error="The name of an attribute, without spaces.")


def _check_certificate(lines: Sequence[str]) -> None:
    if not lines:
        return
    try:
        certificates.read(lines)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class SamlSettings(Schema):
    """One identity provider, what it calls things, and what it is trusted with."""

    idp_entity_id = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[!-~]{0,500}\Z", error="The entity ID exactly as the identity provider names itself, without spaces."),
        metadata={
            "label": "Entity ID",
            "help": "What the identity provider calls itself: entityID in its metadata, Identifier at Microsoft.",
            "risk": "After a change nobody who was linked before can sign in: an identity is known by who vouches for it.",
            "group": "Identity provider",
        },
    )
    sso_url = fields.Url(
        load_default="",
        require_tld=False,
        schemes={"https"},
        metadata={
            "label": "Address for signing in",
            "help": "Where browsers are sent: the SingleSignOnService with the binding HTTP-Redirect in its metadata.",
            "group": "Identity provider",
        },
    )
    certificate = Lines(
        load_default=list,
        validate=_check_certificate,
        metadata={
            "label": "Certificate",
            "help": "What the identity provider signs with, from -----BEGIN to END----- or as its metadata has it. "
            "Take it from the provider's own page: whoever has the key to it can be anybody here.",
            "group": "Identity provider",
        },
    )
    next_certificate = Lines(
        load_default=list,
        validate=_check_certificate,
        metadata={
            "label": "Next certificate",
            "help": "The new one, before the identity provider changes to it: both are believed. Move it up when the change is done.",
            "group": "Identity provider",
        },
    )
    button = fields.String(
        load_default="",
        validate=validate.Length(max=60),
        metadata={
            "label": "Name on the sign-in page",
            "help": "What people know it by, such as School account.",
            "connection": False,
            "group": "Signing in",
        },
    )
    subject_attribute = fields.String(
        load_default="",
        validate=_ATTRIBUTE,
        metadata={
            "label": "Attribute that identifies",
            "help": "One that never changes and is never given to anybody else; never an address or a name. Empty: the persistent NameID.",
            "risk": "After a change nobody who was linked before can sign in. Whoever can change the attribute can be anybody.",
            "connection": False,
            "group": "What it tells",
        },
    )
    email_attribute = fields.String(
        load_default="",
        validate=_ATTRIBUTE,
        metadata={
            "label": "Attribute with the e-mail",
            "help": "Empty: the usual names are looked for.",
            "connection": False,
            "group": "What it tells",
            "advanced": True,
        },
    )
    first_name_attribute = fields.String(
        load_default="",
        validate=_ATTRIBUTE,
        metadata={
            "label": "Attribute with the first name",
            "help": "Empty: the usual names are looked for.",
            "connection": False,
            "group": "What it tells",
            "advanced": True,
        },
    )
    last_name_attribute = fields.String(
        load_default="",
        validate=_ATTRIBUTE,
        metadata={
            "label": "Attribute with the last name",
            "help": "Empty: the usual names are looked for.",
            "connection": False,
            "group": "What it tells",
            "advanced": True,
        },
    )
    code_attribute = fields.String(
        load_default="",
        validate=_ATTRIBUTE,
        metadata={
            "label": "Attribute with the person's code",
            "help": "Finds the record of somebody who has no account yet, and nobody else. Empty: they are found by the e-mail on it.",
            "risk": "Whoever can change the attribute at the identity provider can be anybody who has no account yet.",
            "connection": False,
            "group": "New accounts",
            "advanced": True,
        },
    )
    authoritative_domains = DecidedDomains(
        whoever="Whoever comes with an address there",
        risk="Whoever runs the identity provider, or can get an address of these domains there, gets into the account that has it.",
    )
