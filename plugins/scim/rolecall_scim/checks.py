"""Tests a connection without changing anything: one line per property that is needed (R54).

What the service says of itself is shown beside what was tried. Rights to write are tried on a user and a group that nobody has, and with a
new user whom every service must refuse, because the user name is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rolecall.errors import Misconfigured, NotFound, Permanent, ProviderError
from rolecall.sdk import CheckLine
from rolecall_scim import changes
from rolecall_scim.client import GROUPS, USERS, Operation, created_id, literal, one
from rolecall_scim.errors import Denied, Elsewhere, Refused, Unsupported
from rolecall_scim.groups import PREFIX
from rolecall_scim.schemas import known_attributes
from rolecall_scim.service import Service
from rolecall_scim.users import ENTERPRISE, USER, path_of

#: An id that nothing has.
NOBODY = "rolecall-test-nobody"
CHANGED = "Users can be changed and closed ({way})"
GRANT = "Give the token the right to {right} at the service."


def lines(service: Service, names: Sequence[str]) -> Iterator[CheckLine]:
    """Yield the lines; where the service cannot be reached or refuses the token there is nothing more to try."""
    label = "Reach the service"
    try:
        can = service.can
    except Denied as error:
        yield CheckLine(label=label, ok=True)
        yield CheckLine(label="Token accepted", ok=False, detail=error.message, fix=error.hint)
        return
    except ProviderError as error:
        fix = error.hint or "Check the address, and that the service is up and reachable from here."
        yield CheckLine(label=label, ok=False, detail=error.message, fix=fix)
        return
    detail = "" if can.described else "It does not describe itself, so it is taken for a modest one."
    yield CheckLine(label=label, ok=True, detail=detail)
    yield _tried("Token accepted, users can be read", lambda: service.client.page(USERS, count=1), "Enter a valid token.")
    yield from _finding(service)
    yield _creating(service)
    yield _changing(service)
    yield _allowed("Users can be deleted", lambda: _call(service, "DELETE", one(USERS, NOBODY)), GRANT.format(right="delete users"))
    if service.settings.get("groups", True):
        yield from _groups(service)
    yield from _attributes(service, names)
    yield from _advice(service)


def _call(service: Service, method: str, path: str, body: object = None) -> None:
    """Make a call about somebody whom nobody has."""
    payload = body if isinstance(body, dict) else None
    service.client.ask(Operation(method=method, path=path, body=payload, repeatable=True)).value()


def _refusal(attempt: Callable[[], object]) -> ProviderError | None:
    """Return why a change would not be taken; a service that finds that nobody has the id, or that it is none, has let the call in."""
    try:
        attempt()
    except (NotFound, Refused):
        return None
    except ProviderError as error:
        return error
    return None


def _line(label: str, error: ProviderError | None, fix: str) -> CheckLine:
    if error is None:
        return CheckLine(label=label, ok=True)
    return CheckLine(label=label, ok=False, detail=error.message, fix=fix)


def _allowed(label: str, attempt: Callable[[], object], fix: str) -> CheckLine:
    """Say whether a change would be taken."""
    return _line(label, _refusal(attempt), fix)


def _tried(label: str, attempt: Callable[[], object], fix: str, *, required: bool = True) -> CheckLine:
    """Say whether something works."""
    try:
        attempt()
    except Misconfigured as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix if not isinstance(error, Elsewhere) else error.hint)
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix, required=required)
    return CheckLine(label=label, ok=True)


def _changing(service: Service) -> CheckLine:
    """Try the way in which users will be written, and the other one where the first turns out not to be there."""
    nobody, grant = one(USERS, NOBODY), GRANT.format(right="change users")
    if service.can.patch:
        body = changes.patch(changes.activation(False, entra=service.entra))
        error = _refusal(lambda: _call(service, "PATCH", nobody, body))
        if not (isinstance(error, Unsupported) and service.may_fall_back):
            return _line(CHANGED.format(way="PATCH"), error, "Choose PUT in the settings." if isinstance(error, Unsupported) else grant)
        service.without(patch=False)
    whole = {"schemas": [USER], "userName": NOBODY, "active": False}
    return _allowed(CHANGED.format(way="PUT"), lambda: _call(service, "PUT", nobody, whole), grant)


def _finding(service: Service) -> Iterator[CheckLine]:
    if not service.can.filter:
        detail = "The service has no filters: everybody is read for each portion of work."
        yield CheckLine(label="Users can be searched", ok=False, detail=detail, fix="Ask its makers for filters.", required=False)
        return
    for name in dict.fromkeys(filter(None, (service.slot, "userName"))):
        fix = "Without this filter everybody is read for each portion of work."
        if name == service.slot:
            fix += " If the service does not keep this attribute, choose another place for our key in the settings."
        attempt = partial(_nobody, service, USERS, f"{path_of(name)} eq {literal(NOBODY)}")
        yield _tried(f"Users can be found by {name}", attempt, fix, required=False)


def _nobody(service: Service, path: str, text: str) -> None:
    """Ask a filter for somebody who is not there: one that is ignored answers with others."""
    if service.client.page(path, filter=text, count=1).rows:
        raise Permanent("The service ignores the filter.")


def _creating(service: Service) -> CheckLine:
    """Try to create a user without a user name, which the schema forbids."""
    label = "Users can be created"
    try:
        answer = service.client.ask(Operation(method="POST", path=USERS, body={"schemas": [USER], "active": False}))
        if answer.error is None:
            service.client.ask(Operation(method="DELETE", path=one(USERS, created_id(answer)), repeatable=True)).value()
            detail = "The service makes users without a user name; the one that was made for the test was deleted again."
            return CheckLine(label=label, ok=True, detail=detail)
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Try again later.")
    if isinstance(answer.error, Refused):
        return CheckLine(label=label, ok=True)
    return CheckLine(label=label, ok=False, detail=answer.error.message, fix=GRANT.format(right="create users"))


def _groups(service: Service) -> Iterator[CheckLine]:
    fix = GRANT.format(right="read and change groups") + " Or switch groups off in the settings."
    yield _tried("Groups can be read", lambda: service.client.page(GROUPS, count=1), fix)
    if service.can.filter:
        text = f"externalId sw {literal(PREFIX + NOBODY)}"
        slow = "Without this filter all groups are read for each portion of work."
        yield _tried("Groups can be found by externalId", lambda: _nobody(service, GROUPS, text), slow, required=False)
    if service.can.patch:
        body = changes.patch([changes.operation("add", "members", [{"value": NOBODY}], entra=service.entra)])
        yield _allowed("Members of groups can be changed", lambda: _call(service, "PATCH", one(GROUPS, NOBODY), body), fix)


def _attributes(service: Service, names: Sequence[str]) -> Iterator[CheckLine]:
    """Compare what is sent with what the service says it knows (RFC 7643, sections 6 and 7)."""
    label = "The service knows every attribute that is sent"
    try:
        known = known_attributes(service.client)
    except ProviderError as error:
        yield CheckLine(label=label, ok=False, detail=error.message, fix="It does not say what it knows.", required=False)
        return
    unknown = [name for name in names if path_of(name).lower() not in known]
    fix = "Ignore these in the mapping." if unknown else ""
    detail = f"It does not know: {', '.join(unknown)}." if unknown else ""
    if any(path_of(name).startswith(ENTERPRISE) for name in unknown):
        fix += " Some need the enterprise extension, which the service may not have."
    yield CheckLine(label=label, ok=not unknown, detail=detail, fix=fix, required=False)


def _advice(service: Service) -> Iterator[CheckLine]:
    can = service.can
    if service.settings.get("send_password", True) and not can.password:
        fix = "Switch the first-time password off in the settings, if people sign in through another service."
        detail = "The service says that it takes no change of passwords."
        yield CheckLine(label="Passwords", ok=False, detail=detail, fix=fix, required=False)
    if service.settings.get("bulk", True):
        detail = f"{can.bulk_operations} changes a call." if can.bulk_operations else "The service takes changes one by one."
        yield CheckLine(label="Many changes in one call (bulk)", ok=True, detail=detail, required=False)
