"""Slips over the API: what Accept names, once, and to the author alone (R28, R45)."""

import pytest

from rolecall.testing.factories import make_account

PDF, HTML = {"Accept": "application/pdf"}, {"Accept": "text/html"}


@pytest.fixture
def run(owner, school):
    """A run of the owner's that printed two accounts, one of them without a password."""
    anna, boris = school(make_account, "Anna"), school(make_account, "Boris")
    owner.post("/actions/password.reset", {"accounts": [anna]})
    return owner.post("/actions/account.print", {"accounts": [anna, boris]}).json["id"]


def test_slips_are_a_page_where_accept_names_one(owner, run):
    answer = owner.post(f"/runs/{run}/secrets", headers=HTML)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="slips-{run}.html"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.count('class="slip"') == 2
    assert answer.text.count('class="secret"') == 1
    assert owner.post(f"/runs/{run}/secrets", headers=HTML).json["code"] == "gone"


def test_slips_are_a_pdf_where_accept_names_one(owner, run, requires_service):
    requires_service("weasyprint")

    answer = owner.post(f"/runs/{run}/secrets", headers=PDF)

    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF-")
    assert owner.post(f"/runs/{run}/secrets", headers=PDF).status_code == 409


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0.5, application/json", "text/plain", ""])
def test_everybody_else_gets_the_list(owner, run, accept):
    answer = owner.post(f"/runs/{run}/secrets", headers={"Accept": accept})

    secrets = {each["account"]["name"].split()[0]: each["secret"] for each in answer.json["items"]}
    assert set(secrets) == {"Anna", "Boris"}
    assert secrets["Boris"] == ""
    assert len(secrets["Anna"]) == 20


@pytest.mark.parametrize("headers", [PDF, HTML])
def test_nobody_else_gets_them(program, owner, run, headers):
    answer = program("runs:view", "runs:edit", "act:account.print").post(f"/runs/{run}/secrets", headers=headers)

    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert owner.post(f"/runs/{run}/secrets").status_code == 200


def test_the_action_is_in_the_list_of_actions_without_parameters(owner):
    (action,) = [each for each in owner.get("/actions").json["items"] if each["id"] == "account.print"]

    assert action["bulk"] is True
    assert action["params"]["properties"] == {}
