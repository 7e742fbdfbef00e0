"""Classes and who is in them: the list, adding, editing, ending and deleting, and their members (R60a)."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.accounts import periods
from rolecall.accounts.classes import LONGEST_CODE, LONGEST_NAME, MOST_MEMBERS
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.sdk.words import CLASS_ROLES, LISTS
from rolecall.store import classes_query
from rolecall.work import class_changes
from rolecall.work.documents import Document, class_documents, member_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Answer, Call, operation


class Class(Schema):
    """A class in a period. How many are in it, as far as the token's rights reach."""

    id = fields.Integer(required=True)
    key = fields.String(required=True, metadata={"description": "The class's key at every provider, for ever."})
    code = fields.String(required=True)
    name = fields.String(required=True)
    period = fields.String(required=True, metadata={"description": "The code of its period."})
    active = fields.Boolean(required=True, metadata={"description": "False when it is no longer taught."})
    students = fields.Integer(required=True)
    teachers = fields.Integer(required=True)
    assistants = fields.Integer(required=True)
    links = fields.List(fields.Nested(shapes.Standing), required=True)
    version = fields.Integer(required=True)


class Member(Schema):
    """Somebody in a class."""

    person = fields.Integer(required=True)
    role = shapes.one_of(CLASS_ROLES, required=True)
    list = shapes.one_of(LISTS, required=True)
    code = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    active = fields.Boolean(required=True, metadata={"description": "Whether the person is."})
    account = fields.Integer(required=True, allow_none=True)


class ClassesQuery(shapes.Paging):
    """The words of the list of classes."""

    period = shapes.text(60, metadata={"description": "The code of a period."})
    active = shapes.one_of(("yes", "no", "all"))
    q = shapes.text(200, metadata={"description": "Code or name."})


class MembersQuery(shapes.Paging):
    """Which members are wanted."""

    role = shapes.one_of(CLASS_ROLES)


class NewMember(Schema):
    """A person and the role in the class."""

    person = shapes.number_id(required=True)
    role = shapes.one_of(CLASS_ROLES, load_default="student")


class Members(Schema):
    """People and their roles in the class, each person once."""

    members = fields.List(fields.Nested(NewMember), required=True, validate=validate.Length(max=MOST_MEMBERS))


class ClassChange(Schema):
    """What may be changed of a class; it stays in its period."""

    code = shapes.text(LONGEST_CODE)
    name = shapes.text(LONGEST_NAME)
    active = shapes.Flag(metadata={"description": "False ends the class: providers archive what they have of it."})


class NewClass(Schema):
    """A class, with its members if there are any yet."""

    code = shapes.text(LONGEST_CODE, required=True)
    name = shapes.text(LONGEST_NAME, required=True)
    period = shapes.text(60, metadata={"description": "The code of its period; the current one unless given."})
    members = fields.List(fields.Nested(NewMember), load_default=[], validate=validate.Length(max=MOST_MEMBERS))


@operation(
    "GET", "/classes", "List classes", tag="classes", permissions=("people:view",), query=ClassesQuery,
    answer=shapes.page_of(Class), refusals=(422,),
)  # fmt: skip
def list_classes(call: Call) -> Document:
    """The newest period first, in it by code; ``total`` is exact."""
    words = {name: value for name, value in call.query.items() if name in classes_query.WORDS}
    clauses = classes_query.class_clauses(call.session, words)
    found = classes_query.classes_page(call.session, clauses, limit=call.query["limit"], cursor=call.query["cursor"])
    return shapes.page(class_documents(call.session, found.rows), next=found.next, total=found.total)


@operation(
    "POST", "/classes", "Add a class", tag="classes", permissions=("people:create",), body=NewClass, answers={201: Class},
    refusals=(404, 409, 422),
)  # fmt: skip
def add_class(call: Call) -> Answer:
    """In the current period, unless another one is named."""
    code = call.body.get("period")
    period = periods.current(call.session) if code is None else periods.by_code(call.session, code)
    if period is None:
        raise Refused("There is no current period.", hint="Name the period of the class.")
    values = {"period_id": period.id, "code": call.body["code"], "name": call.body["name"]}
    class_id = class_changes.add_class(call.app, call.actor, values, members=_roles(call.body["members"]))
    return _answer(call, class_id, status=201)


@operation("GET", "/classes/{class_id}", "Read a class", tag="classes", permissions=("people:view",), answer=Class, refusals=(404,))
def read_class(call: Call) -> Answer:
    """One class, and how it stands at each provider; the ETag is the version."""
    return _answer(call, call.path["class_id"])


@operation(
    "PATCH", "/classes/{class_id}", "Edit a class", tag="classes", permissions=("people:edit",), body=ClassChange, versioned=True,
    answer=Class, refusals=(404, 409, 412, 422),
)  # fmt: skip
def edit_class(call: Call) -> Answer:
    """Changes what is given; the class falls behind at its providers."""
    class_changes.edit_class(call.app, call.actor, call.path["class_id"], call.body, version=call.version)
    return _answer(call, call.path["class_id"])


@operation(
    "DELETE", "/classes/{class_id}", "Delete a class", tag="classes", permissions=("people:delete",), versioned=True, answer=Class,
    refusals=(404, 409, 412),
)  # fmt: skip
def delete_class(call: Call) -> Document:
    """Only one that no provider holds; answers what it was. Any other can be ended."""
    document = _answer(call, call.path["class_id"]).document
    class_changes.remove_class(call.app, call.actor, call.path["class_id"], version=call.version)
    return document


@operation(
    "GET", "/classes/{class_id}/members", "List the members of a class", tag="classes", permissions=("people:view",), query=MembersQuery,
    answer=shapes.page_of(Member), refusals=(404, 422),
)  # fmt: skip
def list_members(call: Call) -> Document:
    """Who teaches first, then by last and first name."""
    class_id = call.path["class_id"]
    _answer(call, class_id)
    limit, cursor = call.query["limit"], call.query["cursor"]
    found = classes_query.members_page(call.session, class_id, role=call.query.get("role"), limit=limit, cursor=cursor)
    return shapes.page([member_document(each) for each in found.rows], next=found.next, total=found.total)


@operation(
    "POST", "/classes/{class_id}/members", "Put people into a class", tag="classes", permissions=("people:edit",), body=Members,
    versioned=True, answer=Class, refusals=(404, 409, 412, 422),
)  # fmt: skip
def add_members(call: Call) -> Answer:
    """Whoever is in it already gets the role that is given; everybody else stays."""
    return _change(call, put=_roles(call.body["members"]))


@operation(
    "PUT", "/classes/{class_id}/members", "Replace the members of a class", tag="classes", permissions=("people:edit",), body=Members,
    versioned=True, answer=Class, refusals=(404, 409, 412, 422),
)  # fmt: skip
def replace_members(call: Call) -> Answer:
    """Whoever is not named is taken out, as far as the token's rights reach."""
    return _change(call, put=_roles(call.body["members"]), replace=True)


@operation(
    "DELETE", "/classes/{class_id}/members/{person_id}", "Take a person out of a class", tag="classes", permissions=("people:edit",),
    versioned=True, answer=Class, refusals=(404, 409, 412, 422),
)  # fmt: skip
def remove_member(call: Call) -> Answer:
    """Nothing happens when the person is not in it."""
    return _change(call, put={}, out=[call.path["person_id"]])


def _change(call: Call, **members: Any) -> Answer:
    class_changes.change_members(call.app, call.actor, call.path["class_id"], version=call.version, **members)
    return _answer(call, call.path["class_id"])


def _roles(members: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Roles by person.

    :raises Invalid: when somebody is named twice.
    """
    roles = {each["person"]: each["role"] for each in members}
    if len(roles) != len(members):
        message = "Somebody is named twice: each person has one role in a class."
        raise Invalid(message, fields={"members": [message]})
    return roles


def _answer(call: Call, class_id: int, status: int = 200) -> Answer:
    with call.read() as session:
        row = classes_query.class_row(session, class_id)
        if row is None:
            raise Unknown(f"There is no class with the id {class_id}.")
        (document,) = class_documents(session, [row])
    return Answer(document=document, status=status, version=row.version, location=f"/classes/{class_id}" if status == 201 else None)
