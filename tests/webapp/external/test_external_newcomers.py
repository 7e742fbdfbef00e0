"""Coming for the first time by a service, from the button to the account; what the service claims of rights is worth nothing (F-10)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from rolecall.store.tables import Account, Person, Role, RolePeriod
from rolecall.testing.factories import make_person, make_role, make_status
from rolecall.testing.issuer import Issuer
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work.application import Application

#: What services call rights, types and lists, all claiming the highest.
UPWARD = {
    "groups": ["administrators", "Global Owner"], "roles": ["administrator"], "role": "owner", "type": "administrator",
    "user_type": "administrator",
    "list": "employees", "is_owner": True, "owner": True, "admin": True, "permissions": ["*"], "new_account_type": "administrator",
    "eduperson_affiliation": ["staff", "employee"], "scope": "openid admin", "username": "head", "preferred_username": "head",
}  # fmt: skip


@pytest.fixture
def issuer() -> Issuer:
    person = {"sub": "sub-new", "email": "new@school.example", "email_verified": True, "given_name": "Nía", "family_name": "Nakou"}
    return Issuer(person=person)


@pytest.fixture
def pupil(application: Flask, core: Application) -> str:
    """A role for new students."""
    with core.db.write() as session:
        make_status(session)
        return str(make_role(session, "Pupil").id)


@pytest.fixture
def configure(application: Flask, school: School, issuer: Issuer, wire: Wire) -> Callable[..., None]:
    """A function that sets the issuer up, authoritative for its domain, with settings of new accounts."""

    def configure(**more: Any) -> None:
        known = {"issuer": wire.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"]}
        school.configure("oidc", {**known, "authoritative_domains": ["school.example"], **more})

    return configure


@pytest.fixture
def come(client: FlaskClient, token_of: Callable, issuer: Issuer) -> Callable[[], Any]:
    """A function that goes through the service, and returns the answer to who came back."""

    def come() -> Any:
        answer = client.post("/login/oidc", data={"csrf_token": token_of(client)})
        return client.get(f"/login/oidc/callback?{urlencode(issuer.walk(answer.headers['Refresh'].removeprefix('0;url=')))}")

    return come


def count(core: Application, table: Any) -> int:
    with core.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_whoever_comes_first_is_in_and_higher_claims_make_nobody_more(
    configure: Callable, come: Callable, client: FlaskClient, issuer: Issuer, core: Application, pupil: str
) -> None:
    configure(new_accounts="everybody", new_account_type="student", new_account_roles=[pupil])
    issuer.person |= UPWARD
    issuer.claims |= UPWARD

    answer = come()

    assert answer.status_code == 303
    assert "Nía Nakou" in client.get("/me").text
    with core.db.read() as session:
        account, person = session.scalars(select(Account)).one(), session.scalars(select(Person)).one()
        given = session.scalars(select(Role.name).join(RolePeriod, RolePeriod.role_id == Role.id)).all()
    assert (account.type, account.is_owner, account.username, given) == ("student", False, "nnakou", ["Pupil"])
    assert person.list == "students"
    assert client.get("/accounts").status_code == 403


def test_by_default_nobody_gets_an_account(configure: Callable, come: Callable, core: Application) -> None:
    configure()

    answer = come()

    assert (answer.status_code, "no account here belongs to you" in answer.text) == (401, True)
    assert count(core, Account) == 0


def test_only_a_verified_address_of_a_domain_that_the_service_decides_about(
    configure: Callable, come: Callable, issuer: Issuer, core: Application
) -> None:
    configure(new_accounts="everybody")
    for email, verified in (("new@elsewhere.example", True), ("new@school.example", "true"), ("new@school.example", None)):
        issuer.person |= {"email": email, "email_verified": verified}

        assert come().status_code == 401

    assert count(core, Account) == 0


def test_the_claim_with_the_code_finds_the_record_also_where_only_the_userinfo_has_it(
    configure: Callable, come: Callable, issuer: Issuer, core: Application
) -> None:
    configure(new_accounts="listed", code_claim="employee_number")
    with core.db.write() as session:
        person = make_person(session, "Nía", code="4711", list="employees")
    issuer.userinfo = {"sub": "sub-new", "employee_number": 4711, "email": "other@school.example", "email_verified": False}

    answer = come()

    assert "no role in the current period" in answer.text, "nobody chose a role for staff"
    with core.db.read() as session:
        account = session.scalars(select(Account)).one()
    assert (account.person_id, account.type, account.sso_provider) == (person.id, "staff", "oidc")


def test_the_address_of_the_userinfo_is_not_what_verifies_that_of_the_token(
    configure: Callable, come: Callable, issuer: Issuer, core: Application
) -> None:
    configure(new_accounts="everybody", code_claim="employee_number")
    issuer.claims["email_verified"] = None
    issuer.userinfo = {"sub": "sub-new", "email": "mine@school.example", "email_verified": True, "employee_number": "1"}

    assert come().status_code == 401
    assert count(core, Account) == 0


def test_who_was_deleted_stays_so_and_learns_it(configure: Callable, come: Callable, school: School, core: Application, pupil: str) -> None:
    configure(new_accounts="everybody", new_account_roles=[pupil])
    come()
    with core.db.read() as session:
        number = session.scalars(select(Account.id)).one()
    school.act("account.delete", number)

    answer = come()

    assert "Your account is closed" in answer.text
    assert count(core, Account) == 1


def test_the_office_chooses_who_gets_one_and_sees_how_an_account_came_to_be(
    configure: Callable, come: Callable, core: Application, pupil: str, signed_in: Callable
) -> None:
    configure(new_accounts="everybody", new_account_roles=[pupil])
    office = signed_in(owner=True)
    page = office.get("/integrations/oidc/settings").text

    come()

    assert "Who gets an account by signing in" in page
    assert "Students: Pupil" in page
    with core.db.read() as session:
        new = session.scalars(select(Account.id).where(Account.sso_provider == "oidc")).one()
    assert "opened by signing in" in office.get(f"/accounts/{new}/external").text
    assert "Signing in (oidc)" in office.get("/audit").text


def test_microsoft_has_no_such_setting_because_it_verifies_no_address(core: Application) -> None:
    schemas = {each: core.plugins.installed[each].settings_schema for each in ("oidc", "saml", "google", "o365")}

    assert {name for name, schema in schemas.items() if schema is not None and "new_accounts" in schema().fields} == {
        "oidc",
        "saml",
        "google",
    }
