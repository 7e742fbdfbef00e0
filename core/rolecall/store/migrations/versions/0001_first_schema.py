"""The first schema: all tables, the triggers that keep the audit append-only, and generation 1."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

#: Children before their parents.
# fmt: off
_TABLES = (
    "run_item", "link", "import_row", "username_claim", "sign_in", "session", "saved_view", "run", "role_period", "plugin_data",
    "one_time_token", "listing", "api_token", "relation", "account", "role_permission", "person", "throttle", "student_status",
    "slot", "setting", "role", "plugin_state", "period", "generation", "audit_head", "audit",
)
# fmt: on

#: What may never change in an entry of the audit. Payload and salt may only be erased, and only together.
_FIXED = ("seq", "at", "actor", "actor_label", "on_behalf", "address", "kind", "run_id", "account_id", "digest", "chain")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _sqlite_triggers() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    changed = " OR ".join(f'NEW."{column}" IS NOT OLD."{column}"' for column in _FIXED)
    return [
        f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {refuse}",
        f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN NEW.payload IS NOT NULL OR NEW.salt IS NOT NULL OR {changed} {refuse}",
        # INSERT OR REPLACE deletes without asking the delete trigger.
        f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) {refuse}",
        f"CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head {refuse}",
        f"CREATE TRIGGER audit_head_no_return BEFORE UPDATE ON audit_head WHEN NEW.seq <> OLD.seq + 1 {refuse}",
    ]


def _postgresql_triggers() -> list[str]:
    same = " AND ".join(f'NEW."{column}" IS NOT DISTINCT FROM OLD."{column}"' for column in _FIXED)
    function = (
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' THEN IF NEW.payload IS NULL AND NEW.salt IS NULL AND {same} THEN RETURN NEW; END IF; END IF; "
        "RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    head = (
        "CREATE FUNCTION audit_head_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' THEN IF NEW.seq = OLD.seq + 1 THEN RETURN NEW; END IF; END IF; "
        "RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    return [
        function,
        head,
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
        "CREATE TRIGGER audit_head_no_return BEFORE UPDATE OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_moves_on()",
    ]


def upgrade() -> None:
    """Create every table, refuse changes to the audit, begin the chain and the count of generations."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("on_behalf", sa.String(length=120), nullable=True),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("payload", _JSON, nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_account_id", "audit", ["account_id"])
    op.create_index("ix_audit_actor", "audit", ["actor", "seq"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_kind", "audit", ["kind", "seq"])
    op.create_index("ix_audit_run_id", "audit", ["run_id"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_generation"),
    )
    op.create_table(
        "period",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("code_key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_period"),
        sa.UniqueConstraint("code_key", name="uq_period_code_key"),
    )
    op.create_index("uq_period_current", "period", ["is_current"], unique=True, **_where("is_current"))
    op.create_table(
        "plugin_state",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("is_provider", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.Column("paused_by", sa.String(length=200), nullable=True),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(length=2000), nullable=True),
        sa.Column("last_success_at", _TIME, nullable=True),
        sa.Column("changed_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("plugin", name="pk_plugin_state"),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("user_type", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("user_type", "name_key", name="uq_role_user_type_name_key"),
    )
    op.create_index("uq_role_default", "role", ["user_type"], unique=True, **_where("is_default"))
    op.create_table(
        "setting",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", _JSON, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("plugin", "key", name="pk_setting"),
    )
    op.create_table(
        "slot",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", "n", name="pk_slot"),
    )
    op.create_table(
        "student_status",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("label_key", sa.String(length=100), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("provider_action", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_student_status"),
        sa.UniqueConstraint("label_key", name="uq_student_status_label_key"),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_throttle"),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("code_key", sa.String(length=100), nullable=False),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=20), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("status_id", sa.Integer(), nullable=True),
        sa.Column("no_sync", sa.Boolean(), nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["status_id"], ["student_status.id"], name="fk_person_status_id_student_status"),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("list", "code_key", name="uq_person_list_code_key"),
    )
    op.create_index("ix_person_list_name", "person", ["list", "last_name", "first_name", "id"])
    op.create_index("ix_person_status_id", "person", ["status_id"])
    op.create_table(
        "role_permission",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("permission", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_role_permission_role_id_role", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "permission", name="pk_role_permission"),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("username_key", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("email_key", sa.String(length=254), nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("email_verified_by", sa.String(length=10), nullable=True),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", _TIME, nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", _TIME, nullable=True),
        sa.Column("sso_provider", sa.String(length=40), nullable=True),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("invited_at", _TIME, nullable=True),
        sa.Column("last_login_at", _TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_account_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("key", name="uq_account_key"),
        sa.UniqueConstraint("person_id", name="uq_account_person_id"),
        sa.UniqueConstraint("username_key", name="uq_account_username_key"),
    )
    op.create_index("ix_account_email_key", "account", ["email_key"])
    op.create_index("uq_account_owner", "account", ["is_owner"], unique=True, **_where("is_owner"))
    op.create_table(
        "relation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["child_id"], ["person.id"], name="fk_relation_child_id_person"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_relation_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_relation"),
        sa.UniqueConstraint("person_id", "child_id", "kind", name="uq_relation_person_id_child_id_kind"),
    )
    op.create_index("ix_relation_child_id", "relation", ["child_id"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_api_token_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
    )
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"])
    op.create_table(
        "listing",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("logged_on", sa.Boolean(), nullable=False),
        sa.Column("invited", sa.Boolean(), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("sort_name", sa.String(length=420), nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_listing_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", name="pk_listing"),
    )
    op.create_index(
        "ix_listing_flags", "listing", ["deleted", "type", "active", "verified", "logged_on", "invited", "external", "account_id"]
    )  # fmt: skip
    op.create_index("ix_listing_name", "listing", ["deleted", "sort_name", "account_id"])
    op.create_index("ix_listing_type_name", "listing", ["deleted", "type", "sort_name", "account_id"])
    op.create_table(
        "one_time_token",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_one_time_token_account_id_account"),
        sa.PrimaryKeyConstraint("digest", name="pk_one_time_token"),
    )
    op.create_index("ix_one_time_token_account_id", "one_time_token", ["account_id"])
    op.create_table(
        "plugin_data",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_plugin_data_account_id_account"),
        sa.PrimaryKeyConstraint("plugin", "account_id", "key", name="pk_plugin_data"),
    )
    op.create_table(
        "role_period",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("period_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_role_period_account_id_account"),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name="fk_role_period_period_id_period"),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_role_period_role_id_role"),
        sa.PrimaryKeyConstraint("id", name="pk_role_period"),
        sa.UniqueConstraint("account_id", "period_id", name="uq_role_period_account_id_period_id"),
    )
    op.create_index("ix_role_period_period_role", "role_period", ["period_id", "role_id", "account_id"])
    op.create_index("ix_role_period_role_id", "role_period", ["role_id"])
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("actor_account_id", sa.Integer(), nullable=True),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("params", _JSON, nullable=False),
        sa.Column("sealed_params", sa.LargeBinary(), nullable=True),
        sa.Column("filter", _JSON, nullable=True),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(length=2000), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("body_digest", sa.String(length=64), nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["actor_account_id"], ["account.id"], name="fk_run_actor_account_id_account"),
        sa.ForeignKeyConstraint(["undoes"], ["run.id"], name="fk_run_undoes_run"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("actor", "idempotency_key", name="uq_run_actor_idempotency_key"),
    )
    op.create_index("ix_run_active", "run", ["id"], **_where("state IN ('queued', 'running')"))
    op.create_index("ix_run_actor_account_id", "run", ["actor_account_id"])
    op.create_index("ix_run_undoes", "run", ["undoes"])
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_saved_view_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("account_id", "name", name="uq_saved_view_account_id_name"),
    )
    op.create_index("ix_saved_view_account_id", "saved_view", ["account_id"])
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("period_id", sa.Integer(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("authenticated_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("agent", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id_account"),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name="fk_session_period_id_period"),
        sa.PrimaryKeyConstraint("digest", name="pk_session"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("agent", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_sign_in_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
    )
    op.create_index("ix_sign_in_account", "sign_in", ["account_id", "at"])
    op.create_table(
        "username_claim",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_username_claim_account_id_account"),
        sa.PrimaryKeyConstraint("key", name="pk_username_claim"),
    )
    op.create_index("ix_username_claim_account_id", "username_claim", ["account_id"])
    op.create_table(
        "import_row",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("list", sa.String(length=20), nullable=True),
        sa.Column("code_key", sa.String(length=100), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("data", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_import_row_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "n", name="pk_import_row"),
    )
    op.create_index("ix_import_row_person", "import_row", ["run_id", "list", "code_key"])
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("goal", sa.String(length=10), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("synced", sa.Integer(), nullable=False),
        sa.Column("sent", _JSON, nullable=True),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=2000), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_link_account_id_account"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_link_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint("account_id", "provider", name="uq_link_account_id_provider"),
    )
    op.create_index("ix_link_due", "link", ["provider", "not_before", "id"], **_where("synced < wanted"))
    op.create_index("ix_link_pending", "link", ["account_id"], **_where("synced < wanted"))
    op.create_index(
        "uq_link_external", "link", ["provider", "external_id"], unique=True, **_where("external_id IS NOT NULL AND goal <> 'released'")
    )
    op.create_table(
        "run_item",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("message", sa.String(length=2000), nullable=True),
        sa.Column("before", _JSON, nullable=True),
        sa.Column("after", _JSON, nullable=True),
        sa.Column("version_after", sa.Integer(), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_run_item_account_id_account"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_run_item_person_id_person"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_item_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "n", name="pk_run_item"),
    )
    op.create_index("ix_run_item_account", "run_item", ["account_id", "run_id"])
    op.create_index("ix_run_item_outcome", "run_item", ["run_id", "outcome", "n"])
    op.create_index("ix_run_item_person", "run_item", ["person_id", "run_id"])
    op.create_index("ix_run_item_secret", "run_item", ["run_id"], **_where("sealed_secret IS NOT NULL"))
    triggers = _postgresql_triggers if op.get_context().dialect.name == "postgresql" else _sqlite_triggers
    for statement in triggers():
        op.execute(statement)
    op.execute("INSERT INTO generation (id, number) VALUES (1, 1)")
    op.execute("INSERT INTO audit_head (id, seq, chain) VALUES (1, 0, '')")


def downgrade() -> None:
    """Drop everything; a table takes its indexes and triggers along."""
    for table in _TABLES:
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
        op.execute("DROP FUNCTION audit_head_moves_on()")
