"""One declaration, all faces: what a plugin registers is in the pages, the API and the command line, and works there (R68)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import operator
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import now
from rolecall.store.tables import Account, LinkedIdentity, Period, SecondFactor, Throttle
from rolecall.testing.factories import give_role, make_account, make_role, set_plain
from rolecall.work.runs.plan import why_not


@pytest.fixture
def actions(faces):
    """Every action of the enabled plugins."""
    with faces.app.db.read() as session:
        return dict(faces.app.plugins.view(session).actions)


def test_every_action_is_in_all_three_faces(faces, actions):
    by_api = {each["id"] for each in faces.api("GET", "actions")["items"]}
    by_command = {each["id"] for each in faces.command("actions")["items"]}
    account_page = faces.page(f"/accounts/{faces.anna}")
    document = faces.flask.test_client().get("/api/v1/openapi.json").json

    assert by_api == by_command == set(actions)
    assert "sample.give_badge" in actions
    for action_id, action in actions.items():
        assert f"/act/{action_id}" in account_page or action.label in account_page, action_id
        assert f"/actions/{action_id}" in str(document["paths"]), action_id


def test_every_action_has_a_dialog_with_its_fields(faces, actions):
    with faces.app.db.write() as session:
        tina, moment = make_account(session, "Tina", type="staff"), now(session)
        give_role(
            session, tina, make_role(session, "Tutor", user_type="staff"), session.scalars(select(Period).where(Period.is_current)).one()
        )
        session.add(SecondFactor(account_id=tina.id, sealed_key=b"sealed", confirmed_at=moment))
        session.add(
            LinkedIdentity(account_id=tina.id, method="oidc", issuer="https://id.example", subject="t", how="office", linked_at=moment)
        )
        session.add(Throttle(key="account:tina", account_id=tina.id, count=3, window_ends_at=moment + timedelta(minutes=5)))
        make_account(session, "Ina", active=False)
        make_account(session, "Vera", email_verified=True)
        make_account(session, "Dora", deleted_at=now(session))
        make_account(session, "Stefan", type="staff")
        make_account(session, "Adam", type="administrator")
        make_account(session, "Pia", protected=True)
        make_account(session, "Phil", phone="+30 691 234 5678")
        set_plain(session, "core", phone_first_password=True)
        # Without a channel to phones an SMS would reach nobody, and its dialog has nothing to ask.
        set_plain(session, "sms", countries=["GR"])
        set_enabled(session, faces.app.plugins, "sms", True, now=moment)
        accounts = list(session.scalars(select(Account.id).order_by(Account.id)))
    faces.command("act", "external.sync", "--where", "type=student")
    with faces.app.db.read() as session:
        refusals = {each: why_not(session, operator("office"), list(actions.values()), each) for each in accounts}

    for action_id, action in actions.items():
        account_id = next(each for each in reversed(accounts) if refusals[each][action_id] is None)
        dialog = faces.page(f"/act/{action_id}?ids={account_id}")

        assert action.label in dialog
        for name in action.params().fields:
            assert f'name="{name}"' in dialog, (action_id, name)


def test_bulk_actions_are_in_the_bar_of_the_list(faces, actions):
    page = faces.page("/accounts")

    for action_id, action in actions.items():
        assert (f"/act/{action_id}" in page or f'value="{action_id}"' in page) == action.bulk, action_id


def test_a_plugins_action_runs_by_page_by_api_and_by_command(faces):
    answer = faces.submit("/act/sample.give_badge", ids=str(faces.anna), colour="red", expected="1")
    assert answer.status_code == 303, answer.text
    by_api = faces.api("POST", "actions/sample.give_badge", {"accounts": [faces.anna], "params": {"colour": "green"}})
    by_command = faces.command("act", "sample.give_badge", "--account", "anna", "--set", "colour=blue")

    timeline = faces.api("GET", f"accounts/{faces.anna}/timeline")
    assert by_api["state"] == by_command["state"] == "done"
    assert all(colour in str(timeline) for colour in ("red", "green", "blue"))


def test_a_plugins_filter_narrows_all_three_lists(faces):
    by_api = {each["username"] for each in faces.api("GET", "accounts?sample=s")["items"]}
    by_command = {each["username"] for each in faces.command("accounts", "list", "--sample", "s")["items"]}
    page = faces.page("/accounts?sample=s")

    assert by_api == by_command == {"sam"}
    assert "Sample initial" in page
    assert f"/accounts/{faces.sam}" in page
    assert f"/accounts/{faces.anna}" not in page


def test_a_plugins_column_is_in_the_list(faces):
    assert f"sample-{faces.sam}" in faces.page("/accounts?cols=sample_column")


def test_a_plugins_provider_settings_are_a_form_a_document_and_a_command(faces):
    assert "Greeting of the sample" in faces.page("/integrations/sample/settings")
    faces.api("PATCH", "plugins/sample", {"settings": {"greeting": "Kalimera", "api_key": "secret-canary"}})
    shown = faces.command("plugins", "configure", "sample", "greeting=Bonjour")

    assert faces.api("GET", "plugins/sample")["settings"]["greeting"] == "Bonjour"
    assert "secret-canary" not in str(shown) + str(faces.api("GET", "plugins/sample")) + faces.page("/integrations/sample/settings")
    assert "Sample answers" in str(faces.command("plugins", "check", "sample"))
    assert "Sample answers" in str(faces.api("POST", "plugins/sample/check"))


def test_a_plugins_provider_gets_the_accounts(faces):
    faces.command("act", "external.sync", "--where", "type=student")
    faces.command("worker", "--once")

    states = {each["provider"]: each["state"] for each in faces.api("GET", f"accounts/{faces.anna}")["links"]}
    assert states == {"sample": "done"}


def test_a_plugins_roster_source_imports_people(faces, tmp_path):
    folder = tmp_path / "roster"
    folder.mkdir()

    run = faces.command("roster", "import", "sample", str(folder), "--yes")

    assert run["counts"]["done"] == 1
    assert faces.api("GET", "people?q=SAMPLE-1")["total"] == 1
    assert "Sample roster" in faces.page("/imports/new")


def test_a_plugins_validator_refuses_in_its_own_words(faces):
    refusal = faces.api(
        "POST", "actions/account.profile_name",
        {"accounts": [faces.anna], "params": {"first_name": "Voldemort", "last_name": "X"}}, status=409,
    )  # fmt: skip

    assert "no room for the name Voldemort" in str(refusal)


def test_a_disabled_plugin_is_gone_from_all_three_faces_and_its_links_stay(faces):
    faces.command("act", "external.sync", "--where", "type=student")
    faces.command("worker", "--once")

    faces.command("plugins", "disable", "sample")

    assert "sample.give_badge" not in str(faces.api("GET", "actions"))
    assert "sample.give_badge" not in str(faces.command("actions"))
    assert faces.browser.get(f"/act/sample.give_badge?ids={faces.anna}").status_code == 404
    assert "sample.give_badge" not in faces.page("/accounts")
    faces.api("POST", "actions/sample.give_badge", {"accounts": [faces.anna], "params": {"colour": "red"}}, status=404)
    assert [each["provider"] for each in faces.api("GET", f"accounts/{faces.anna}")["links"]] == ["sample"]
    faces.command("plugins", "enable", "sample")
    assert "sample.give_badge" in str(faces.api("GET", "actions"))
