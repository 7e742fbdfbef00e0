"""What a login method implements: it sends a browser away to prove who somebody is, and judges what the browser brings back.

Owns the values that pass. Whose account it is, whether it may be entered, and that a way back works once in one browser are core's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rolecall.sdk.http import Http
from rolecall.sdk.provider import CheckLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes, and what :meth:`LoginMethod.complete` needs to know again: kept sealed here, never sent along."""

    url: str
    remembered: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """Who came back, proved. ``issuer`` and ``subject`` identify; nothing else ever does (R66)."""

    #: Who vouches, exactly as it names itself.
    issuer: str
    #: The identifier there that never changes and is never given to anybody else.
    subject: str
    #: The id of the same person's account at the provider of the same plugin, where the method knows that it is the same.
    external_id: str | None = None
    #: The code of the person's record, where the settings say by which word the issuer tells it. Finds who has no account yet, nobody else.
    code: str | None = None
    email: str | None = None
    #: True only where the issuer says, as a truth value, that it has verified the address. A text or a number is not that.
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    #: Whether the issuer says that a second factor was asked for.
    second_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDocument:
    """What whoever runs a service needs to know of Rolecall, in a form that the service reads. Everybody may read it."""

    media: str
    body: bytes


class LoginMethod:
    """Base class of login methods, built as ``LoginMethod(settings, http)`` once per process and generation.

    ``http`` gives up early, because somebody waits. An instance is used by several threads at once.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    #: What to do at the service, as Markdown: a tab beside the settings.
    guide: ClassVar[str] = ""
    #: The field that brings the state back, where the answer is a form that a page of the service posts to the callback; none where it
    #: comes in the address, with ``state``.
    posted_state: ClassVar[str | None] = None

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        self.settings = settings
        self.http = http

    @classmethod
    def is_ready(cls, settings: Mapping[str, Any]) -> bool:
        """Whether the settings hold what signing in needs; the sign-in page offers the method only then."""
        return True

    @property
    def button(self) -> str:
        """What the button on the sign-in page names."""
        return self.label

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        """Who vouches, with these settings (without secrets): an identity that an administrator links by hand is one of this issuer's."""
        raise NotImplementedError(f"{cls.__name__} must name its issuer.")

    @classmethod
    def can_speak_for(cls) -> bool:
        """Whether there is any setting by which :meth:`speaks_for` can be yes; only then may signing in open accounts."""
        return cls.speaks_for is not LoginMethod.speaks_for

    @classmethod
    def public_document(cls, callback_url: str) -> PublicDocument | None:
        """What stands at ``/login/<id>/metadata`` while the plugin is enabled, whatever its settings are; nothing by default."""
        return None

    @property
    def issuer(self) -> str:
        """Who vouches."""
        return self.issuer_of(self.settings)

    def speaks_for(self, address: str) -> bool:
        """Whether the institution trusts the issuer to know whose this verified e-mail address is; no, unless a setting says so."""
        return False

    def check(self, callback_url: str) -> Iterable[CheckLine]:
        """Try as much of signing in as goes without anybody who signs in, one line for each thing, changing nothing (R54, F-15).

        Asked only by who may set the plugin up. Nothing to try by default.
        """
        return ()

    def begin(self, callback_url: str, state: str, *, fresh: bool = False) -> Departure:
        """Say where to send the browser. The answer must bring ``state`` back to ``callback_url``.

        ``fresh``: whoever comes back must have proved who they are just now, and not by a session that was open there.

        :raises ProviderError: when the service cannot be asked, or the settings do not fit it.
        """
        raise NotImplementedError(f"{type(self).__name__} must begin.")

    def complete(self, args: Mapping[str, str], callback_url: str, remembered: Mapping[str, str]) -> ExternalIdentity:
        """Judge what the browser brought back, and return who it is. ``state`` has been checked.

        :raises NotProved: when it proves nobody, or was given up.
        :raises ProviderError: when the service cannot be asked.
        """
        raise NotImplementedError(f"{type(self).__name__} must complete.")
