"""All tables, by subject."""

from rolecall.store.tables.access import ApiToken, OneTimeToken, SignIn, Throttle, WebSession
from rolecall.store.tables.accounts import Account, Listing, UsernameClaim
from rolecall.store.tables.base import Base, Json, UtcTime
from rolecall.store.tables.links import Link, Slot
from rolecall.store.tables.people import Person, Relation, StudentStatus
from rolecall.store.tables.roles import Period, Role, RolePeriod, RolePermission
from rolecall.store.tables.runs import ImportRow, Run, RunItem
from rolecall.store.tables.system import AuditEntry, AuditHead, Generation, PluginData, PluginState, SavedView, Setting

__all__ = [
    "Account",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Base",
    "Generation",
    "ImportRow",
    "Json",
    "Link",
    "Listing",
    "OneTimeToken",
    "Period",
    "Person",
    "PluginData",
    "PluginState",
    "Relation",
    "Role",
    "RolePeriod",
    "RolePermission",
    "Run",
    "RunItem",
    "SavedView",
    "Setting",
    "SignIn",
    "Slot",
    "StudentStatus",
    "Throttle",
    "UsernameClaim",
    "UtcTime",
    "WebSession",
]
