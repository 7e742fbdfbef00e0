"""The requests that were recorded at another SCIM server, sent to ours: the same statuses and kinds of error."""

import json
import re
from pathlib import Path

RECORDED = json.loads((Path(__file__).parents[1] / "recordings" / "scim2-server-recorded.json").read_text("utf-8"))["exchanges"]
#: Where ours answers something else on purpose: it has no bulk, and takes attributes that nobody announced.
OTHERWISE = {"bulk": (404, None), "patch_bad_path": (204, None)}
#: What counts whom the recorded bulk made.
AFTER_BULK = {"bulk", "search_post"}


def test_every_recorded_request_is_answered_as_it_was_there(directory, as_directory):
    ids = {}
    wrong = {}
    for each in RECORDED:
        request, recorded = each["request"], each["response"]
        path = request["path"].removeprefix("/v2")
        body = request["json"]
        for theirs, ours in ids.items():
            path = path.replace(theirs, ours)
            body = json.loads(json.dumps(body).replace(theirs, ours))
        headers = dict(request["headers"] or {})
        caller = as_directory("nope") if headers.pop("Authorization", None) else directory

        answer = caller(request["method"], path, body, **headers)

        there = recorded["json"] if isinstance(recorded["json"], dict) else {}
        expected = OTHERWISE.get(each["name"], (recorded["status"], there.get("scimType")))
        here = answer.json if answer.data else {}
        if (answer.status_code, here.get("scimType")) != expected:
            wrong[each["name"]] = (answer.status_code, here)
        if recorded["status"] == 201:
            ids[there["id"]] = here["id"]
        if "totalResults" in there and here.get("totalResults") != there["totalResults"] and each["name"] not in AFTER_BULK:
            wrong[each["name"]] = ("totalResults", here.get("totalResults"), there["totalResults"])

    assert wrong == {}
    assert len(ids) == 3
    assert re.fullmatch(r"[0-9a-f-]{36}", next(iter(ids.values())))
