"""OpenID Connect, once for all plugins: authorization code with PKCE, against one pinned issuer.

Owns the conversation with the issuer. What a token must say is :mod:`rolecall.sdk.id_token`'s; subclasses say where the issuer is and
which of the claims identify.
"""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote_plus, urlencode, urlsplit

from rolecall.errors import Misconfigured, NotProved, RolecallError, Transient
from rolecall.sdk import id_token, oidc_check
from rolecall.sdk.http import Http, Response
from rolecall.sdk.login import Departure, ExternalIdentity, LoginMethod
from rolecall.sdk.provider import CheckLine
from rolecall.sdk.signing_keys import SigningKeys
from rolecall.translation import gettext as _

#: Seconds after which what an issuer says of itself is asked again.
KEPT = 3600.0
#: Seconds in which the last call of one step must have begun: with the deadline of a call, whoever waits is told within ten (F-14).
BUDGET = 5.0
#: What kind of proof the methods are that an issuer may name in ``amr`` (RFC 8176): what one knows, has, or is. One alone is one factor.
_KINDS = {
    **dict.fromkeys(("pwd", "pin", "kba"), "known"),
    **dict.fromkeys(("otp", "sms", "tel", "hwk", "swk", "pop", "sc"), "had"),
    **dict.fromkeys(("face", "fpt", "iris", "retina", "vbm"), "is"),
}
#: What an issuer may call an authentication with more than one factor in ``acr`` (REFEDS MFA profile).
MFA = "https://refeds.org/profile/mfa"
_GIVEN_UP = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})


class OidcLogin(LoginMethod):
    """A login method by OpenID Connect. Subclasses give ``issuer_of`` and credentials, and may narrow :meth:`identity`."""

    #: Whether the issuer says when somebody proved who they are, when it is asked to make them do it again (``auth_time``).
    dated: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self._lock = threading.Lock()
        self._known: tuple[float, Mapping[str, Any]] | None = None
        self._keys = SigningKeys(self._fetch_keys)

    @property
    def client_id(self) -> str:
        """The id that the issuer knows Rolecall by."""
        return str(self.settings.get("client_id") or "")

    @property
    def client_secret(self) -> str:
        """What Rolecall proves itself with; empty where the issuer gave none, because PKCE is used anyway."""
        return str(self.settings.get("client_secret") or "")

    @property
    def issuers(self) -> tuple[str, ...]:
        """What the issuer may call itself in a token; only itself, unless its own documentation says otherwise."""
        return (self.issuer,)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes that are asked for, beside ``openid``."""
        return ("email", "profile")

    @property
    def contexts(self) -> tuple[str, ...]:
        """What the issuer calls an authentication with more than one factor, in ``acr``."""
        return (MFA,)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Claims that make the userinfo endpoint worth asking, where the ID token lacks one of them."""
        return ("email",)

    def asked(self) -> Mapping[str, str]:
        """More parameters of the authorization request."""
        return {}

    def identity(self, claims: Mapping[str, Any]) -> ExternalIdentity:
        """Turn the claims of a token that is in order into who it is; subclasses refuse here whom the institution does not mean.

        :raises NotProved: when it is somebody from elsewhere.
        """
        email = claims.get("email")
        return ExternalIdentity(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            email=email if isinstance(email, str) else None,
            email_verified=claims.get("email_verified") is True,
            first_name=_text(claims, "given_name"),
            last_name=_text(claims, "family_name"),
            second_factor=_had_second_factor(claims, self.contexts),
        )

    def begin(self, callback_url: str, state: str, *, fresh: bool = False) -> Departure:
        """Ask for a code, with PKCE S256, a nonce and the state; with ``fresh`` for a proof that is made now (RFC 9700)."""
        metadata = self._metadata(_Budget())
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        parameters = {
            **self.asked(),
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": callback_url,
            "scope": " ".join(dict.fromkeys(("openid", *self.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        remembered = {"verifier": verifier, "nonce": nonce}
        if fresh:
            parameters |= {"prompt": "login", "max_age": "0"}
            remembered["since"] = str(int(time.time()))
        where = str(metadata["authorization_endpoint"])
        return Departure(url=f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(parameters)}", remembered=remembered)

    def complete(self, args: Mapping[str, str], callback_url: str, remembered: Mapping[str, str]) -> ExternalIdentity:
        """Redeem the code and read who it is from the ID token; where that lacks what is wanted, from the userinfo endpoint too."""
        budget = _Budget()
        metadata = self._metadata(budget)
        self._check_sender(args, metadata)
        if "error" in args or not args.get("code"):
            raise _given_up(args.get("error", ""))
        answer = self._redeem(str(args["code"]), callback_url, remembered.get("verifier", ""), metadata, budget)
        access_token = answer.get("access_token")
        access_token = access_token if isinstance(access_token, str) else ""
        budget.check(self.label)
        since = remembered.get("since")
        expected = id_token.Expected(
            issuers=self.issuers, client_id=self.client_id, nonce=remembered["nonce"], access_token=access_token,
            since=float(since) if since else None, dated=self.dated,
        )  # fmt: skip
        claims = dict(id_token.read(answer.get("id_token"), self._keys, expected))
        missing = any(each not in claims for each in self.wanted)
        if missing and access_token and isinstance(metadata.get("userinfo_endpoint"), str):
            told = self._userinfo(str(metadata["userinfo_endpoint"]), access_token, claims["sub"], budget)
            if "email" in claims:
                told.pop("email_verified", None)  # it is said of the address there, which may be another one
            claims = {**told, **claims}
        return self.identity(claims)

    def check(self, callback_url: str) -> Iterable[CheckLine]:
        """Try the issuer, its keys, what it can do, the client, and the way back (R54)."""
        try:
            metadata = self._metadata(_Budget())
        except RolecallError as error:
            yield oidc_check.failed("The issuer", error, "Enter the issuer exactly as the service names itself.")
            return
        yield oidc_check.issuer_line(self.issuer)
        yield from oidc_check.abilities(metadata, dated=self.dated)
        try:
            reply = self.http.get(str(metadata["jwks_uri"]), headers={"Accept": "application/json"})
            yield oidc_check.keys_line(self._answered(reply))
            yield from oidc_check.clock_lines(reply)
        except RolecallError as error:
            yield oidc_check.failed("Its signing keys", error)
        made_up = secrets.token_urlsafe(24)
        yield oidc_check.client_line(
            self.label, lambda: self._redeem(made_up, callback_url, secrets.token_urlsafe(48), metadata, _Budget())
        )
        try:
            silent = f"{self.begin(callback_url, made_up).url}&prompt=none"
            yield oidc_check.return_line(self.http.get(silent, headers={"Accept": "text/html"}), callback_url)
        except RolecallError as error:
            yield oidc_check.failed("Its page for signing in", error)

    def _check_sender(self, args: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
        """Refuse an answer of another issuer (RFC 9207); where the issuer promises to name itself, one without a name too."""
        if "iss" in args:
            if args["iss"] != self.issuer:
                raise id_token.refused("another issuer answered")
        elif metadata.get("authorization_response_iss_parameter_supported") is True:
            raise id_token.refused("the answer does not name its issuer")

    def _redeem(self, code: str, callback_url: str, verifier: str, metadata: Mapping[str, Any], budget: "_Budget") -> Mapping[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback_url, "code_verifier": verifier}
        options: dict[str, Any] = {}
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self.client_secret and "client_secret_basic" in methods:
            options["auth"] = (quote_plus(self.client_id), quote_plus(self.client_secret))
        else:
            form["client_id"] = self.client_id
            if self.client_secret:
                form["client_secret"] = self.client_secret
        budget.check(self.label)
        reply = self.http.post(
            str(metadata["token_endpoint"]), data=form, headers={"Accept": "application/json"}, idempotent=True, **options
        )
        if reply.status in (400, 401, 403):
            problem = _document(reply).get("error")
            if problem in ("invalid_client", "unauthorized_client"):
                raise Misconfigured(
                    f"{self.label} does not accept Rolecall's own credentials for signing in.",
                    hint="Enter the client id and secret of the sign-in again, in the plugin's settings.",
                )
            raise id_token.refused(f"the code was not redeemed ({str(problem)[:60]})")
        return self._answered(reply)

    def _userinfo(self, url: str, access_token: str, subject: str, budget: "_Budget") -> dict[str, Any]:
        budget.check(self.label)
        reply = self.http.get(url, headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"})
        if "application/jwt" in reply.headers.get("Content-Type", ""):
            return {}  # signed for another purpose than ours; without it only the address is not known
        told = self._answered(reply)
        if told.get("sub") != subject:
            raise id_token.refused("the userinfo is somebody else's")
        read = {"email", "email_verified", "given_name", "family_name", *self.wanted}
        return {name: value for name, value in told.items() if name in read}

    def _metadata(self, budget: "_Budget") -> Mapping[str, Any]:
        """What the issuer says of itself; it must be the one that was configured (F-03)."""
        with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < KEPT:
                return self._known[1]
        budget.check(self.label)
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._answered(self.http.get(url, headers={"Accept": "application/json"}))
        if found.get("issuer") != self.issuer:
            raise Misconfigured(
                f"At the address of {self.label} somebody else answers for signing in.",
                hint="Enter the issuer exactly as the service names itself, a slash at the end included.",
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_address(found.get(name), like=self.issuer):
                raise Misconfigured(f"{self.label} does not say where its {name} is.", hint="Ask whoever runs the service.")
        with self._lock:
            self._known = (time.monotonic(), found)
        return found

    def _fetch_keys(self) -> Any:
        metadata = self._metadata(_Budget())
        return self._answered(self.http.get(str(metadata["jwks_uri"]), headers={"Accept": "application/json"}))

    def _answered(self, reply: Response) -> dict[str, Any]:
        if reply.status != 200:
            raise Transient(
                _("{service} cannot sign anybody in just now (it answered {status}).", service=self.label, status=str(reply.status)),
                hint=_("Try again in a moment."),
            )
        return _document(reply)


class _Budget:
    """How long one step may go on making calls."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + BUDGET

    def check(self, label: str) -> None:
        if self._clock() > self._ends:
            raise Transient(_("{service} takes too long to answer.", service=label), hint=_("Try again in a moment."))


def _given_up(error: str) -> NotProved:
    if error in _GIVEN_UP or not error:
        return NotProved(
            _("The sign-in was not finished."), hint=_("Try again, or choose another way to sign in."), detail=error or "no code"
        )
    return NotProved(
        _("The sign-in service refused."), hint=_("Try again. If it happens again, tell the office."), detail=f"error {error[:60]!r}"
    )


def _document(reply: Response) -> dict[str, Any]:
    found = reply.json()
    return found if isinstance(found, dict) else {}


def _is_address(value: object, *, like: str) -> bool:
    """Whether this is an address of the web, encrypted unless the issuer itself is not (which only the operator can allow)."""
    if not isinstance(value, str) or any(ord(each) <= 32 for each in value):
        return False
    parts = urlsplit(value)
    return bool(parts.netloc) and (parts.scheme == "https" or parts.scheme == urlsplit(like).scheme == "http")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _had_second_factor(claims: Mapping[str, Any], contexts: Collection[str]) -> bool:
    """Whether the issuer says so: by its context, by ``mfa``, or by two methods of different kinds."""
    if isinstance(claims.get("acr"), str) and claims["acr"] in contexts:
        return True
    methods = claims.get("amr")
    told = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    return "mfa" in told or len({_KINDS[each] for each in told & _KINDS.keys()}) > 1
