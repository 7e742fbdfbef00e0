"""The REST API under ``/api/v1``: bearer tokens, JSON, problem details; described by its own OpenAPI document.

Each module has the operations of one area. None of them knows a particular action or plugin.
"""

from flask import Blueprint

from rolecall_webapp.api import access, accounts, actions, audit, openapi, people, plugins, runs, settings, sync
from rolecall_webapp.api.bearer import authenticate
from rolecall_webapp.api.operation import Operation, mount

__all__ = ["OPERATIONS", "authenticate", "pages"]

#: Every route of the API, in the order of the document.
OPERATIONS: tuple[Operation, ...] = (
    accounts.list_accounts, accounts.open_accounts, accounts.read_account, accounts.read_timeline, accounts.list_logins,
    people.list_people, people.add_person, people.read_person, people.edit_person, people.import_people,
    actions.list_actions, actions.act,
    runs.list_runs, runs.read_run, runs.list_items, runs.stop_run, runs.resume_run, runs.undo_run, runs.confirm_import, runs.take_secrets,
    access.list_roles, access.add_role, access.read_role, access.edit_role,
    access.list_periods, access.add_period, access.read_period, access.edit_period,
    access.list_statuses, access.add_status, access.edit_status,
    settings.read_settings, settings.edit_settings,
    plugins.list_plugins, plugins.read_plugin, plugins.edit_plugin, plugins.check_plugin, plugins.pause_plugin, plugins.resume_plugin,
    sync.plan_sync, sync.list_pending, sync.retry_pending,
    audit.list_audit,
    openapi.read_openapi,
)  # fmt: skip

pages = Blueprint("api", __name__, url_prefix="/api/v1")
openapi.OPERATIONS.extend(OPERATIONS)
mount(pages, OPERATIONS)
