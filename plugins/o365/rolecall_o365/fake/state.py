"""What the pretended tenant holds: users, the recycle bin, groups, classes, teams, domains and licences."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

ALL_ROLES = frozenset(
    {
        "User.Read.All",
        "User.ReadWrite.All",
        "User.EnableDisableAccount.All",
        "User.RevokeSessions.All",
        "User.DeleteRestore.All",
        "LicenseAssignment.ReadWrite.All",
        "Group.Create",
        "GroupMember.ReadWrite.All",
        "Domain.Read.All",
        "EduRoster.ReadWrite.All",
        "Team.Create",
        "TeamSettings.ReadWrite.All",
        "Mail.Send",
        "Mail.ReadBasic.All",
    }
)

Row = dict[str, Any]


class GraphError(Exception):
    """An answer that is an error, in Graph's shape."""

    def __init__(self, status: int, code: str, message: str, *, details: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        error: Row = {"code": code, "message": message, "innerError": {"date": "2026-09-01T08:00:00", "request-id": str(uuid.uuid4())}}
        if details:
            error["details"] = [{"code": code, "target": target, "message": message} for code, target in details]
        self.body = {"error": error}


def not_found(number: str) -> GraphError:
    """The error for an id that nothing has."""
    message = f"Resource '{number}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", message)


def bad(message: str) -> GraphError:
    """The error for a value that is refused."""
    return GraphError(400, "Request_BadRequest", message)


def conflict(target: str) -> GraphError:
    """The error for a name that something else has."""
    message = f"Another object with the same value for property {target} already exists."
    return GraphError(400, "Request_BadRequest", message, details=(("ObjectConflict", target), ("ConflictingObjects", "User_0")))


@dataclass(slots=True)
class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    users: dict[str, Row] = field(default_factory=dict)
    deleted: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, Row] = field(default_factory=dict)
    #: Ids of the groups that are classes.
    classes: dict[str, Row] = field(default_factory=dict)
    #: Whether the team of a group is archived, by group.
    teams: dict[str, bool] = field(default_factory=dict)
    #: Mails that were taken, by the mailbox that sent them: its *Sent Items*.
    mailboxes: dict[str, list[EmailMessage]] = field(default_factory=dict)
    #: Recipients that Exchange does not take.
    unresolved: set[str] = field(default_factory=set)
    #: Recipients for whom the mailbox is at work on something else, as long as that is said.
    locked_for: set[str] = field(default_factory=set)
    domains: dict[str, Row] = field(default_factory=dict)
    skus: dict[str, Row] = field(default_factory=dict)
    #: How many look-ups a fresh user, or attempts to make a team of a fresh group, still fail.
    hidden: dict[str, int] = field(default_factory=dict)
    #: Users to whom an app may do nothing without a higher role.
    protected: set[str] = field(default_factory=set)
    #: What every user was when a token of a delta was given.
    deltas: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Who was signed out, in order.
    signed_out: list[str] = field(default_factory=list)

    def seen(self, number: str) -> bool:
        """Tell whether a fresh object is seen already; each time it is not, it becomes more likely."""
        left = self.hidden.get(number, 0)
        if left:
            self.hidden[number] = left - 1
        return not left

    def user(self, key: str) -> Row:
        """Return a living user by id or sign-in name."""
        row = self.users.get(key) or next((row for row in self.users.values() if row["userPrincipalName"].lower() == key.lower()), None)
        if row is None or not self.seen(row["id"]):
            raise not_found(key)
        return row

    def group(self, number: str) -> Row:
        """Return a group by id."""
        if number not in self.groups:
            raise not_found(number)
        return self.groups[number]

    def school_class(self, number: str) -> Row:
        """Return a class by id."""
        if number not in self.classes:
            raise not_found(number)
        return self.classes[number]

    def addresses(self, *, but: str = "") -> Iterator[str]:
        """Yield every sign-in name and address in use, in lower case, but those of one user."""
        for row in self.users.values():
            if row["id"] != but:
                yield row["userPrincipalName"].lower()
                yield from (address.partition(":")[2].lower() for address in row["proxyAddresses"])

    def consumed(self, sku: str) -> int:
        """Return how many seats of a licence are taken."""
        return sum(any(each["skuId"] == sku for each in row["assignedLicenses"]) for row in self.users.values())

    def remove_user(self, number: str) -> None:
        """Take a user out of every group and class."""
        for group in self.groups.values():
            group["members"].discard(number)
            group["owners"].discard(number)


def new_id() -> str:
    """Return an object id."""
    return str(uuid.uuid4())


def new_user(**fields: Any) -> Row:
    """Return a user with the defaults of a tenant."""
    return {
        "id": new_id(), "accountEnabled": True, "userPrincipalName": "", "displayName": None, "givenName": None, "surname": None,
        "mail": None, "mailNickname": None, "proxyAddresses": [], "otherMails": [], "usageLocation": None, "jobTitle": None,
        "department": None, "companyName": None, "officeLocation": None, "mobilePhone": None, "employeeId": None, "employeeType": None,
        "preferredLanguage": None, "onPremisesSyncEnabled": None, "userType": "Member", "assignedLicenses": [],
        "licenseAssignmentStates": [],
        "onPremisesExtensionAttributes": {f"extensionAttribute{number}": None for number in range(1, 16)},
        **fields,
    }  # fmt: skip
