"""E-mail and ownership on the command line: the consequence that is in force, and the operator as the way back in (R22, R26, R30)."""

import pytest


@pytest.fixture
def anna(school):
    """Anna's user name."""
    return school.json("accounts", "list", "--q", "anna")["items"][0]["username"]


@pytest.mark.parametrize(("mode", "said"), [("block", "From now on nobody can sign in"), ("keep", "The user name goes on working")])
def test_the_consequence_is_the_one_in_force(school, anna, mode, said):
    school("settings", "set", f"email_change={mode}", code=0)
    deed = ("act", "account.email", "--account", anna, "--set", "email=anna.new@school.example")

    planned = school(*deed, "--dry-run", code=0)
    refused = school(*deed, code=1)
    (listed,) = [each for each in school.json("actions")["items"] if each["id"] == "account.email"]

    assert said in planned.stdout
    assert said in refused.stderr
    assert listed["confirm"].startswith(said)


def test_the_operator_lets_somebody_in_again_who_is_locked_out(school, anna):
    school("act", "account.email", "--account", anna, "--set", "email=anna.new@school.example", "--yes", code=0)
    (before,) = school.json("accounts", "list", "--q", "anna.new")["items"]

    school("act", "account.verify_email", "--account", anna, code=0)

    (after,) = school.json("accounts", "list", "--q", "anna.new")["items"]
    assert (before["must_verify_email"], after["must_verify_email"], after["email_verified"]) == (True, False, True)


def test_the_operator_makes_an_employee_the_owner_step_by_step(school):
    school("people", "add", "--list", "employees", "--code", "E9", "--first-name", "Eva", "--last-name", "Meyer", code=0)
    school("accounts", "open", "--person", "E9", code=0)
    (eva,) = [each["username"] for each in school.json("accounts", "list", "--q", "eva")["items"]]
    deed = ("act", "account.global_owner", "--account", eva, "--yes")

    early = school(*deed, code=1)
    school("act", "account.to_admin", "--account", eva, "--yes", code=0)
    nameless = school(*deed, code=1)
    school(*deed, "--set", "former_role=Default administrator", code=0)
    again = school(*deed, "--set", "former_role=Default administrator", code=1)

    assert "administrators only" in early.stderr
    assert "Name a role of administrators" in nameless.stderr
    assert "is the Global Owner already" in again.stderr
    (ada,) = school.json("accounts", "list", "--q", "ada")["items"]
    assert [each["role"] for each in ada["roles"] if each["enabled"]] == ["Default administrator"]


def test_the_sender_of_invitations_is_chosen_from_the_institutions_addresses(school, anna):
    school("settings", "set", "sender_addresses=office@school.example,second@school.example", code=0)
    deed = ("act", "account.sender_email", "--account", anna, "--set")

    school(*deed, "email=second@school.example", code=0)
    refused = school(*deed, "email=boss@elsewhere.example", code=2)

    assert "second@school.example" in refused.stderr
    assert school.json("accounts", "list", "--q", "anna")["items"][0]["sender_email"] == "second@school.example"


def test_a_lost_domain_is_a_word_for_the_filter(school, anna):
    school("act", "account.verify_email", "--account", anna, code=0)
    (before,) = school.json("accounts", "list", "--q", "anna")["items"]
    domain = before["email"].partition("@")[2]

    school("act", "account.unverify_email", "--where", f"domain={domain}", "--set", "reason=It was sold.", code=0)

    (after,) = school.json("accounts", "list", "--domain", domain, "--q", "anna")["items"]
    assert (before["email_verified"], after["email_verified"]) == (True, False)
