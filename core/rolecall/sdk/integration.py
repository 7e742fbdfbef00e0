"""The settings that every provider has beside its own: whom it serves, what is sent, and what happens when an account is closed (R54).

Owns their names and help. Knows nothing of how a scope is asked of the database: that is `work.links`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from rolecall.sdk.fields import Choices
from rolecall.sdk.mapping import MappedAttribute, MappingField
from rolecall.sdk.words import USER_TYPES

if TYPE_CHECKING:
    from rolecall.sdk.provider import Provider

ON_DEACTIVATION = {"suspend": "Suspend it", "leave": "Leave it as it is", "delete": "Suspend it, and delete it after some days"}
ON_DELETION = ON_DEACTIVATION
CLASS_PERIODS = {"open": "The current period and later ones", "current": "The current period only"}
ON_CLASS_END = {"archive": "Archive it", "leave": "Leave it as it is"}
GROUPED = {"all": "All roles", "chosen": "The roles chosen below", "none": "None"}
#: Longer than any holidays, so that a mistake is noticed while the account is still there.
DELETE_AFTER = 30


def _one_of(words: dict[str, str]) -> validate.OneOf:
    return validate.OneOf(tuple(words), tuple(words.values()))


def _percent(default: int, label: str, what: str) -> fields.Integer:
    return fields.Integer(
        load_default=default,
        validate=validate.Range(min=0, max=100, error="A whole number from 0 to 100."),
        metadata={
            "label": label,
            "help": f"Of the accounts of one user type there, {what} within 24 hours. Above it they are held until somebody approves them; "
            "everything else goes on. It counts where there are at least 20 of them.",
            "group": "Limits",
        },
    )


def _number(default: int, label: str, what: str) -> fields.Integer:
    return fields.Integer(
        load_default=default,
        validate=validate.Range(min=0, max=1_000_000, error="A whole number from 0 to 1000000."),
        metadata={
            "label": label,
            "help": f"Accounts of one user type, {what} within 24 hours. Whichever of share and number is lower counts; "
            "with 0 each one waits for somebody.",
            "group": "Limits",
        },
    )


class IntegrationSettings(Schema):
    """Scope, what is sent, and closing, the same for all providers; a plugin's own settings are added to these."""

    user_types = Choices(
        choices=lambda _context: tuple(USER_TYPES.items()),
        load_default=lambda: list(USER_TYPES),
        validate=validate.ContainsOnly(tuple(USER_TYPES)),
        metadata={
            "label": "For whom",
            "help": "Accounts of these user types are created there. Accounts that are linked already stay linked and in step.",
            "group": "Scope",
        },
    )
    roles = Choices(
        choices=lambda context: context.roles,
        load_default=list,
        metadata={
            "label": "Only with a role",
            "help": "Accounts that have one of these roles in the current period; none ticked: whatever their role is. "
            "Who loses the role stays linked and in step.",
            "group": "Scope",
        },
    )
    statuses = Choices(
        choices=lambda context: context.statuses,
        load_default=list,
        metadata={
            "label": "Only students with a status",
            "help": "None ticked: every status whose provider action is “create”. A status with another action is never created by this.",
            "group": "Scope",
        },
    )
    report_only = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Report only",
            "help": "Nothing is sent: plans and comparisons show what would be. Changes wait, and are sent once this is switched off.",
            "group": "What is sent",
        },
    )
    only_on_creation = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Sync only on creation",
            "help": "Accounts are created, or taken over where they exist, with everything; later changes of names, addresses and groups "
            "are not sent. Closing and reopening still is.",
            "group": "What is sent",
        },
    )
    on_deactivation = fields.String(
        load_default="suspend",
        validate=_one_of(ON_DEACTIVATION),
        metadata={"label": "When an account is deactivated", "help": "What happens to it at the provider.", "group": "Closing"},
    )
    on_deletion = fields.String(
        load_default="suspend",
        validate=_one_of(ON_DELETION),
        metadata={"label": "When an account is deleted", "help": "What happens to it at the provider.", "group": "Closing"},
    )
    delete_after = fields.Integer(
        load_default=DELETE_AFTER,
        validate=validate.Range(min=0, max=3650, error="A number of days from 0 to 3650."),
        metadata={
            "label": "Days until it is deleted there",
            "help": "Until then it is suspended, and who comes back finds everything. Administrators and the owner are never deleted.",
            "risk": "What people made there goes with their account. With 0 there is no time to notice a mistake.",
            "group": "Closing",
        },
    )
    suspensions_percent = _percent(5, "Suspensions: at most this share, in percent", "suspended")
    suspensions_number = _number(20, "Suspensions: at most this number", "suspended")
    deletions_percent = _percent(1, "Deletions: at most this share, in percent", "deleted")
    deletions_number = _number(5, "Deletions: at most this number", "deleted")


class GroupSettings(Schema):
    """Which roles become groups; only for providers that have groups."""

    grouped = fields.String(
        load_default="all",
        validate=_one_of(GROUPED),
        metadata={
            "label": "Roles that become groups there",
            "help": "Whoever is in a group of another role by Rolecall's doing is taken out of it. Groups made by hand are never touched.",
            "group": "Groups",
        },
    )
    grouped_roles = Choices(
        choices=lambda context: context.roles,
        load_default=list,
        metadata={"label": "These roles", "help": "They count where “the roles chosen below” is chosen above.", "group": "Groups"},
    )


class ClassSettings(Schema):
    """Which classes go there and how they end; only for providers that have something like a class (R60a)."""

    classes = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Keep classes in step",
            "help": "Classes are made there, with their students, teachers and assistants, as soon as one of their members is there.",
            "group": "Classes",
        },
    )
    class_periods = fields.String(
        load_default="open",
        validate=validate.OneOf(tuple(CLASS_PERIODS), tuple(CLASS_PERIODS.values())),
        metadata={"label": "Classes of which periods", "help": "Periods that are closed never count.", "group": "Classes"},
    )
    on_class_end = fields.String(
        load_default="archive",
        validate=validate.OneOf(tuple(ON_CLASS_END), tuple(ON_CLASS_END.values())),
        metadata={
            "label": "When a class ends",
            "help": "It is no longer taught, or its period was closed. Nothing that people made in it is lost either way.",
            "group": "Classes",
        },
    )


class MailboxSettings(Schema):
    """Whether new accounts there become people's own; only for providers that give mailboxes (R3, R23)."""

    converts = fields.Boolean(
        load_default=False,
        metadata={
            "label": "New accounts there become the account's e-mail",
            "help": "When an account is created there by itself, its address becomes the account's e-mail and, where the service signs "
            "people in, their way to sign in, as “Convert to an external account” always does.",
            "group": "Scope",
        },
    )


_COMMON = (IntegrationSettings, GroupSettings, MailboxSettings, ClassSettings)
#: What no plugin may call a setting of its own: it would take the place of one that core reads.
RESERVED = frozenset({name for schema in _COMMON for name in schema().fields} | {"mapping"})


@lru_cache
def integration_schema(
    own: type[Schema] | None,
    *,
    classes: bool = False,
    groups: bool = False,
    mailbox: bool = False,
    mapping: tuple[MappedAttribute, ...] = (),
) -> type[Schema]:
    """Return the schema of a provider's settings: the plugin's own fields, then the common ones.

    ``classes``, ``groups``, ``mailbox``: also those that only a provider with such a thing has. ``mapping``: what an institution may map.
    """
    bases: list[type[Schema]] = [IntegrationSettings]
    if groups:
        bases.append(GroupSettings)
    if mailbox:
        bases.append(MailboxSettings)
    if classes:
        bases.append(ClassSettings)
    if own is not None:
        bases.append(own)
    added: dict[str, Any] = {"mapping": MappingField(mapping)} if mapping else {}
    return bases[0] if len(bases) == 1 and not added else type(f"{bases[-1].__name__}WithScope", tuple(bases), added)


def needs_filling_in(schema: type[Schema] | None, values: Mapping[str, Any]) -> list[str]:
    """Return the labels of what has no value and is needed before accounts can be sent: what is required, and what says ``needed``.

    The second is for a plugin that is of use without its provider: its other settings can be saved without these.
    """
    fields_ = schema().fields.items() if schema is not None else ()
    needed = ((name, each) for name, each in fields_ if each.required or each.metadata.get("needed"))
    return [str(each.metadata.get("label", name)) for name, each in needed if values.get(name) in (None, "")]


def provider_schema(kind: "type[Provider]", own: type[Schema] | None) -> type[Schema]:
    """Return the schema of all settings of one provider."""
    return integration_schema(
        own,
        classes=kind.has_classes(),
        groups=kind.can("ensure_groups"),
        mailbox=kind.gives_mailbox,
        mapping=tuple(kind.mapping),
    )
