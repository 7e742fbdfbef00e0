"""What a provider plugin implements: one class, asked by the sync and by nobody else.

Owns the verbs and the values that travel between core and a provider. Knows nothing of links, leases or retries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import Schema

from rolecall.errors import Conflict, NotFound, ProviderError
from rolecall.sdk.mapping import MappedAttribute, Mode, mode_of, render, set_once, template_of

if TYPE_CHECKING:
    from rolecall.sdk.http import Http
    from rolecall.sdk.snapshots import AccountSnapshot, ClassSnapshot, Member

#: What a provider should hold of one account: scalars and frozensets of strings; ``groups`` is the set-valued one. No secrets.
Attributes = Mapping[str, str | int | bool | frozenset[str] | None]


class Secret:
    """A value that must not be seen: it prints as stars and is opened on purpose with :meth:`reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the provider can take. ``rate`` is calls a second of all workers together (none: unlimited); ``settling`` is how long a fresh
    or renamed account may stay invisible to look-ups; ``calls`` is the greatest number of HTTP calls one account may need."""

    batch: int = 1
    concurrency: int = 1
    rate: float | None = None
    settling: timedelta = timedelta(0)
    calls: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One permission or property that was tried (R54): what, whether it works, and how to mend it."""

    label: str
    ok: bool
    detail: str = ""
    fix: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An account as it is at the provider. ``key`` is our ``account.key`` if the remote account carries it, another external
    key if it carries somebody else's, none if it has none. ``attributes`` has the names that :meth:`Provider.attributes` uses."""

    external_id: str
    key: str | None = None
    attributes: Attributes = field(default_factory=dict)
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A part of what changed at a provider: accounts as they are now, and the remote ids of those that are gone.

    The last part has the ``token`` to ask with the next time.
    """

    accounts: Sequence[Remote] = ()
    removed: Sequence[str] = ()
    token: str | None = None


class Verb(StrEnum):
    """What one change does at the provider."""

    CREATE = "create"
    UPDATE = "update"
    SUSPEND = "suspend"
    RESUME = "resume"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One account's step of a plan. ``before`` and ``after`` hold only what differs (all of it for a creation).

    A suspended account that must come back is one ``RESUME`` whose ``after`` may also carry attributes to update; a ``SUSPEND``
    carries none. ``wanted`` is the complete set of attributes; it is what the link remembers as sent when the change is done. ``once``
    names those that an account which exists already keeps where it has a value: :meth:`differing` knows.
    """

    link_id: int
    verb: Verb
    account: AccountSnapshot
    external_id: str | None = None
    before: Attributes = field(default_factory=dict)
    after: Attributes = field(default_factory=dict)
    wanted: Attributes = field(default_factory=dict)
    password: Secret | None = None
    once: frozenset[str] = frozenset()

    def differing(self, there: Attributes) -> dict[str, str | int | bool | frozenset[str] | None]:
        """Return what an account that is taken over has to be given: all that is wanted and differs from what is ``there``.

        What is set once is somebody else's already where it has a value (R54).
        """
        mine = {name: value for name, value in self.wanted.items() if name not in self.once or there.get(name) in (None, "")}
        return {name: value for name, value in mine.items() if there.get(name) != value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one change went: the remote id it now has, or the error. ``adopted`` tells that an existing account was taken over."""

    change: Change
    external_id: str | None = None
    error: ProviderError | Exception | None = None
    adopted: bool = False
    note: str = ""


class Provider:
    """Base class of providers, built as ``Provider(settings, http)`` once per process and generation.

    A subclass overrides the verbs its service can do; what it does not override it cannot do, and core does not ask for it.
    Every method may raise the errors of ``rolecall.errors``; anything else counts as a bug in the plugin.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    #: Markdown: least-privilege set-up with copyable values.
    guide: ClassVar[str] = ""
    limits: ClassVar[Limits] = Limits()
    #: Whether the plugin also signs people in: a conversion to it makes an SSO account.
    signs_in: ClassVar[bool] = False
    #: Whether a conversion creates a mailbox, whose address becomes the account's e-mail (R23).
    gives_mailbox: ClassVar[bool] = False
    #: The attribute that people sign in with there: their user name, or the address of the mailbox where there is one.
    sign_in_attribute: ClassVar[str | None] = None
    settings_schema: ClassVar[type[Schema] | None] = None
    #: The attributes that name an account there, such as its sign-in name and e-mail: by these an account that was there before us is
    #: recognised when it carries no key (R64). :meth:`attributes` and :meth:`accounts` both fill them.
    matched_by: ClassVar[Sequence[str]] = ()
    #: The attributes that an institution may map, in the order of the settings page (R54); :meth:`mapped` fills them.
    mapping: ClassVar[Sequence[MappedAttribute]] = ()

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        self.settings = settings
        self.http = http

    def check(self) -> Iterable[CheckLine]:
        """Try the connection: one line per permission. Raises nothing that a line could say."""
        return ()

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what the provider should hold of this account. Pure: no call, no clock, no secret."""
        raise NotImplementedError(f"{type(self).__name__} must say which attributes it sends.")

    def mapped(self, account: AccountSnapshot) -> dict[str, str | None]:
        """Fill the attributes of :attr:`mapping` for an account, by the institution's templates or the plugin's own.

        Ignored ones are left out; one without a value is none. Whether an attribute is set once or always is core's business.
        """
        chosen = self._chosen
        kept = [each for each in self.mapping if mode_of(each, chosen) is not Mode.IGNORE]
        return {each.name: render(template_of(each, chosen), account) for each in kept}

    @property
    def once(self) -> frozenset[str]:
        """The mapped attributes that are set once: core sends them when an account is made, and not again once they have a value."""
        return set_once(self.mapping, self._chosen)

    @property
    def _chosen(self) -> Mapping[str, Any]:
        return self.settings.get("mapping") or {}

    def sign_in_name(self, attributes: Attributes) -> str | None:
        """Return the name that a person signs in with there, from what :meth:`attributes` says. Pure.

        It is printed beside the initial password (R23, R28); none where the service has no sign-in of its own.
        """
        name = attributes.get(self.sign_in_attribute) if self.sign_in_attribute is not None else None
        return name if isinstance(name, str) else None

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by its names."""
        raise NotImplementedError(f"{type(self).__name__} must be able to find an account.")

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account; raise ``Conflict`` when its name is taken."""
        raise NotImplementedError(f"{type(self).__name__} cannot create accounts.")

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes and no others; raise ``NotFound`` when the account is gone."""
        raise NotImplementedError(f"{type(self).__name__} cannot update accounts.")

    def suspend(self, external_id: str) -> None:
        """Close the remote account without losing anything."""
        raise NotImplementedError(f"{type(self).__name__} cannot suspend accounts.")

    def resume(self, external_id: str) -> None:
        """Open a suspended remote account again."""
        raise NotImplementedError(f"{type(self).__name__} cannot resume accounts.")

    def delete(self, external_id: str) -> None:
        """Delete the remote account; one that is already gone is no error."""
        raise NotImplementedError(f"{type(self).__name__} cannot delete accounts.")

    def accounts(self) -> Iterator[Remote]:
        """Walk every account at the provider, for matching and drift."""
        raise NotImplementedError(f"{type(self).__name__} cannot list accounts.")

    def changes(self, token: str | None) -> Iterator[Changes]:
        """Walk what changed since ``token`` was given, for a quick comparison (R65); without one, give a token for from now on.

        An account may come twice, and one of ours comes after our own changes too.

        :raises TokenExpired: when the service cannot tell any more; everything is then read with :meth:`accounts`.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot tell what changed.")

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the remote id of each group key, creating those that are missing. One worker at a time calls it."""
        return {key: key for key in keys}

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what the provider should hold of a class besides its members. Pure, like :meth:`attributes` (R60a)."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def class_role(self, role: str) -> str:
        """Return the role that the service keeps for one of ours: one that knows no assistants answers teacher or student. Pure."""
        return role

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look a class up by our key; ``Remote.suspended`` tells that it is archived."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create the class without members; raise ``Conflict`` when it is there already."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes of a class, and open it again if it was archived; raise ``NotFound`` when it is gone."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def archive_class(self, external_id: str) -> None:
        """Close a class without losing what people made in it; one that is closed or gone is no error."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is in a class there; asked when a class is taken over and after an unclear outcome."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Put people into a class; who is in it already is no error. A changed role is a removal and then an addition.

        Raise ``NotFound`` when the class is gone, and ``Permanent`` over people whom the service refuses: core finds out which of them.
        """
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out of a class; who is not in it is no error. Errors are as for :meth:`add_members`."""
        raise NotImplementedError(f"{type(self).__name__} has no classes.")

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out, one result per change in any order. Override it where the API has batches."""
        for change in plan:
            try:
                yield self.apply_one(change)
            except Exception as error:  # noqa: BLE001 - each change has its own outcome; the sync sorts the errors
                yield Result(change=change, error=error)

    def apply_one(self, change: Change) -> Result:
        """Carry one change out by the verbs: create-or-adopt, update, suspend, resume, delete."""
        if change.verb is Verb.CREATE or change.external_id is None:
            return self.create_or_adopt(change)
        if change.verb is Verb.SUSPEND:
            self.suspend(change.external_id)
        elif change.verb is Verb.RESUME:
            self.resume(change.external_id)
            if change.after:
                self.update(change.external_id, change.after)
        elif change.verb is Verb.DELETE:
            try:
                self.delete(change.external_id)
            except NotFound:
                return Result(change=change, external_id=change.external_id, note="It was already gone.")
        else:
            self.update(change.external_id, change.after)
        return Result(change=change, external_id=change.external_id)

    def create_or_adopt(self, change: Change) -> Result:
        """Find, then create; what turns out to exist is adopted if it is ours or nobody's (R64)."""
        found = self.find(change.account)
        if found is None:
            try:
                made = self.create(change.account, change.wanted, change.password)
            except Conflict:
                found = self.find(change.account)
                if found is None:
                    raise
            else:
                return Result(change=change, external_id=made.external_id)
        return self.adopt(change, found)

    def adopt(self, change: Change, found: Remote) -> Result:
        """Take over an existing remote account, or refuse it because it carries somebody else's key."""
        if found.key and found.key != change.account.key:
            raise Conflict(
                f"{self.label} already has an account with this user name or e-mail that belongs to somebody else "
                f"(its external key is {found.key}).",
                hint="Change the user name or e-mail here, or clear the key there, and retry.",
            )
        differing = change.differing(found.attributes)
        if found.suspended:
            self.resume(found.external_id)
        if differing:
            self.update(found.external_id, differing)
        return Result(change=change, external_id=found.external_id, adopted=True)

    @classmethod
    def has_classes(cls) -> bool:
        """Tell whether the service has something like a class, a course or a team (R60a)."""
        return cls.can("create_class")

    @classmethod
    def can(cls, verb: str) -> bool:
        """Tell whether the class overrides a verb, which is how core knows what it can do."""
        return getattr(cls, verb) is not getattr(Provider, verb)
