"""The fields that API schemas are made of, and the documents that routes answer.

Owns the shape of what comes out, as the OpenAPI document tells it. What goes in is declared beside each route.
"""

from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.sdk.mapping import Mode
from rolecall.sdk.words import (
    LISTS,
    MENUS,
    OUTCOMES,
    PROVIDER_ACTIONS,
    PROVIDER_STATES,
    RUN_STATES,
    STATUS_TYPES,
    SYNC_STATES,
    USER_TYPES,
)
from rolecall.store.cursors import LARGEST_ID

#: Rows of a page, at most and unless asked otherwise (X-11).
MOST_ROWS = 200
FEW_ROWS = 50


class Flag(fields.Boolean):
    """True or false and nothing that could be meant so."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class YesNo(fields.Boolean):
    """``yes`` or ``no`` in an address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={"yes"}, falsy={"no"}, **kwargs)


class Free(fields.Field[Any]):
    """A value whose shape belongs to an action or plugin."""


def number_id(*, strict: bool = True, **kwargs: Any) -> fields.Integer:
    """The id of a record; in an address, where everything is text, not strict."""
    return fields.Integer(strict=strict, validate=validate.Range(min=1, max=LARGEST_ID), **kwargs)


def text(longest: int, **kwargs: Any) -> fields.String:
    """A text of bounded length."""
    return fields.String(validate=validate.Length(max=longest), **kwargs)


def one_of(words: Any, **kwargs: Any) -> fields.String:
    """One of these words."""
    return fields.String(validate=validate.OneOf(list(words)), **kwargs)


class Paging(Schema):
    """Where a page begins and how long it is."""

    limit = fields.Integer(
        load_default=FEW_ROWS, validate=validate.Range(min=1, max=MOST_ROWS), metadata={"description": "Rows of the page."}
    )
    cursor = fields.String(
        load_default=None, validate=validate.Length(min=1, max=4_000), metadata={"description": "The “next” of the page before."}
    )


class CheckLine(Schema):
    """One permission or property that was tried."""

    label = fields.String(required=True)
    ok = fields.Boolean(required=True)
    detail = fields.String(required=True)
    fix = fields.String(required=True)
    required = fields.Boolean(required=True)


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "A sentence for a person."})
    code = fields.String(required=True, metadata={"description": "A word for a program."})
    hint = fields.String(metadata={"description": "What to do about it."})
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), data_key="fields", metadata={"description": "Sentences by field."}
    )
    count = fields.Integer(metadata={"description": "How many accounts the selection has now."})
    lines = fields.List(fields.Nested(CheckLine), metadata={"description": "What was tried of a connection that does not work."})


class Person(Schema):
    """Somebody in one of the lists."""

    id = fields.Integer(required=True)
    list = one_of(LISTS, required=True)
    code = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    language = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)
    status = fields.String(required=True, allow_none=True)
    no_sync = fields.Boolean(required=True, metadata={"description": "Kept out of sync."})
    account = fields.Integer(required=True, allow_none=True)
    version = fields.Integer(required=True)


class HeldRole(Schema):
    """A role in a period."""

    period = fields.String(required=True)
    role = fields.String(required=True)
    enabled = fields.Boolean(required=True)


class Standing(Schema):
    """How something stands at a provider."""

    provider = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    goal = one_of(("present", "suspended", "deleted", "archived", "released"), required=True)
    state = one_of(SYNC_STATES, required=True)
    attempts = fields.Integer(required=True)
    next_attempt_at = fields.DateTime(required=True, allow_none=True)
    error_class = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class Link(Standing):
    """An account at a provider."""

    sign_in_name = fields.String(required=True, allow_none=True, metadata={"description": "The name that the person signs in with there."})


class LinkedIdentity(Schema):
    """Who an account is at a service that signs it in."""

    id = fields.Integer(required=True)
    method = fields.String(required=True, metadata={"description": "The plugin of the service."})
    issuer = fields.String(required=True)
    subject = fields.String(required=True, metadata={"description": "The identifier there, which never changes."})
    how = one_of(("self", "office", "converted", "email"), required=True)
    linked_at = fields.DateTime(required=True)
    last_used_at = fields.DateTime(required=True, allow_none=True)


class Account(Schema):
    """Who may sign in."""

    id = fields.Integer(required=True)
    key = fields.String(required=True, metadata={"description": "The account's key at every provider, for ever."})
    username = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    email_verified = fields.Boolean(required=True)
    must_verify_email = fields.Boolean(required=True, metadata={"description": "Nobody signs in until the changed e-mail is verified."})
    former_email = fields.String(required=True, allow_none=True, metadata={"description": "Signs in until the changed e-mail is verified."})
    sender_email = fields.String(
        required=True, allow_none=True, metadata={"description": "Where the invitations come from that this account sends."}
    )
    type = one_of(USER_TYPES, required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    active = fields.Boolean(required=True)
    deleted = fields.Boolean(required=True)
    protected = fields.Boolean(
        required=True, metadata={"description": "Closed at a provider only when somebody asks for this account by itself."}
    )
    must_change_password = fields.Boolean(required=True)
    sso = fields.Boolean(required=True, metadata={"description": "A provider manages the password."})
    invited_at = fields.DateTime(required=True, allow_none=True)
    last_login_at = fields.DateTime(required=True, allow_none=True)
    pending = fields.Boolean(required=True)
    person = fields.Nested(Person, required=True)
    roles = fields.List(fields.Nested(HeldRole), required=True)
    links = fields.List(fields.Nested(Link), required=True)
    identities = fields.List(fields.Nested(LinkedIdentity), required=True)
    version = fields.Integer(required=True)


class Counts(Schema):
    """Items of a run by outcome."""

    waiting = fields.Integer(required=True)
    done = fields.Integer(required=True)
    skipped = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class AtProviders(Schema):
    """Accounts of a run that providers do not have yet."""

    waiting = fields.Integer(required=True)
    blocked = fields.Integer(required=True)


class Run(Schema):
    """Something that was done, or is being done, to accounts or people."""

    id = fields.Integer(required=True)
    kind = one_of(("action", "import", "open", "status", "undo"), required=True)
    action = fields.String(required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    state = one_of(RUN_STATES, required=True)
    params = fields.Dict(required=True, metadata={"description": "Without secrets."})
    filter = fields.Dict(required=True, allow_none=True)
    counts = fields.Nested(Counts, required=True)
    at_providers = fields.Nested(AtProviders, required=True)
    facts = fields.Dict(required=True, metadata={"description": "Of an import: counts by verdict, notes, and why it is held."})
    error = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    undoes = fields.Integer(required=True, allow_none=True)


class AccountName(Schema):
    """An account in few words."""

    id = fields.Integer(required=True)
    username = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)


class ClassName(Schema):
    """A class in few words."""

    id = fields.Integer(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    period = fields.String(required=True)


class PersonName(Schema):
    """A person in few words."""

    id = fields.Integer(required=True)
    list = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)


class Item(Schema):
    """What a run did to one account or person."""

    n = fields.Integer(required=True)
    account = fields.Nested(AccountName, required=True, allow_none=True)
    person = fields.Nested(PersonName, required=True, allow_none=True)
    outcome = one_of(OUTCOMES, required=True)
    code = fields.String(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    before = fields.Dict(required=True, allow_none=True)
    after = fields.Dict(required=True, allow_none=True)


class MenuChange(Schema):
    """One entry of the menu that a role hides or shows under another name; the label is null where it keeps its own."""

    id = one_of(MENUS, required=True)
    hidden = fields.Boolean(load_default=False)
    label = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40))


class Role(Schema):
    """What accounts of a user type may do in a period."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    user_type = one_of(USER_TYPES, required=True)
    active = fields.Boolean(required=True)
    is_default = fields.Boolean(required=True)
    permissions = fields.List(fields.String(), required=True)
    limited_to = fields.List(
        one_of(USER_TYPES), required=True, allow_none=True,
        metadata={"description": "The user types that the permissions reach; null reaches all."},
    )  # fmt: skip
    menus = fields.List(fields.Nested(MenuChange), required=True)
    accounts = fields.Integer(required=True)
    version = fields.Integer(required=True)


class Period(Schema):
    """An academic period."""

    id = fields.Integer(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    is_open = fields.Boolean(required=True)
    is_current = fields.Boolean(required=True)
    version = fields.Integer(required=True)


class Status(Schema):
    """A student status."""

    id = fields.Integer(required=True)
    label = fields.String(required=True)
    type = one_of(STATUS_TYPES, required=True)
    provider_action = one_of(PROVIDER_ACTIONS, required=True)
    version = fields.Integer(required=True)


class Mapped(Schema):
    """One attribute that may be mapped, with what holds and what is the plugin's own. Text with placeholders in braces."""

    name = fields.String(required=True)
    label = fields.String(required=True)
    help = fields.String(required=True)
    required = fields.Boolean(required=True, metadata={"description": "It can be neither ignored nor empty."})
    template = fields.String(required=True)
    mode = one_of(
        [str(each) for each in Mode],
        required=True,
        metadata={"description": "own: always ours; once: until it has a value; ignore: left alone."},
    )
    own_template = fields.String(required=True)
    own_mode = one_of([str(each) for each in Mode], required=True)


class Plugin(Schema):
    """An installed plugin."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    version = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    state = one_of(PROVIDER_STATES, required=True)
    reason = fields.String(required=True, allow_none=True)
    fault = fields.String(required=True, allow_none=True)
    provides = fields.List(fields.String(), required=True)
    given_by = fields.String(required=True, allow_none=True)
    settings = fields.Dict(required=True, metadata={"description": "Values by name; a secret is null, whether it is set or not."})
    secrets_set = fields.List(fields.String(), required=True, metadata={"description": "Names of the secrets that are set."})
    mapping = fields.List(fields.Nested(Mapped), required=True)
    connected_at = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the connection last worked with the saved settings; null: never, or there is nothing to try."},
    )


class AuditEntry(Schema):
    """One entry of the audit."""

    seq = fields.Integer(required=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    actor_id = fields.String(required=True)
    on_behalf = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True)
    run = fields.Integer(required=True, allow_none=True)
    account = fields.Integer(required=True, allow_none=True)
    payload = fields.Dict(required=True, allow_none=True)


class SignIn(Schema):
    """One attempt to sign in."""

    id = fields.Integer(required=True)
    at = fields.DateTime(required=True)
    method = fields.String(required=True)
    result = fields.String(required=True)
    address = fields.String(required=True, allow_none=True)
    device = fields.String(required=True, allow_none=True)


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a list's page."""
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(required=True, allow_none=True, metadata={"description": "Cursor of the next page."}),
            "total": fields.Integer(required=True, metadata={"description": "All that match, on every page."}),
        },
        name=f"{item.__name__}Page",
    )


def page(items: list[dict[str, Any]], *, next: str | None = None, total: int | None = None) -> dict[str, Any]:
    """A page of a list; without ``total`` it is the whole list."""
    return {"items": items, "next": next, "total": len(items) if total is None else total}
