"""What directories send that the standard does not foresee, put as the standard wants it."""

import json
from typing import Any


def plain_patch(body: bytes) -> bytes:
    """Give every value of an operation without a path whose name is a path with a filter an operation of its own.

    Microsoft Entra ID writes ``{"op": "replace", "value": {"emails[type eq \\"work\\"].value": "..."}}``. Whatever is not like that is left
    as it is, for the protocol to judge.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body
    operations = document.get("Operations") if isinstance(document, dict) else None
    if not isinstance(operations, list) or not any(map(_is_mixed, operations)):
        return body
    document["Operations"] = [each for operation in operations for each in _apart(operation)]
    return json.dumps(document).encode()


def _is_mixed(operation: Any) -> bool:
    return (
        isinstance(operation, dict)
        and not operation.get("path")
        and isinstance(operation.get("value"), dict)
        and any("[" in name for name in operation["value"])
    )


def _apart(operation: Any) -> list[Any]:
    if not _is_mixed(operation):
        return [operation]
    values = operation["value"]
    rest = {name: value for name, value in values.items() if "[" not in name}
    apart = [{"op": operation.get("op"), "path": name, "value": value} for name, value in values.items() if "[" in name]
    return [*([{**operation, "value": rest}] if rest else []), *apart]
