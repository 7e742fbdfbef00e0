"""Why can't they sign in, over the API."""

from sqlalchemy import select

from rolecall.store.tables import AuditEntry
from rolecall.testing.factories import make_account


def test_the_diagnosis_names_the_actions_that_mend(owner, school):
    anna = school(make_account, "Anna", active=False)

    answer = owner.get(f"/accounts/{anna}/diagnosis")

    assert answer.status_code == 200
    found = {each["code"]: each for each in answer.json["findings"]}
    assert answer.json["can_sign_in"] is False
    assert answer.json["sentence"].startswith("They cannot sign in. The account is not active.")
    assert found["account-inactive"]["action"] == "account.activate"
    assert found["no-role"]["state"] == "problem"
    assert found["no-role"]["action"] == "roles.assign"


def test_whoever_can_sign_in_has_no_problem(program):
    asking = program("accounts:view", password_hash="x")

    found = asking.get(f"/accounts/{asking.account_id}/diagnosis").json

    assert found["can_sign_in"] is True
    assert {each["state"] for each in found["findings"]} == {"ok", "warning"}


def test_an_account_that_is_not_there_is_404(owner):
    assert owner.get("/accounts/4711/diagnosis").status_code == 404


def test_it_takes_the_right_to_see_accounts(program, stranger, school):
    anna = school(make_account, "Anna")

    assert program("people:view").get(f"/accounts/{anna}/diagnosis").status_code == 403
    assert program("accounts:view").get(f"/accounts/{anna}/diagnosis").status_code == 200
    assert stranger.get(f"/accounts/{anna}/diagnosis").status_code == 401


def test_asking_leaves_no_trace(owner, core, school):
    anna = school(make_account, "Anna")

    owner.get(f"/accounts/{anna}/diagnosis")

    with core.db.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []
