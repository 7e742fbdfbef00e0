"""The settings that every provider has beside its own: whom it serves, and what happens when an account is closed (R54)."""

from functools import lru_cache

from marshmallow import Schema, fields, validate

from rolecall.sdk.fields import Choices
from rolecall.sdk.words import USER_TYPES

ON_DEACTIVATION = {"suspend": "Suspend it", "leave": "Leave it as it is"}
ON_DELETION = {"suspend": "Suspend it", "leave": "Leave it as it is", "delete": "Delete it"}


class IntegrationSettings(Schema):
    """Scope and closing, the same for all providers; a plugin's own settings are added to these."""

    user_types = Choices(
        choices=lambda _context: tuple(USER_TYPES.items()),
        load_default=lambda: list(USER_TYPES),
        validate=validate.ContainsOnly(tuple(USER_TYPES)),
        metadata={
            "label": "For whom",
            "help": "Accounts of these user types are created there. Accounts that are linked already stay linked.",
            "group": "Scope",
        },
    )
    on_deactivation = fields.String(
        load_default="suspend",
        validate=validate.OneOf(tuple(ON_DEACTIVATION), tuple(ON_DEACTIVATION.values())),
        metadata={"label": "When an account is deactivated", "help": "What happens to it at the provider.", "group": "Scope"},
    )
    on_deletion = fields.String(
        load_default="suspend",
        validate=validate.OneOf(tuple(ON_DELETION), tuple(ON_DELETION.values())),
        metadata={"label": "When an account is deleted", "help": "What happens to it at the provider.", "group": "Scope"},
    )


@lru_cache
def integration_schema(own: type[Schema] | None) -> type[Schema]:
    """Return the schema of a provider's settings page: the plugin's own fields, then the common ones."""
    if own is None:
        return IntegrationSettings
    return type(f"{own.__name__}WithScope", (IntegrationSettings, own), {})
