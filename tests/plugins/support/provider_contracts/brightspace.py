"""Brightspace's contract in front of a pretended site."""

from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from provider_contracts.checking import checked
from provider_contracts.openapi import OpenApiContract

CONTRACT = OpenApiContract("brightspace-lp.subset.openapi.json")
#: Paths that are not the API's: the sign-in and the journal.
FREE = ("/core/connect/token", "/_journal")


class Site(Protocol):
    """A fake with what a plugin's settings must be to reach it."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any: ...


class CheckedSite:
    """A site that answers only what the contract has."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._app = checked(site, CONTRACT, free=FREE)

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach the site."""
        return self.site.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Check a request, then answer it."""
        return self._app(environ, start_response)
