"""Makes many calls: by bulk where the service can, else one by one; each has its own answer (RFC 7644, section 3.7).

The status of a bulk says nothing about its parts. An error that concerns the service ends the sending; what was not sent is told so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rolecall.errors import Ambiguous, Misconfigured, ProviderError, Transient
from rolecall_scim.client import Answer, Client, Operation
from rolecall_scim.errors import Elsewhere, Garbled, TooLarge, Unclear, Unreachable, Unsupported, classify, field_of, number_of
from rolecall_scim.service import Service

REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
#: Bytes of a bulk beside its operations.
FRAME = 200


def send(service: Service, operations: Sequence[Operation]) -> list[Answer]:
    """Make the calls and return their answers, in order."""
    answers: list[Answer] = []
    for portion in _portions(service, operations):
        stopped: ProviderError | None = None
        try:
            answers += _bulk(service, portion) if len(portion) > 1 else [service.client.ask(portion[0])]
            stopped = next((each.error for each in answers[-len(portion) :] if isinstance(each.error, Misconfigured | Unreachable)), None)
        except ProviderError as error:
            answers += [Answer(error=error)] * len(portion)
            stopped = error
        if stopped is not None:
            # Nothing of the rest was sent, so nothing of it is in doubt.
            rest = Transient(stopped.message) if isinstance(stopped, Ambiguous) else stopped
            return answers + [Answer(error=rest)] * (len(operations) - len(answers))
    return answers


def _portions(service: Service, operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Divide the operations into what one call takes. The service is asked anew each time: it may have lost its bulk meanwhile."""
    rest = list(operations)
    while rest:
        can = service.can
        portion, size = rest[:1], FRAME + _size(rest[0])
        for operation in rest[1 : can.bulk_operations]:
            size += _size(operation)
            if size > can.bulk_bytes:
                break
            portion.append(operation)
        rest = rest[len(portion) :]
        yield portion


def _size(operation: Operation) -> int:
    """Return the bytes of an operation within a bulk, and some for its place there."""
    return len(json.dumps(_part(operation, 0))) + 20


def _part(operation: Operation, number: int) -> dict[str, Any]:
    part: dict[str, Any] = {"method": operation.method, "path": operation.path, "bulkId": f"q{number}"}
    if operation.version is not None:
        part["version"] = operation.version
    if operation.body is not None:
        part["data"] = dict(operation.body)
    return part


def _bulk(service: Service, operations: Sequence[Operation]) -> list[Answer]:
    repeatable = all(each.repeatable for each in operations)
    parts = [_part(each, number) for number, each in enumerate(operations)]
    call = Operation(method="POST", path="/Bulk", body={"schemas": [REQUEST_SCHEMA], "Operations": parts}, repeatable=repeatable)
    answer = service.client.ask(call)
    if isinstance(answer.error, Unsupported | Elsewhere):
        service.without(bulk_operations=0)
        return send(service, operations)
    if isinstance(answer.error, TooLarge):
        middle = len(operations) // 2
        return send(service, operations[:middle]) + send(service, operations[middle:])
    found = field_of(answer.value(), "Operations")
    if not isinstance(found, list):
        raise (Garbled if repeatable else Unclear)("The SCIM service did not answer a bulk with the answers to its parts.")
    by_id = {str(field_of(each, "bulkId")): each for each in found if isinstance(each, dict) and field_of(each, "bulkId") is not None}
    # Only creations need an id; where the others come back without theirs the order tells, if nothing is missing.
    in_order = found if len(found) == len(operations) else [None] * len(operations)
    return [_answer(service.client, each, by_id.get(f"q{number}", in_order[number])) for number, each in enumerate(operations)]


def _answer(client: Client, operation: Operation, found: Any) -> Answer:
    status = number_of(field_of(found, "status"))
    if status is None or str(field_of(found, "method") or operation.method).upper() != operation.method:
        unusable = Garbled if operation.repeatable else Unclear
        return Answer(error=unusable("The SCIM service said nothing of a part of a bulk."))
    response = field_of(found, "response")
    body: Mapping[str, Any] = response if isinstance(response, dict) else {}
    if status in (200, 201, 202, 204):
        return Answer(body=body, location=str(field_of(found, "location") or ""))
    return Answer(error=client.scrubbed(classify(status, body, repeatable=operation.repeatable), operation))
