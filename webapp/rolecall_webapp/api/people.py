"""People: the list, one card, adding and editing, and importing a CSV."""

import hmac
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import request
from marshmallow import Schema, fields, validate
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from rolecall.errors import Held, Invalid, Unknown
from rolecall.sdk.words import LISTS
from rolecall.store import people_query
from rolecall.work import changes
from rolecall.work.documents import Document, person_documents
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source
from rolecall.work.imports.stage import Options, stage
from rolecall_webapp.api import reading, shapes
from rolecall_webapp.api.answers import run_answer
from rolecall_webapp.api.operation import CSV, Answer, Call, operation

_PIECE = 2**16


class PeopleQuery(shapes.Paging):
    """The words of the list of people."""

    list = shapes.one_of(LISTS)
    active = shapes.one_of(("yes", "no", "all"))
    status = shapes.text(100, metadata={"description": "The label of a student status."})
    no_sync = shapes.one_of(("yes", "no", "all"))
    account = shapes.one_of(("yes", "no", "all"), metadata={"description": "Whether there is an account."})
    q = shapes.text(200, metadata={"description": "Name, code, e-mail or phone."})


class PersonChange(Schema):
    """What may be said of a person; what is absent stays as it is, and null clears."""

    code = shapes.text(100)
    first_name = shapes.text(200)
    last_name = shapes.text(200)
    email = shapes.text(254, allow_none=True)
    phone = shapes.text(40, allow_none=True)
    language = shapes.text(20, allow_none=True)
    active = shapes.Flag()
    status = shapes.text(100, allow_none=True, metadata={"description": "The label of a student status; students only."})
    no_sync = shapes.Flag()


class NewPerson(PersonChange):
    """A person. A student without a status is registered."""

    list = shapes.one_of(LISTS, required=True)
    code = shapes.text(100, required=True)
    first_name = shapes.text(200, required=True)
    last_name = shapes.text(200, required=True)


class ImportQuery(Schema):
    """How the file is meant."""

    list = shapes.one_of(LISTS, metadata={"description": "For files and rows without a list."})
    complete = shapes.YesNo(
        load_default=False,
        metadata={"description": "People of its lists who are missing from it have left; classes end, and members are taken out."},
    )
    confirm = shapes.YesNo(load_default=False, metadata={"description": "Do it at once, without looking at the preview."})
    allow_shrink = shapes.YesNo(load_default=False, metadata={"description": "Do it although the brake holds it: they have really left."})
    name = fields.String(
        load_default="people.csv", validate=validate.Length(min=1, max=100), metadata={"description": "The file's name, for messages."}
    )


@operation(
    "GET", "/people", "List people", tag="people", permissions=("people:view",), query=PeopleQuery,
    answer=shapes.page_of(shapes.Person), refusals=(422,),
)  # fmt: skip
def list_people(call: Call) -> Document:
    """By last and first name; ``total`` is exact."""
    words = {name: value for name, value in call.query.items() if name in people_query.WORDS}
    clauses = people_query.people_clauses(call.session, words)
    found = people_query.people_page(call.session, clauses, limit=call.query["limit"], cursor=call.query["cursor"])
    documents = person_documents(call.session, [row.id for row in found.rows])
    return shapes.page(documents, next=found.next, total=found.total)


@operation(
    "POST", "/people", "Add a person", tag="people", permissions=("people:create",), body=NewPerson, answers={201: shapes.Person},
    refusals=(422,),
)  # fmt: skip
def add_person(call: Call) -> Answer:
    """No account is opened by it."""
    return _answer(call, changes.add_person(call.app, call.actor, call.body), status=201)


@operation("GET", "/people/{person_id}", "Read a person", tag="people", permissions=("people:view",), answer=shapes.Person, refusals=(404,))
def read_person(call: Call) -> Answer:
    """One person; the ETag is the version."""
    return _answer(call, call.path["person_id"])


@operation(
    "PATCH", "/people/{person_id}", "Edit a person", tag="people", permissions=("people:edit",), body=PersonChange, versioned=True,
    answer=shapes.Person, refusals=(404, 409, 412, 422),
)  # fmt: skip
def edit_person(call: Call) -> Answer:
    """Changes what is given; the account falls behind at its providers. Of its own fields none changes, but that it is deactivated when
    the person may no longer have one, comes back, or is opened (R7)."""
    changes.edit_person(call.app, call.actor, call.path["person_id"], call.body, version=call.version)
    return _answer(call, call.path["person_id"])


@operation(
    "POST", "/people/import", "Import a CSV of people, classes or relations", tag="people", permissions=("people:create", "people:edit"),
    query=ImportQuery, media=CSV, keyed=True, answers={200: shapes.Run, 202: shapes.Run}, refusals=(409, 413, 415, 422),
)  # fmt: skip
def import_people(call: Call) -> Answer:
    """Stages a draft run with its preview as items; the columns tell what the file is about. With ``confirm=yes`` it is run at once,
    unless the brake holds it: then 409 says why, and the draft waits."""
    with _received(call) as (file, digest):
        lists = (call.query["list"],) if "list" in call.query else ()
        options = Options(complete=call.query["complete"], lists=lists, idempotency_key=call.key, body_digest=digest)
        source = csv_source(file, call.query["name"], call.query.get("list"))
        run_id = stage(call.app, call.actor, source, options)
    if call.query["confirm"]:
        try:
            confirm(call.app, call.actor, run_id, allow_shrink=call.query["allow_shrink"])
        except Held as held:
            hint = f"Its preview waits as run {run_id}. If the people have really left, confirm it with allow_shrink=yes."
            raise Held(held.message, hint=hint) from held
    return run_answer(call, run_id, begun=call.query["confirm"])


def _answer(call: Call, person_id: int, status: int = 200) -> Answer:
    with call.read() as session:
        found = person_documents(session, [person_id])
    if not found:
        raise Unknown(f"There is no person with the id {person_id}.")
    return Answer(document=found[0], status=status, version=found[0]["version"], location=f"/people/{person_id}" if status == 201 else None)


@contextmanager
def _received(call: Call) -> Iterator[tuple[Path, str]]:
    """Put the body into a file, in pieces: it may be larger than memory. Also gives a keyed digest of it and of how it is meant."""
    if request.mimetype != CSV or request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("Send CSV in UTF-8, with the header Content-Type: text/csv.")
    reading.refuse_encoding(request)
    reading.check_length(request, reading.CSV_BYTES)
    with tempfile.TemporaryDirectory(prefix="rolecall-") as folder:
        file = Path(folder) / "people.csv"
        digest = hmac.new(call.app.config["secret_key"].encode(), repr(sorted(call.query.items())).encode(), "sha256")
        received = 0
        with file.open("wb") as copy:
            while piece := request.stream.read(_PIECE):
                received += len(piece)
                if received > reading.CSV_BYTES:
                    raise RequestEntityTooLarge
                digest.update(piece)
                copy.write(piece)
        if not received:
            raise Invalid("The body is empty.", hint="Send the file as the body of the request.")
        yield file, digest.hexdigest()
