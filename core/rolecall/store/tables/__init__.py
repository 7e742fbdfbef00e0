"""All tables, by subject."""

from rolecall.store.tables.access import ApiToken, OneTimeToken, RecoveryCode, SecondFactor, SignIn, Throttle, WebSession
from rolecall.store.tables.accounts import Account, Listing, UsernameClaim
from rolecall.store.tables.base import Base, Json, UtcTime
from rolecall.store.tables.classes import ClassLink, ClassMember, SchoolClass
from rolecall.store.tables.handed import Handed, HandedGroup, HandedMember
from rolecall.store.tables.health import SyncSample, SyncTotal, Worker
from rolecall.store.tables.identities import LetGo, LinkedIdentity, LoginAttempt
from rolecall.store.tables.links import Link, Slot
from rolecall.store.tables.matches import Comparison, Match, MatchDecision, OwnName, RemoteAccount, RemoteName
from rolecall.store.tables.messages import Delivery, MessagePart, MessageText
from rolecall.store.tables.people import Person, Relation, StudentStatus
from rolecall.store.tables.roles import Period, Role, RoleMenu, RolePeriod, RolePermission
from rolecall.store.tables.runs import ImportRow, Run, RunItem
from rolecall.store.tables.system import AuditEntry, AuditHead, Generation, PluginData, PluginState, SavedView, Setting

__all__ = [
    "Account",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Base",
    "ClassLink",
    "ClassMember",
    "Comparison",
    "Delivery",
    "Generation",
    "Handed",
    "HandedGroup",
    "HandedMember",
    "ImportRow",
    "Json",
    "LetGo",
    "Link",
    "LinkedIdentity",
    "Listing",
    "LoginAttempt",
    "Match",
    "MatchDecision",
    "MessagePart",
    "MessageText",
    "OneTimeToken",
    "OwnName",
    "Period",
    "Person",
    "PluginData",
    "PluginState",
    "RecoveryCode",
    "Relation",
    "RemoteAccount",
    "RemoteName",
    "Role",
    "RoleMenu",
    "RolePeriod",
    "RolePermission",
    "Run",
    "RunItem",
    "SavedView",
    "SchoolClass",
    "SecondFactor",
    "Setting",
    "SignIn",
    "Slot",
    "StudentStatus",
    "SyncSample",
    "SyncTotal",
    "Throttle",
    "UsernameClaim",
    "UtcTime",
    "WebSession",
    "Worker",
]
