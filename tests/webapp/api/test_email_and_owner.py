"""E-mail, conversions and the Global Owner over the API: consent in the words of the mode in force, and who may do what (R22, R26, R33)."""

import pytest

from rolecall.testing.factories import give_role, make_account, make_period, make_role

NEW = "anna.new@school.example"


@pytest.mark.parametrize(("mode", "said"), [("block", "From now on nobody can sign in"), ("keep", "The user name goes on working")])
def test_consent_is_asked_in_the_words_of_the_mode(owner, school, mode, said):
    anna = school(make_account, "Anna", email_verified=True, email="old@school.example")
    owner.patch("/settings", {"email_change": mode})

    (listed,) = [each for each in owner.get("/actions").json["items"] if each["id"] == "account.email"]
    asked = owner.post("/actions/account.email", {"accounts": [anna], "params": {"email": NEW}})
    done = owner.post("/actions/account.email", {"accounts": [anna], "params": {"email": NEW}, "agreed": True})

    assert listed["confirm"].startswith(said)
    assert (asked.status_code, asked.json["code"]) == (409, "consent-required")
    assert said in asked.json["detail"]
    assert done.status_code == 200
    found = owner.get(f"/accounts/{anna}").json
    assert (found["email"], found["email_verified"], found["must_verify_email"]) == (NEW, False, mode == "block")
    assert found["former_email"] == ("old@school.example" if mode == "keep" else None)


def test_the_document_says_the_consequence_whatever_the_mode(owner, described):
    operation = described.operation("POST", "/actions/account.email")

    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert "as the institution has decided" in schema["properties"]["agreed"]["description"]


@pytest.mark.parametrize(("email", "status", "code"), [("nobody", 422, "invalid"), ("ben@school.example", 409, "email-is-username")])
def test_an_address_that_will_not_do_is_refused(owner, school, email, status, code):
    anna = school(make_account, "Anna")
    school(make_account, "Ben", username="ben@school.example", email=None)

    answer = owner.post("/actions/account.email", {"accounts": [anna], "params": {"email": email}, "agreed": True})

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_only_the_owner_passes_ownership_on(owner, program, school):
    clerk = program("accounts:view", "act:account.global_owner")
    school(make_role, "Deputy", user_type="administrator")
    deed = {"accounts": [clerk.account_id], "params": {"former_role": "Deputy"}, "agreed": True}

    refused = clerk.post("/actions/account.global_owner", deed)
    done = owner.post("/actions/account.global_owner", deed)
    late = owner.post("/actions/account.global_owner", deed)

    assert (refused.status_code, done.status_code, late.status_code) == (403, 200, 403)
    assert "Only the present Global Owner" in refused.json["detail"]


def test_a_conversion_gives_and_takes_no_right_by_itself(owner, program_of, core, school):
    with core.db.write() as session:
        period = make_period(session)
        make_role(session, "Main staff", user_type="staff")
        role = make_role(session, "Office", user_type="administrator")
        eva = make_account(session, "Eva", type="staff")
        give_role(session, eva, make_role(session, "Main staff", user_type="staff"), period)
    program = program_of(eva.id)
    ask = {"accounts": [eva.id], "agreed": True}

    def convert(to):
        answer = owner.post(f"/actions/account.{to}", ask)
        return answer.status_code, program.get("/accounts").status_code

    as_staff = program.get("/accounts").status_code
    as_admin = convert("to_admin")
    owner.post("/actions/roles.assign", {"accounts": [eva.id], "params": {"period": "2026", "role": role.name}})
    with_role = program.get("/accounts").status_code
    back = convert("to_staff")

    assert (as_staff, as_admin, with_role, back) == (403, (200, 401), 403, (200, 401))
