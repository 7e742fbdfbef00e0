"""The contracts accept a provider that does it right, and find the one that does not."""

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from marshmallow import Schema, fields

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk.provider import Attributes, CheckLine, Provider, Remote, Secret
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.testing.provider_contract import Bench, ProviderContract

KEY = "k3y-of-the-library"


class Library:
    """A service that keeps readers: GET /readers?key=|card=, POST, PATCH and DELETE /readers/<id>."""

    def __init__(self, url: str) -> None:
        self.settings = {"base_url": url, "token": KEY}
        self.readers: dict[str, dict[str, Any]] = {}
        self._numbers = count(1)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status, body = self._answer(environ)
        start_response(f"{status} X", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    def _answer(self, environ: dict[str, Any]) -> tuple[int, Any]:
        query = parse_qs(environ["QUERY_STRING"])
        if KEY not in (environ.get("HTTP_X_KEY"), *query.get("token", [])):
            return 401, {}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        given = json.loads(environ["wsgi.input"].read(length)) if length else {}
        reader = environ["PATH_INFO"].removeprefix("/readers").strip("/")
        method = environ["REQUEST_METHOD"]
        if reader and reader not in self.readers:
            return 404, {}
        if method == "GET":
            found = self.readers.items()
            return 200, [
                {"id": key, **each} for key, each in found if all(each.get(name) == query[name][0] for name in query if name != "token")
            ]
        if method == "POST":
            if any(each["card"] == given["card"] for each in self.readers.values()):
                return 409, {}
            reader = f"reader-{next(self._numbers)}"
            self.readers[reader] = {"closed": False, **given}
        elif method == "PATCH":
            self.readers[reader].update(given)
        else:
            del self.readers[reader]
        return 200, {"id": reader}


class LibrarySettings(Schema):
    base_url = fields.String(required=True)
    token = fields.String(required=True, metadata={"secret": True})


class Good(Provider):
    """Does it right."""

    id = "library"
    label = "Library"
    settings_schema = LibrarySettings

    def check(self) -> Iterable[CheckLine]:
        self._call("GET", "/readers", query={"card": "-"})
        return [CheckLine(label="Key", ok=True)]

    def attributes(self, account: AccountSnapshot) -> Attributes:
        return {"card": account.username, "name": f"{account.person.first_name} {account.person.last_name}"}

    def find(self, account: AccountSnapshot) -> Remote | None:
        for query in ({"key": account.key}, {"card": account.username}):
            for row in self._rows(query):
                return row
        return None

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        made = self._call("POST", "/readers", body={**wanted, "key": account.key})
        return Remote(external_id=self._id(made), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        self._id(self._call("PATCH", f"/readers/{external_id}", body=dict(changes)))

    def suspend(self, external_id: str) -> None:
        self.update(external_id, {"closed": True})

    def resume(self, external_id: str) -> None:
        self.update(external_id, {"closed": False})

    def delete(self, external_id: str) -> None:
        self._id(self._call("DELETE", f"/readers/{external_id}"))

    def accounts(self) -> Iterator[Remote]:
        yield from self._rows({})

    def _rows(self, query: dict[str, str]) -> list[Remote]:
        rows = self._call("GET", "/readers", query=query)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "card" in row for row in rows):
            raise Transient("The library's list cannot be read.", hint="")
        return [
            Remote(
                external_id=row["id"], key=row.get("key"), attributes={"card": row["card"], "name": row["name"]}, suspended=row["closed"]
            )
            for row in rows
        ]

    def _id(self, answer: Any) -> str:
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
            raise Ambiguous("The library did not say which reader it was.")
        return str(answer["id"])

    def _headers(self) -> dict[str, str]:
        return {"X-Key": self.settings["token"]}

    def _call(self, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None) -> Any:
        url = self.settings["base_url"] + path
        response = self.http.request(method, url, params=query, json=body, headers=self._headers(), idempotent=method == "PATCH")
        if response.status in (401, 403):
            raise Misconfigured("The library refused the key.")
        if response.status == 404:
            raise NotFound("The reader is gone.")
        if response.status == 409:
            raise Conflict("The card is somebody else's.")
        if response.status == 429 or response.status >= 500:
            raise Transient("The library is busy.", retry_after=response.retry_after())
        if response.status != 200:
            raise Permanent("The library refused the reader.")
        return response.json()


class Forgetful(Good):
    """Does not put our key on the remote account."""

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        made = self._call("POST", "/readers", body=dict(wanted))
        return Remote(external_id=self._id(made), attributes=wanted)


class Careless(Good):
    """Creates without looking, under a card that is always free."""

    def find(self, account: AccountSnapshot) -> Remote | None:
        return None

    def attributes(self, account: AccountSnapshot) -> Attributes:
        return {**super().attributes(account), "card": f"{account.username}-{uuid4()}"}


class Impatient(Good):
    """Takes every answer for a success."""

    def _id(self, answer: Any) -> str:
        return "reader-1"


class Talkative(Good):
    """Puts its key into the address."""

    def _call(self, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None) -> Any:
        return super()._call(method, path, query={**(query or {}), "token": self.settings["token"]}, body=body)


class Deaf(Good):
    """Does not listen to Retry-After."""

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            return super()._call(method, path, **options)
        except Transient:
            raise Transient("The library is busy.") from None


class LibraryContract(ProviderContract):
    plugin = "library"

    def make_fake(self, url: str) -> Library:
        return Library(url)


class TestGood(LibraryContract):
    """Everything but the school, which needs an installed plugin."""

    @pytest.fixture
    def kind(self) -> type[Provider]:
        return Good

    test_a_school_is_brought_in_step_although_answers_are_lost = None  # type: ignore[assignment]
    test_accounts_that_were_there_before_are_recognised_and_adopting_them_changes_nothing = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "question", "arguments"),
    [
        (Forgetful, "test_what_was_created_is_found_as_it_was_wanted", ()),
        (Careless, "test_attributes_are_pure_and_can_be_kept", ()),
        (Careless, "test_what_was_created_is_found_as_it_was_wanted", ()),
        (Careless, "test_an_answer_that_is_lost_at_any_call_makes_nothing_twice", ("after",)),
        (Impatient, "test_an_answer_that_is_none_is_no_success_and_no_crash", (b"[]",)),
        (Talkative, "test_no_secret_is_in_an_address_or_in_an_error", (Talkative,)),
        (Deaf, "test_a_server_that_asks_to_wait_is_believed", (429,)),
    ],
)
def test_what_is_wrong_is_found(kind: type[Provider], question: str, arguments: tuple[Any, ...]) -> None:
    contract = LibraryContract()
    bench = Bench(kind, contract.make_fake, {})

    with bench.wire, pytest.raises(AssertionError):
        getattr(contract, question)(bench, *arguments)
