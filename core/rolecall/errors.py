"""Every error that Rolecall raises on purpose.

Owns the classes by which the program reacts; the text of an error is for a person and is never parsed.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from rolecall.translation import joined


class RolecallError(Exception):
    """Base of all errors of Rolecall: a sentence for a person and, where there is one, what to do about it."""

    #: Stable word for API clients and scripts (``problem.code``).
    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return joined(self.message, self.hint)


class Refused(RolecallError):
    """What was asked for does not apply here and now; nothing was changed."""

    code = "refused"


class Invalid(Refused):
    """The input itself is wrong. ``fields`` maps a field's name to its sentences."""

    code = "invalid"

    def __init__(self, message: str, *, hint: str = "", fields: dict[str, list[str]] | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.fields = fields or {}


class Taken(Invalid):
    """A value that must be somebody's alone is somebody else's already."""


class Unknown(Refused):
    """No such thing, or nothing that this actor may see."""

    code = "not-found"


class Forbidden(Refused):
    """The actor does not hold the permission."""

    code = "forbidden"


class ConsentRequired(Refused):
    """The action needs the actor's agreement to its consequence, which is the message."""

    code = "consent-required"


class CountChanged(Refused):
    """The selection is not the one that was shown; ``count`` is the new number."""

    code = "count-changed"

    def __init__(self, message: str, *, count: int) -> None:
        super().__init__(message)
        self.count = count


class Stale(Refused):
    """The record was changed by somebody else since it was read."""

    code = "stale"


class Held(Refused):
    """A brake holds this until it is confirmed explicitly (R6, R62)."""

    code = "held"


class NotConnected(Refused):
    """A connection does not work with the settings that were to be saved. ``lines`` are what was tried, as documents (R54)."""

    code = "not-connected"

    def __init__(self, message: str, *, hint: str = "", lines: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.lines = tuple(lines)


class Busy(Refused):
    """Too many attempts; ``retry_after`` says in how many seconds the next one counts."""

    code = "too-many-attempts"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PluginRejected(RolecallError):
    """A plugin cannot be used: its import, its hooks or what it registered is wrong."""

    code = "plugin-rejected"


class PluginFault(RolecallError):
    """A plugin broke while it was asked; what it was asked about was not done."""

    code = "plugin-fault"


class ConfigurationError(RolecallError):
    """The process cannot start with these settings."""

    code = "configuration"


class ProviderError(RolecallError):
    """Base of what a provider may raise; each subclass says how the sync goes on (docs: *Writing a provider*)."""

    code = "provider"


class Transient(ProviderError):
    """Network, 408, 425, 429 or 5xx: tried again with backoff. ``retry_after`` is what the server asked for."""

    code = "transient"

    def __init__(self, message: str, *, hint: str = "", retry_after: timedelta | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after = retry_after


class Ambiguous(ProviderError):
    """Sent, but no usable answer came: ``find`` goes before anything else on the next attempt."""

    code = "ambiguous"


class Permanent(ProviderError):
    """The provider will never accept this account as it is: the link is blocked with the text."""

    code = "permanent"


class NotFound(ProviderError):
    """The remote account that the link knows is gone: it is found or created again."""

    code = "not-found"


class Conflict(ProviderError):
    """Somebody else holds the name or address: adopted if it is ours, else blocked for a person."""

    code = "conflict"


class TokenExpired(ProviderError):
    """The service no longer knows what changed since a token: everything is read instead."""

    code = "token-expired"


class Misconfigured(ProviderError):
    """401 or 403: the provider is paused, no account loses an attempt."""

    code = "misconfigured"


class NotProved(Refused):
    """What came back from a sign-in service proves nobody. ``detail`` says which check failed: for the log, not for the page."""

    code = "not-proved"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint)
        self.detail = detail
