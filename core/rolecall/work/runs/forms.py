"""Loads an action's parameters through its schema, and keeps the secret ones apart.

Owns the form context: what choices and password rules may ask. Hashing happens here, in a reading unit, never in a write.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import passwords, roles, settings
from rolecall.accounts.sealing import Keyring, place
from rolecall.errors import Invalid
from rolecall.plugins.registry import View
from rolecall.sdk.fields import Option, form, secret_names
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Role, StudentStatus
from rolecall.work.delivery import asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form context of a request: its session, what is enabled and, where they are known, the accounts it is about."""

    session: Session
    view: View
    account_ids: Sequence[int] = ()

    @property
    def providers(self) -> Mapping[str, str]:
        """Labels of the enabled providers by id."""
        return {name: provider.label for name, provider in self.view.providers.items()}

    @property
    def login_methods(self) -> Mapping[str, str]:
        """Labels of the enabled login methods by id."""
        return {name: method.label for name, method in self.view.login_methods.items()}

    def issuer_of(self, method: str) -> str:
        """Who vouches for the identities of a login method, as it is set up now.

        :raises ValidationError: when it is not set up.
        """
        plugin = self.view.plugins[method]
        schema = plugin.settings_schema
        values = settings.read(self.session, method, schema) if schema is not None else {}
        try:
            return self.view.login_methods[method].issuer_of(values)
        except (Exception, SystemExit) as error:  # a plugin may raise anything; here it ends as a sentence
            raise ValidationError(f"{plugin.label} is not set up for signing in.") from error

    @property
    def roles(self) -> Sequence[Option]:
        """Every role by its id; ``type/name`` where two types share a name."""
        rows = self.session.execute(select(Role.id, Role.name, Role.user_type, Role.name_key).order_by(Role.user_type, Role.name)).all()
        shared = Counter(row.name_key for row in rows)
        return [(str(row.id), row.name if shared[row.name_key] == 1 else f"{row.user_type}/{row.name}") for row in rows]

    @property
    def modest_roles(self) -> Mapping[str, tuple[str, str]]:
        """The roles that nobody has to decide about each time, by their ids: user type and label."""
        found = roles.modest(self.session)
        return {str(each.id): (each.user_type, f"{USER_TYPES[each.user_type]}: {each.name}") for each in found}

    @property
    def statuses(self) -> Sequence[Option]:
        """Every student status by its id."""
        rows = self.session.execute(select(StudentStatus.id, StudentStatus.label).order_by(StudentStatus.id))
        return [(str(row.id), row.label) for row in rows]

    def price_of(self, kind: str) -> str:
        """What one message of a kind costs, in a sentence."""
        return asking.price(self.session, self.view, kind)

    def hash_password(self, password: str) -> str:
        """Check the rules for these accounts and hash.

        :raises ValidationError: with every broken rule as a sentence (R52).
        """
        broken = passwords.rules_for(self.session, self.account_ids).broken_by(password)
        if broken:
            raise ValidationError(broken)
        return passwords.hash_password(password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Parameters split in two: what everybody may read in the history, and what nobody may."""

    plain: Mapping[str, Any]
    secret: Mapping[str, Any]

    @property
    def all(self) -> dict[str, Any]:
        """What the handler gets."""
        return {**self.plain, **self.secret}


def load_params(schema: type[Schema], given: Mapping[str, Any], context: Form) -> Params:
    """Check and convert parameters.

    :raises Invalid: with the sentences by field.
    """
    with form(context):
        try:
            loaded = schema(unknown=RAISE).load(dict(given))
        except ValidationError as error:
            raise Invalid("Some values are missing or wrong.", hint=_sentence(error.messages), fields=_by_field(error.messages)) from None
    secrets = secret_names(schema)
    plain = json.loads(json.dumps({name: value for name, value in loaded.items() if name not in secrets}, default=str))
    return Params(plain=plain, secret={name: value for name, value in loaded.items() if name in secrets})


def seal_params(keyring: Keyring, run_id: int, params: Params) -> bytes | None:
    """Seal the secret parameters to their run, or return none when there are none."""
    return keyring.seal(json.dumps(dict(params.secret)), place("run", run_id, "sealed_params")) if params.secret else None


def open_params(keyring: Keyring, run_id: int, sealed: bytes | None) -> dict[str, Any]:
    """Open what :func:`seal_params` sealed."""
    if sealed is None:
        return {}
    opened: dict[str, Any] = json.loads(keyring.open(sealed, place("run", run_id, "sealed_params")))
    return opened


def _by_field(messages: Any) -> dict[str, list[str]]:
    if not isinstance(messages, dict):
        return {"": [str(message) for message in messages]}
    return {("" if name == "_schema" else str(name)): _flatten(found) for name, found in messages.items()}


def _flatten(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [sentence for each in found.values() for sentence in _flatten(each)]
    return [str(each) for each in found] if isinstance(found, list) else [str(found)]


def _sentence(messages: Any) -> str:
    return " ".join(f"{name}: {' '.join(found)}" if name else " ".join(found) for name, found in _by_field(messages).items())
