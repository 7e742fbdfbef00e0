"""``init``, ``migrate``, ``config`` and ``worker``."""

import json
from pathlib import Path

import pytest

from rolecall.accounts import keys
from rolecall.store import schema

INIT = ("init", "--institution", "Harbour School", "--owner", "ada", "--first-name", "Ada", "--last-name", "Lund", "--password-stdin")
PASSWORD = "seven quiet herons wade\n"


def test_init_makes_the_first_employee_administrator_and_owner_in_one_step(empty):
    made = empty.json(*INIT, "--email", "ada@example.org", stdin=PASSWORD)
    entries = empty.json("audit", "list")["items"]

    assert (made["username"], made["type"], made["person"]["list"]) == ("ada", "administrator", "employees")
    assert made["roles"][0]["role"] == "Default administrator"
    assert [each["kind"] for each in entries] == ["institution.create"]
    assert "herons" not in json.dumps(entries)


def test_new_institution_has_its_statuses_a_default_role_per_type_a_period_and_no_plugin_enabled(cli):
    statuses = {each["label"]: each["type"] for each in cli.json("statuses")["items"]}
    roles = {each["name"]: each["is_default"] for each in cli.json("roles")["items"]}
    periods = cli.json("periods")["items"]
    plugins = {each["id"]: each["enabled"] for each in cli.json("plugins")["items"]}

    assert statuses == {"Registered": "registered", "Admission": "admission", "Graduated": "graduated", "Withdrawn": "withdrawn"}
    assert len(roles) == 8
    assert roles["Default student"]
    assert [each["is_current"] for each in periods] == [True]
    assert (plugins["moodle"], plugins["oneroster"]) == (False, False)


def test_default_administrator_may_run_every_action_of_core(cli):
    role = next(each for each in cli.json("roles", "--type", "administrator")["items"])
    actions = {f"act:{each['id']}" for each in cli.json("actions")["items"] if each["plugin"] == "core"}

    assert actions <= set(role["permissions"])


def test_second_init_is_refused_and_changes_nothing(cli):
    before = cli.json("accounts", "list")

    refused = cli(*INIT, stdin=PASSWORD, code=1)

    assert "There is an institution already." in refused.stderr
    assert cli.json("accounts", "list") == before


def test_refused_init_makes_no_keys(cli, tmp_path):
    folder = tmp_path / "elsewhere"
    cli.env["ROLECALL_DATA"] = str(folder)

    cli(*INIT, stdin=PASSWORD, code=1)

    assert not list(folder.glob("*key*"))


def test_init_goes_on_where_it_was_killed(empty, tmp_path):
    keys.generate(Path(empty.env["ROLECALL_DATA"]))
    written = (tmp_path / "instance" / "encryption_keys").read_text("ascii")
    empty("migrate", code=0)

    empty(*INIT, stdin=PASSWORD, code=0)

    assert (tmp_path / "instance" / "encryption_keys").read_text("ascii") == written


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (INIT, "short\n", "at least 12 characters"),
        (INIT, "password12345\n", "tried first"),
        (tuple("a b" if word == "ada" else word for word in INIT), PASSWORD, "user name"),
        ((*INIT, "--email", "nobody"), PASSWORD, "not an e-mail address"),
        (tuple("" if word == "Harbour School" else word for word in INIT), PASSWORD, "name"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(empty, tmp_path, words, stdin, said):
    result = empty(*words, stdin=stdin, code=1)

    assert said in result.stderr
    assert not (tmp_path / "instance" / "secret_key").exists()


def test_init_without_terminal_and_without_password_is_a_wrong_usage(empty):
    result = empty(*INIT[:-1], code=2)

    assert "--password-stdin" in result.stderr


def test_commands_say_what_to_do_before_init(empty):
    result = empty("accounts", "list", code=1)

    assert "rolecall init" in result.stderr


def test_outdated_schema_is_refused_with_the_command_that_mends_it(empty):
    empty(*INIT, stdin=PASSWORD, code=0)
    empty("migrate", "--down", "--yes", code=0)

    result = empty("accounts", "list", code=1)

    assert "rolecall migrate" in result.stderr


def test_migrate_brings_an_empty_database_up_and_says_so_when_it_is(empty):
    first = empty.json("migrate")
    second = empty.json("migrate")

    assert (first["before"], first["revision"]) == (None, schema.head())
    assert (second["before"], second["revision"]) == (schema.head(), schema.head())


def test_migrate_prints_sql_and_changes_nothing(empty):
    result = empty("migrate", "--sql", code=0)

    assert "CREATE TABLE account" in result.stdout
    assert empty.json("migrate")["before"] is None


def test_going_back_needs_consent(empty):
    empty("migrate", code=0)

    refused = empty("migrate", "--down", code=1)

    assert "--yes" in refused.stderr
    assert empty.json("migrate", "--down", "--yes")["before"] == schema.head()


def test_config_shows_every_setting_with_its_origin_and_hides_secrets(cli, tmp_path):
    secret = (tmp_path / "instance" / "secret_key").read_text("ascii").strip()

    result = cli("config", "--json", code=0)
    items = {each["key"]: each for each in json.loads(result.stdout)["items"]}

    assert secret not in result.stdout
    assert (items["ROLECALL_SECRET_KEY"]["value"], items["ROLECALL_SECRET_KEY"]["origin"]) == ("***", "generated")
    assert items["ROLECALL_DATA"]["origin"] == "environment"
    assert items["ROLECALL_BASE_URL"] == {
        "key": "ROLECALL_BASE_URL", "value": "http://127.0.0.1:8000", "default": "http://127.0.0.1:8000", "origin": "default",
        "secret": False, "help": items["ROLECALL_BASE_URL"]["help"],
    }  # fmt: skip


def test_config_hides_the_password_of_the_database(cli):
    cli.env["ROLECALL_DATABASE_URL"] = "postgresql+psycopg://rolecall:hunter2@db.example.org/rolecall"

    result = cli("config", code=0)

    assert "hunter2" not in result.stdout
    assert "rolecall:***@db.example.org" in result.stdout


@pytest.mark.parametrize("user", ["rolecall", ""])
def test_config_hides_the_password_of_the_broker(cli, user):
    cli.env["ROLECALL_DATABASE_URL"] = "postgresql+psycopg://db.example.org/rolecall"
    cli.env["ROLECALL_BROKER_URL"] = f"amqp://{user}:hunter2@broker.example.org/vhost"

    result = cli("config", code=0)

    assert "hunter2" not in result.stdout
    assert f"{user}:***@broker.example.org" in result.stdout


@pytest.mark.parametrize(("url", "said"), [("kafka://broker.example.org", "RabbitMQ or a Redis"), ("redis://broker.example.org", "SQLite")])
def test_a_broker_that_cannot_be_meant_is_refused(cli, url, said):
    cli.env["ROLECALL_DATABASE_URL"] = "sqlite:///rolecall.db"
    cli.env["ROLECALL_BROKER_URL"] = url

    result = cli("config", code=1)

    assert said in result.stderr


def test_unknown_setting_of_the_process_is_an_error_with_the_nearest_name(cli):
    cli.env["ROLECALL_DATABASE"] = "sqlite://"

    result = cli("config", code=1)

    assert "ROLECALL_DATABASE_URL" in result.stderr


@pytest.mark.parametrize("key", ["secret_key", "encryption_keys"])
def test_worker_refuses_to_start_without_its_keys(cli, tmp_path, key):
    (tmp_path / "instance" / key).unlink()

    result = cli("worker", "--once", code=1)

    assert f"ROLECALL_{key.upper()}" in result.stderr


def test_worker_once_ends_when_nothing_is_due(cli):
    assert cli.json("worker", "--once") == {"achieved": 0}
