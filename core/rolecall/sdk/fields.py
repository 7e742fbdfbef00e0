"""One marshmallow schema, every face: the HTML form, the JSON schema and the command's options are described from it.

Owns our own field types and :func:`describe`. What needs the database (choices, password rules) comes in through the form context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: (value, label) as a select box shows them.
Option = tuple[str, str]


class FormContext(Protocol):
    """What choices and password rules may ask: the database, who asks and, for one account, which.

    ``roles`` and ``statuses`` are those of the institution, by their ids as text; ``modest_roles`` those that may be given without a
    person who decides it, by their ids with user type and label.
    """

    @property
    def session(self) -> Session: ...

    @property
    def account_ids(self) -> Sequence[int]: ...

    @property
    def providers(self) -> Mapping[str, str]: ...

    @property
    def login_methods(self) -> Mapping[str, str]: ...

    @property
    def roles(self) -> Sequence[Option]: ...

    @property
    def modest_roles(self) -> Mapping[str, tuple[str, str]]: ...

    @property
    def statuses(self) -> Sequence[Option]: ...

    def issuer_of(self, method: str) -> str:
        """Return who vouches for the identities of a login method; raise ``ValidationError`` when it is not set up."""
        ...

    def price_of(self, kind: str) -> str:
        """Say in a sentence what one message of this kind costs; empty where messages cost nothing (R42)."""
        ...

    def hash_password(self, password: str) -> str:
        """Check the rules for the accounts at hand and return the hash; raise ``ValidationError`` with the broken rule."""
        ...


_form: ContextVar[FormContext | None] = ContextVar("rolecall_form", default=None)


@contextmanager
def form(context: FormContext) -> Iterator[FormContext]:
    """Make ``context`` the one that fields ask while a schema is loaded or described."""
    token = _form.set(context)
    try:
        yield context
    finally:
        _form.reset(token)


def form_context() -> FormContext | None:
    """The context of the form that is being loaded, for fields that look at data; none outside of one."""
    return _form.get()


class NoParams(Schema):
    """The schema of an action without parameters."""

    class Meta:
        unknown = RAISE


class Choice(fields.String):
    """One of several values that depend on data: roles, periods, providers.

    ``default`` says which of them a form shows first; what a program leaves out is not filled in by it.
    """

    default_error_messages = {  # noqa: RUF012 - marshmallow declares it as an instance variable
        "choice": "{input} is not one of the choices: {choices}."
    }

    def __init__(
        self,
        *,
        choices: Callable[[FormContext], Sequence[Option]],
        default: Callable[[FormContext], str | None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.choices = choices
        self.default = default

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        context = _form.get()
        if context is None or (not text and not self.required):
            return text
        options = self.choices(context)
        for known, label in options:
            if text.casefold() in (known.casefold(), label.casefold()):
                return known
        # A number of ours says nothing to anybody; what it stands for does.
        words = ", ".join(label if known.isdigit() else known for known, label in options)
        raise self.make_error("choice", input=repr(text), choices=words or "there are none yet")


class Choices(fields.List[str]):
    """Several of the values that depend on data. Accepts a list, or one text with commas from a form or the command line."""

    def __init__(self, *, choices: Callable[[FormContext], Sequence[Option]], **kwargs: Any) -> None:
        super().__init__(Choice(choices=choices), **kwargs)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list):
            value = [str(part) if type(part) is int else part for part in value if part != ""]
        return super()._deserialize(value, attr, data, **kwargs)


class Lines(fields.List[str]):
    """Several texts, one per line in a form. Accepts a list, or one text with line breaks or, where it has none, commas between them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            parts = value.splitlines() if len(value.splitlines()) > 1 else value.split(",")
            value = [part.strip() for part in parts if part.strip()]
        return super()._deserialize(value, attr, data, **kwargs)


class WebAddress(fields.Url):
    """The address of a service. Its host may be without a dot, as in a school's own network; whether it must be encrypted is asked when
    it is called.

    Without ``required`` it may be left empty and is none then, unless a ``load_default`` says what it is.

    .. versionadded:: 0.1
    """

    def __init__(self, **kwargs: Any) -> None:
        if not kwargs.get("required"):
            kwargs.setdefault("load_default", None)
            kwargs.setdefault("allow_none", kwargs["load_default"] is None)
        super().__init__(require_tld=False, schemes={"http", "https"}, **kwargs)


class NewPassword(fields.String):
    """A new password: checked against the rules and turned into an argon2 hash when loaded, so nobody behind the form sees it.

    Its value never reaches a run's readable parameters, the audit or a log.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {})
        kwargs["metadata"] = {"secret": True, "new_password": True} | dict(kwargs["metadata"])
        super().__init__(load_only=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        context = _form.get()
        if context is None:
            raise ValidationError("A password can only be taken by a form.")
        return context.hash_password(text) if text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field as a face shows it. ``kind``: text, textarea, lines, password, email, url, number, date, yesno, choice, choices.

    ``risk`` is what can go wrong with it, in one sentence.
    """

    name: str
    label: str
    kind: str
    help: str = ""
    required: bool = False
    default: Any = None
    options: tuple[Option, ...] = ()
    secret: bool = False
    group: str = ""
    advanced: bool = False
    autocomplete: str = "off"
    #: Its strength is shown while it is typed (R52).
    new_password: bool = False
    risk: str = ""


def describe(schema: type[Schema], context: FormContext) -> tuple[FormField, ...]:
    """Describe a schema's fields in their order; choices are asked from ``context`` now."""
    described = []
    for name, each in schema().fields.items():
        if each.dump_only or not is_offered(each, context):
            continue
        facts: Mapping[str, Any] = each.metadata
        described.append(
            FormField(
                name=name,
                label=facts.get("label") or name.replace("_", " ").capitalize(),
                kind=_kind(each),
                help=facts.get("help", ""),
                required=each.required,
                default=_default(each, context),
                options=_options(each, context),
                secret=is_secret(each),
                group=facts.get("group", ""),
                advanced=bool(facts.get("advanced")),
                autocomplete="new-password" if isinstance(each, NewPassword) else facts.get("autocomplete", "off"),
                new_password=isinstance(each, NewPassword),
                risk=facts.get("risk", ""),
            )
        )
    return tuple(described)


def is_offered(each: fields.Field[Any], context: FormContext) -> bool:
    """Tell whether a field is shown here and now: its metadata may hold a callable ``offered`` that asks ``context``."""
    offered: Callable[[FormContext], bool] | None = each.metadata.get("offered")
    return offered is None or offered(context)


def is_secret(each: fields.Field[Any]) -> bool:
    """Tell whether a field's value must never be shown again."""
    return bool(each.metadata.get("secret"))


def secret_names(schema: type[Schema]) -> frozenset[str]:
    """The names of a schema's secret fields."""
    return frozenset(name for name, each in schema().fields.items() if is_secret(each))


def _default(each: fields.Field[Any], context: FormContext) -> Any:
    if isinstance(each, Choice) and each.default is not None:
        return each.default(context)
    default = None if each.load_default is missing else each.load_default
    return default() if callable(default) else default


def _options(each: fields.Field[Any], context: FormContext) -> tuple[Option, ...]:
    if isinstance(each, Choice | Choices):
        return tuple(each.choices(context))
    inner = each.inner if isinstance(each, fields.List) else each
    for validator in inner.validators:
        if isinstance(validator, validate.OneOf):
            labels = list(validator.labels) or [str(choice) for choice in validator.choices]
            return tuple((str(choice), str(label)) for choice, label in zip(validator.choices, labels, strict=False))
    return ()


def _kind(each: fields.Field[Any]) -> str:
    if is_secret(each):
        return "password"
    if isinstance(each, Lines):
        return "lines"
    if isinstance(each, Choices | fields.List):
        return "choices"
    if isinstance(each, Choice) or any(isinstance(v, validate.OneOf) for v in each.validators):
        return "choice"
    for kind, cls in _KINDS:
        if isinstance(each, cls):
            return kind
    return str(each.metadata.get("kind", "text"))


_KINDS: tuple[tuple[str, type[fields.Field[Any]]], ...] = (
    ("yesno", fields.Boolean),
    ("number", fields.Integer),
    ("number", fields.Float),
    ("date", fields.Date),
    ("email", fields.Email),
    ("url", fields.Url),
)
