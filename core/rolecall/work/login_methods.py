"""The login methods of this process: built anew when plugins or settings have changed (R66, R69).

Owns the guard around them: a method that cannot be built or that breaks is a sentence for whoever signs in, and a line in the log.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.errors import PluginFault, RolecallError, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.http import Http
from rolecall.sdk.login import LoginMethod
from rolecall.translation import gettext as _

if TYPE_CHECKING:
    from rolecall.work.application import Application

T = TypeVar("T")
#: Seconds that one call may take: somebody waits, and several calls together must end within ten (F-14).
DEADLINE = 4.0

log = structlog.get_logger(__name__)


class LoginMethods:
    """Builds and keeps the login methods of one process. Safe to use from several threads."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self._lock = threading.Lock()
        self._built: dict[str, tuple[int, LoginMethod | None, Http | None]] = {}

    def available(self, session: Session, view: View) -> dict[str, LoginMethod]:
        """The methods that can be used now, by id: enabled, and with all the settings they need."""
        found = {method_id: self._get(session, view, method_id) for method_id in view.login_methods}
        return {method_id: method for method_id, method in found.items() if method is not None}

    def get(self, session: Session, view: View, method_id: str) -> LoginMethod:
        """Return one of them.

        :raises Unknown: when there is none that can be used now.
        """
        method = self._get(session, view, method_id) if method_id in view.login_methods else None
        if method is None:
            raise Unknown(_("Nobody can sign in this way."), hint=_("The sign-in page lists which ways there are."))
        return method

    def close(self) -> None:
        """Close every connection that is kept open."""
        with self._lock:
            for method_id in list(self._built):
                self._drop(method_id)

    def _get(self, session: Session, view: View, method_id: str) -> LoginMethod | None:
        with self._lock:
            known = self._built.get(method_id)
            if known is None or known[0] != view.generation:
                self._drop(method_id)
                known = self._built[method_id] = (view.generation, *self._build(session, view, method_id))
            return known[1]

    def _build(self, session: Session, view: View, method_id: str) -> tuple[LoginMethod | None, Http | None]:
        kind, schema = view.login_methods[method_id], view.plugins[method_id].settings_schema
        http = None
        try:
            values = settings.read(session, method_id, schema, self._app.keyring) if schema is not None else {}
            if not kind.is_ready(values):
                return None, None
            http = Http(allow=self._app.config.outbound_allow, deadline=DEADLINE, connect=DEADLINE)
            return kind(values, http), http
        except (Exception, SystemExit) as error:  # a plugin may raise anything; here it ends as a method that is not offered
            if http is not None:
                http.close()
            log.error("login method not built", method=method_id, error=str(error), exc_info=not isinstance(error, RolecallError))
            return None, None

    def _drop(self, method_id: str) -> None:
        known = self._built.pop(method_id, None)
        if known is not None and known[2] is not None:
            known[2].close()


def callback_url(app: "Application", method: str) -> str:
    """Where a service sends people back to; its administrator enters exactly this."""
    return f"{app.config.base_url}/login/{method}/callback"


def guarded(label: str, call: Callable[[], T]) -> T:
    """Call a method's code; what is not an error of ours becomes one.

    :raises PluginFault: when the plugin broke.
    """
    try:
        return call()
    except RolecallError:
        raise
    except (Exception, SystemExit) as error:
        log.error("login method broke", label=label, exc_info=True)
        raise PluginFault(
            _("Signing in with {service} broke off.", service=label), hint=_("Choose another way to sign in, and tell the office.")
        ) from error
