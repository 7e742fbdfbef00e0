"""The fake service answers every recorded call as scim2-server did: status, error, keys and headers."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from werkzeug.test import Client as Browser

from rolecall_scim.fake import create_app

RECORDED = json.loads((Path(__file__).parent / "recordings" / "scim2-server-recorded.json").read_text())["exchanges"]


def shape(value: Any, *, key: str = "") -> Any:
    """Return what must be equal: keys, the number of rows, schemas, statuses and the words of errors."""
    if isinstance(value, dict):
        return {name: shape(inner, key=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(each, key=key) for each in value]
    if key in ("schemas", "status", "scimType", "resourceType", "method", "bulkId", "totalResults", "startIndex", "itemsPerPage"):
        return value
    return type(value).__name__


class Lab:
    """The fake in the state of the recorded laboratory: ids of the recording stand for those of the fake."""

    def __init__(self) -> None:
        self.service = create_app("http://127.0.0.1:8091", token="T", prefix="/v2")
        self.browser = Browser(self.service)
        self.ids: dict[str, str] = {}

    def play(self, exchange: dict[str, Any]) -> Any:
        """Send what was sent, and remember which id the fake gave."""
        request = exchange["request"]
        path, body = request["path"], json.dumps(request["json"]) if request["json"] is not None else None
        for old, new in self.ids.items():
            path, body = path.replace(old, new), body.replace(old, new) if body else body
        headers = {"Authorization": "Bearer T", **(request["headers"] or {})}
        parts = urlsplit(path)
        answer = self.browser.open(
            unquote(parts.path),
            method=request["method"],
            query_string=parts.query,
            data=body,
            headers=headers,
            content_type="application/scim+json",
        )
        recorded = exchange["response"]["json"]
        if request["method"] == "POST" and answer.status_code == 201:
            self.ids[recorded["id"]] = answer.json["id"]
        return answer


def test_fake_answers_the_recorded_calls_as_scim2_server_did():
    lab = Lab()

    for exchange in RECORDED:
        answer, recorded = lab.play(exchange), exchange["response"]

        assert answer.status_code == recorded["status"], exchange["name"]
        assert ("ETag" in answer.headers) == ("etag" in recorded["headers"]), exchange["name"]
        assert ("Location" in answer.headers) == ("location" in recorded["headers"]), exchange["name"]
        assert answer.content_type == recorded["headers"]["content-type"], exchange["name"]
        assert shape(answer.json if answer.data else None) == shape(recorded["json"]), exchange["name"]
    assert len(RECORDED) == 36
