"""Where the protocol's server reads and writes: the people and groups that core hands out, as SCIM resources.

Owns turning core's refusals into the protocol's, and pages over both types. Knows no HTTP.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from scim2_models import (
    ConflictException,
    ForbiddenException,
    InvalidFilterException,
    InvalidValueException,
    Meta,
    NotFoundException,
    NotImplementedException,
    PreconditionFailedException,
    Reference,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage

from rolecall import Condition, EndpointCall, Found, HandedGroup, Order
from rolecall.errors import Forbidden, Invalid, Refused, RolecallError, Stale, Taken, Unknown
from rolecall_scim.inbound.filters import condition_of, field_of
from rolecall_scim.inbound.models import Group, GroupMember, User
from rolecall_scim.inbound.users import Person, identity_of, list_for, user_of, values_of

#: The first class that fits decides.
_WORDS: tuple[tuple[type[RolecallError], type[SCIMException]], ...] = (
    (Taken, UniquenessException),
    (Invalid, InvalidValueException),
    (Unknown, NotFoundException),
    (Forbidden, ForbiddenException),
    (Stale, PreconditionFailedException),
    (Refused, ConflictException),
)


@contextmanager
def in_words(invalid: type[SCIMException] = InvalidValueException) -> Iterator[None]:
    """Turn what core refuses into what the protocol calls it; ``invalid`` is for input that is wrong itself."""
    try:
        yield
    except Refused as error:
        kind = next(scim for ours, scim in _WORDS if isinstance(error, ours))
        raise (invalid if kind is InvalidValueException else kind)(detail=str(error)) from error


class HandedStorage(ScimStorage):
    """The people and groups of one call."""

    def __init__(self, call: EndpointCall) -> None:
        self._people = call.people
        self._groups = call.groups
        self._settings: Mapping[str, Any] = call.settings

    def get(
        self, resource_type: ResourceType, resource_id: str, *, response_parameters: ResponseParameters[Any] | None = None
    ) -> Resource[Any]:
        """Return a resource."""
        with in_words():
            if _is_group(resource_type):
                return _group(self._groups.get(resource_id, members=_asks_for(response_parameters, "members")))
            person = self._people.get(resource_id)
            return user_of(person, self._settings, self._groups.of_people([person.key]).get(person.key, ()))

    def search(self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None) -> SearchPage:
        """Return one page; of both types together users come first."""
        if search_request.sort_by is not None and len(resource_types) > 1:
            raise NotImplementedException(detail="Users and groups cannot be sorted together.")
        offset = search_request.start_index_0 or 0
        left = search_request.count or 0
        total, found = 0, list[Resource[Any]]()
        for each in sorted(resource_types, key=_is_group):
            page = self._page(each, search_request, max(0, offset - total), left)
            total += page.total
            rows = self._groups_of(page) if _is_group(each) else self._users_of(page)
            found += rows
            left -= len(rows)
        return SearchPage(total, found)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Add a user or group; a person who is there under the code is taken over."""
        with in_words():
            if _is_group(resource_type):
                group = cast(Group, resource)
                return _group(self._groups.add(group.display_name or "", group.external_id or None, _members(group)))
            user = cast(User[Any], resource)
            if user.active is None:
                user = user.model_copy(update={"active": True})
            values = values_of(user, self._settings)
            person = self._people.add(list_for(user, self._settings), values, identity_of(user, self._settings))
            return user_of(person, self._settings)

    def update(self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None) -> Resource[Any]:
        """Make a user or group what is given."""
        key, version = cast(str, resource.id), _plain(expected_version)
        with in_words():
            if _is_group(resource_type):
                group = cast(Group, resource)
                changed = self._groups.change(key, group.display_name or "", group.external_id or None, _members(group), version=version)
                return _group(changed)
            user = cast(User[Any], resource)
            values = {**values_of(user, self._settings), "list": self._list(key, user)}
            person = self._people.change(key, values, identity_of(user, self._settings), version=version)
            return user_of(person, self._settings, self._groups.of_people([key]).get(key, ()))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Let a person go, who becomes inactive and stays; or delete a group."""
        with in_words():
            store = self._groups.remove if _is_group(resource_type) else self._people.release
            store(resource_id, version=_plain(expected_version))

    def _list(self, key: str, user: User[Any]) -> str:
        """The list that a user belongs to now: theirs, unless the user type changed."""
        present = self._people.get(key)
        said = present.identity.facts.get("userType")
        return present.list if said == user.user_type else list_for(user, self._settings)

    def _page(self, resource_type: ResourceType, search: SearchRequest[Any], offset: int, limit: int) -> Found:
        model = Group if _is_group(resource_type) else Person
        condition: Condition | None = None
        if search.filter is not None:
            condition = condition_of(search.filter, model, self._settings)
        order = self._order(search, model)
        with in_words(InvalidFilterException):
            if model is Group:
                members = _asks_for(search, "members")
                return self._groups.find(condition, order=order, offset=offset, limit=limit, members=members)
            return self._people.find(condition, order=order, offset=offset, limit=limit)

    def _order(self, search: SearchRequest[Any], model: type[Resource[Any]]) -> Order | None:
        binding = search.sort_binding(model) if search.sort_by is not None else None
        field = field_of(binding, self._settings) if binding is not None else None
        if field is None or field == "members":
            return None  # everybody has the same there, or nothing
        return Order(field, descending=search.sort_order == SearchRequest.SortOrder.descending)

    def _users_of(self, page: Found) -> list[Resource[Any]]:
        groups = self._groups.of_people([each.key for each in page.people])
        return [user_of(each, self._settings, groups.get(each.key, ())) for each in page.people]

    def _groups_of(self, page: Found) -> list[Resource[Any]]:
        return [_group(each) for each in page.groups]


def _is_group(resource_type: ResourceType) -> bool:
    return resource_type.name == "Group"


def _group(group: HandedGroup) -> Group:
    members = [GroupMember(value=key, type="User", ref=Reference(f"Users/{key}")) for key, _name in group.members]
    return Group(
        id=group.key,
        external_id=group.external_id,
        display_name=group.name,
        members=members or None,
        meta=Meta(resource_type="Group", created=group.created_at, last_modified=group.changed_at, version=f'W/"{group.version}"'),
    )


def _members(group: Group) -> list[str]:
    return [each.value for each in group.members or () if each.value]


def _asks_for(parameters: ResponseParameters[Any] | None, attribute: str) -> bool:
    """Whether an answer keeps an attribute: members are not even read where they were excluded."""
    excluded = (parameters.excluded_attributes or ()) if parameters is not None else ()
    return attribute not in {str(each).rpartition(":")[2].casefold() for each in excluded}


def _plain(version: str | None) -> str | None:
    return None if version is None else version.removeprefix("W/").strip('"')
