"""Makes a PDF of a document by WeasyPrint, which the extra ``pdf`` installs; nothing else here imports it (R28).

Owns that the document fetches nothing, from no network and no file, and that one process makes one PDF at a time.
"""

from importlib.util import find_spec
from threading import Lock
from typing import Any

from rolecall.errors import Busy, Refused, RolecallError

#: A PDF takes a core and some hundred megabytes: two at once would only be later and larger.
turn = Lock()
_PACKAGES = "Pango, which is libpango-1.0-0 and libpangoft2-1.0-0 on Debian"


def why_not() -> str | None:
    """Why no PDF can be made here, with what to do about it; none where it can."""
    if find_spec("weasyprint") is None:
        return "This installation makes no PDF. The operator installs rolecall[pdf]; until then print the page."
    try:
        _library()
    except OSError:
        return f"This installation makes no PDF, because WeasyPrint does not find {_PACKAGES}. Until then print the page."
    return None


def require() -> None:
    """Refuse where no PDF can be made.

    :raises Refused: with what to do about it.
    """
    if (why := why_not()) is not None:
        raise Refused(why, code="no-pdf")


def make_pdf(html: str) -> bytes:
    """Make a PDF of a document that needs nothing beside it. It takes about 20 ms per slip: never call it inside a transaction.

    :raises Refused: where no PDF can be made.
    :raises Busy: while another one is being made.
    """
    require()
    if not turn.acquire(blocking=False):
        raise Busy("Another PDF is being made. Try again in a minute; nothing was lost.", retry_after=30)
    try:
        return _write(html)
    finally:
        turn.release()


def _write(html: str) -> bytes:
    weasyprint = _library()
    # No protocol is allowed, and whoever asks for something all the same stops the whole document.
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=(), fail_on_errors=True)
    try:
        made: bytes = weasyprint.HTML(string=html, url_fetcher=nothing).write_pdf()
    except weasyprint.urls.FatalURLFetchingError as error:
        raise RolecallError("The printed page asked for something beside it, which it must not.") from error
    return made


def _library() -> Any:
    import weasyprint

    return weasyprint
