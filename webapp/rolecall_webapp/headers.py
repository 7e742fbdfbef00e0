"""What every answer says to the browser: what it may load, what it must not keep, which cookie it sends back."""

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from rolecall.config import Config

#: Nothing but our own files, forms and pictures; no script or style inside a page (W-02).
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
#: Bytes of an ordinary form; a view that takes files raises it for its own request.
FORM_BYTES = 5 * 2**20


def configure(flask: Flask, config: Config) -> None:
    """Set what Flask leaves open: hosts, sizes, cookies, and the headers of every answer."""
    host = config.base_url.partition("://")[2]
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    flask.config.update(
        SECRET_KEY=config["secret_key"],
        # Plain http is for this machine only, whatever it calls itself.
        TRUSTED_HOSTS=[name] if config.secure else [*_LOOPBACK],
        MAX_CONTENT_LENGTH=FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=1_000,
        SESSION_COOKIE_NAME="__Host-rolecall" if config.secure else "rolecall",
        SESSION_COOKIE_SECURE=config.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        PREFERRED_URL_SCHEME="https" if config.secure else "http",
    )
    if config.trusted_proxies:
        hops = config.trusted_proxies
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    flask.after_request(_answer)
    flask.extensions["rolecall_secure"] = config.secure
    if config.secure:
        flask.after_request(_transport)


def _answer(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    # A form sent over https must say where it stands; a link that works once says nothing (T-10).
    headers.setdefault("Referrer-Policy", "same-origin")
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.endpoint != "static":
        headers["Cache-Control"] = "no-store"
    return response


def _transport(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response
