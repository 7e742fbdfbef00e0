"""An address at which a plugin answers other systems: what it takes, what each call needs, and what answers.

Owns the declaration and the values that pass. Knows no web framework: whoever serves it checks the token, the permissions and the size
before the plugin is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rolecall.sdk.people import Groups, People

#: Bytes of a body that are taken unless the endpoint says otherwise.
BODY_BYTES = 2**20
#: Headers that an answer may have; others are left out, cookies above all.
REPLY_HEADERS = frozenset(
    {"allow", "content-location", "etag", "last-modified", "link", "location", "retry-after", "www-authenticate"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRoute:
    """One kind of call: a method, a path below the prefix with parameters in braces, and the permissions that are all needed for it.

    What no route names is not there, whatever the handler would do with it.
    """

    method: str
    path: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCall:
    """One call, checked: somebody with a token and the permissions of the route asks.

    ``path`` is below the prefix; ``base_url`` is the prefix as the other system knows it, without a slash at the end. Names of
    ``headers`` are in lower case; the token is not among them. ``settings`` are the plugin's, without secrets. ``people`` and ``groups``
    act for whoever holds the token, as far as its rights reach.
    """

    method: str
    path: str
    base_url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    settings: Mapping[str, Any]
    people: People
    groups: Groups


class Receipts(Protocol):
    """Where a plugin's gateway is heard out about the messages that the plugin's channel sent (R42)."""

    def arrived(self, reference: str) -> bool:
        """Note that one part of a message, as its gateway calls it, reached the phone; returns whether its message is known."""
        ...

    def lost(self, reference: str, reason: str) -> bool:
        """Note that one part will not arrive, and why, in a sentence for people; a report that it did arrive stands above that."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """One call by a service that signs what it sends; nobody has proved yet who it is.

    ``url`` is the whole address as the service knows it, made of the configured address of Rolecall and never of what the call says.
    ``settings`` are the plugin's with their secrets. Everything that it reports may come twice, late, or in another order.
    """

    method: str
    path: str
    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    settings: Mapping[str, Any]
    receipts: Receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointReply:
    """An answer. Of ``headers`` those in :data:`REPLY_HEADERS` are sent."""

    status: int
    body: bytes = b""
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProblem:
    """Why a call was refused or failed: the status, what happened and what to do, and the stable word of the error."""

    status: int
    message: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of a plugin that other systems call while it is enabled: with an API token of Rolecall, or signing what they send.

    ``label`` says in a few words what is done there (*Takes people in by SCIM*). ``prefix`` begins with a slash and the plugin's name.
    ``handler`` answers; errors of Rolecall that it raises are answered with their status, others are 500 and logged. ``refuse`` words
    every problem, the host's own included, as the protocol wants it. ``setting`` names a yes-or-no setting of the plugin without which
    the endpoint is not there.

    An endpoint with ``signed`` instead of ``handler`` is called without a token, and its routes name no permissions: the function checks
    the signature before it looks at anything else, and raises ``Forbidden`` where it is wrong.
    """

    id: str
    label: str
    prefix: str
    routes: tuple[EndpointRoute, ...]
    refuse: Callable[[EndpointProblem], EndpointReply]
    handler: Callable[[EndpointCall], EndpointReply] | None = None
    signed: Callable[[SignedCall], EndpointReply] | None = None
    setting: str | None = None
    body_bytes: int = BODY_BYTES
