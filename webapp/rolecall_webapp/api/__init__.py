"""The REST API under ``/api/v1``: bearer tokens, JSON, problem details; described by its own OpenAPI document.

Each module has the operations of one area. None of them knows a particular action or plugin.
"""

from flask import Blueprint

from rolecall_webapp.api import (
    access,
    accounts,
    actions,
    audit,
    classes,
    comparison,
    diagnosis,
    health,
    held,
    mapping,
    messages,
    openapi,
    people,
    periods,
    plugins,
    runs,
    settings,
    statuses,
    sync,
    templates,
)
from rolecall_webapp.api.bearer import authenticate
from rolecall_webapp.api.operation import Operation, mount

__all__ = ["OPERATIONS", "authenticate", "pages"]

#: Every route of the API, in the order of the document.
OPERATIONS: tuple[Operation, ...] = (
    accounts.list_accounts, accounts.open_accounts, accounts.read_account, accounts.read_timeline, accounts.list_logins,
    diagnosis.read_diagnosis,
    people.list_people, people.add_person, people.read_person, people.edit_person, people.import_people,
    classes.list_classes, classes.add_class, classes.read_class, classes.edit_class, classes.delete_class,
    classes.list_members, classes.add_members, classes.replace_members, classes.remove_member,
    actions.list_actions, actions.act,
    runs.list_runs, runs.read_run, runs.list_items, runs.stop_run, runs.resume_run, runs.undo_run, runs.confirm_import, runs.take_secrets,
    access.list_roles, access.add_role, access.read_role, access.edit_role, access.copy_role, access.delete_role,
    periods.list_periods, periods.add_period, periods.read_period, periods.edit_period, periods.delete_period,
    statuses.list_statuses, statuses.add_status, statuses.read_status, statuses.plan_status, statuses.edit_status, statuses.delete_status,
    settings.read_settings, settings.edit_settings, settings.describe_settings,
    messages.list_messages, messages.read_message, messages.send_again, messages.send_all_again,
    messages.mark_sent,
    templates.list_templates, templates.edit_template,
    plugins.list_plugins, plugins.read_plugin, plugins.read_usage, plugins.edit_plugin, plugins.check_plugin,
    plugins.pause_plugin, plugins.resume_plugin,
    health.read_health, health.read_history,
    held.list_held, held.approve_held, held.discard_held,
    mapping.preview_mapping,
    sync.plan_sync, sync.list_pending, sync.retry_pending,
    comparison.start_comparison, comparison.read_comparison, comparison.list_matches, comparison.decide_matches, comparison.decide_match,
    audit.list_audit,
    openapi.read_openapi,
)  # fmt: skip

pages = Blueprint("api", __name__, url_prefix="/api/v1")
openapi.OPERATIONS.extend(OPERATIONS)
mount(pages, OPERATIONS)
