"""What a plugin implements: actions, providers, roster sources, filters, columns, settings; with the values they exchange."""

from rolecall.sdk.action import Action, Batch, Context, Grade, Undo, action
from rolecall.sdk.fields import Choice, Choices, FormContext, NewPassword, NoParams
from rolecall.sdk.lists import Column, Filter, FilterContext
from rolecall.sdk.provider import Attributes, Change, CheckLine, Limits, Provider, Remote, Result, Secret, Verb
from rolecall.sdk.requirement import Requirement
from rolecall.sdk.roster import CLEAR, BadRecord, Clear, PeriodRecord, PersonRecord, RelationRecord, RosterSource
from rolecall.sdk.snapshots import AccountChange, AccountSnapshot, PeriodSnapshot, PersonSnapshot, Refusal, RoleSnapshot

__all__ = [
    "CLEAR",
    "AccountChange",
    "AccountSnapshot",
    "Action",
    "Attributes",
    "BadRecord",
    "Batch",
    "Change",
    "CheckLine",
    "Choice",
    "Choices",
    "Clear",
    "Column",
    "Context",
    "Filter",
    "FilterContext",
    "FormContext",
    "Grade",
    "Limits",
    "NewPassword",
    "NoParams",
    "PeriodRecord",
    "PeriodSnapshot",
    "PersonRecord",
    "PersonSnapshot",
    "Provider",
    "Refusal",
    "RelationRecord",
    "Remote",
    "Requirement",
    "Result",
    "RoleSnapshot",
    "RosterSource",
    "Secret",
    "Undo",
    "Verb",
    "action",
]
