"""Canvas's contract in front of a pretended Canvas: forms by the document, and what an import may never ask for."""

from typing import Any, Protocol
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from provider_contracts.checking import checked
from provider_contracts.openapi import OpenApiContract

CONTRACT = OpenApiContract("canvas-v1.subset.openapi.json")
#: Modes of an import that delete what a file does not name.
DELETING = ("batch_mode", "diffing_data_set_identifier", "diffing_drop_status", "diffing_user_remove_status", "diffing_remaster_data_set")


class Canvas(Protocol):
    """A fake with what a plugin's settings must be to reach it."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any: ...


class CheckedCanvas:
    """A Canvas that answers only what the contract has."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._app = checked(canvas, CONTRACT, free=("/_journal",))

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach it."""
        return self.canvas.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Look that nothing asks for deletions by absence, check the request, then answer."""
        asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        assert not set(asked) & set(DELETING), f"An import asks for a mode that deletes: {asked}"
        return self._app(environ, start_response)
