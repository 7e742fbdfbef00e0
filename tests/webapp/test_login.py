"""The way in and out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from rolecall.accounts import sign_in, tokens
from rolecall.store.tables import Account, AuditEntry, Role, RolePeriod, WebSession
from rolecall.testing.school import School
from rolecall.work.application import Application

NEW = "an entirely different phrase"


@pytest.fixture
def post(client: FlaskClient, token_of: Callable) -> Callable:
    """A function that posts a form of a page that anybody may open."""
    return lambda path, **data: client.post(path, data={"csrf_token": token_of(client), **data})


def age(core: Application, **ago: float) -> None:
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(**ago)))


def test_signing_in_leads_to_the_accounts_with_a_new_session(
    signed_in: Callable, client: FlaskClient, post: Callable, password: str
) -> None:
    admin = signed_in("accounts:view")

    answer = post("/login", username=admin.username, password=password)

    assert answer.status_code == 303
    assert client.get(answer.location).location == "/accounts"
    assert client.get("/accounts").status_code == 200


def test_signing_in_goes_on_where_it_was_asked_for(client: FlaskClient, signed_in: Callable, post: Callable, password: str) -> None:
    admin = signed_in("accounts:view")
    asked = client.get("/accounts?q=anna")

    answer = post(asked.location, username=admin.username, password=password)

    assert asked.status_code == 303
    assert answer.location == "/accounts?q=anna"


def test_a_foreign_address_is_not_gone_on_to(signed_in: Callable, post: Callable, password: str) -> None:
    admin = signed_in("accounts:view")

    answer = post("/login?next=//evil.example", username=admin.username, password=password)

    assert answer.location == "/"


def test_a_wrong_password_and_an_unknown_name_are_one_answer(signed_in: Callable, post: Callable) -> None:
    admin = signed_in("accounts:view")

    wrong = post("/login", username=admin.username, password="not this one")
    unknown = post("/login", username="nobody", password="not this one")

    assert wrong.status_code == unknown.status_code == 401
    assert sign_in.WRONG in wrong.text
    assert strip(wrong.text, admin.username) == strip(unknown.text, "nobody")


def strip(page: str, name: str) -> str:
    lines = (line for line in page.replace(f'value="{name}"', "").splitlines() if "csrf_token" not in line)
    return "\n".join(lines)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"username": "a"},
        {"username": "", "password": ""},
        {"username": "a", "password": "x" * 5000},
        {"username": "a\0", "password": "b"},
    ],
)
def test_what_is_no_input_is_refused_before_it_is_looked_up(post: Callable, data: dict) -> None:
    assert post("/login", **data).status_code == 422


def test_a_field_that_stands_twice_is_no_input(client: FlaskClient, signed_in: Callable, token_of: Callable, password: str) -> None:
    admin = signed_in("accounts:view")

    answer = client.post("/login", data={"csrf_token": token_of(client), "username": [admin.username, "x"], "password": password})

    assert answer.status_code == 422


def test_too_many_attempts_are_told_how_long_to_wait(signed_in: Callable, post: Callable) -> None:
    admin = signed_in("accounts:view")

    answers = [post("/login", username=admin.username, password="wrong") for _ in range(11)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_signing_out_ends_the_session_on_the_server(signed_in: Callable) -> None:
    admin = signed_in("accounts:view")
    with admin.client.session_transaction() as cookie:
        kept = dict(cookie)

    answer = admin.post("/logout")
    with admin.client.session_transaction() as cookie:
        cookie.update(kept)

    assert answer.status_code == 303
    assert "Clear-Site-Data" in answer.headers
    assert admin.get("/accounts").status_code == 401


def test_signing_in_ends_the_session_that_the_browser_had(core: Application, signed_in: Callable, password: str) -> None:
    admin = signed_in("accounts:view")
    with admin.client.session_transaction() as cookie:
        before = cookie["_user_id"]

    admin.post("/login", {"username": admin.username, "password": password})

    with admin.client.session_transaction() as cookie:
        assert cookie["_user_id"] != before
    with core.db.read() as session:
        assert len(session.scalars(select(WebSession)).all()) == 1


@pytest.mark.parametrize("change", [{"active": False}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_a_closed_account_is_out_at_the_next_request(core: Application, signed_in: Callable, change: dict) -> None:
    admin = signed_in("accounts:view")
    assert admin.get("/accounts").status_code == 200

    with core.db.write() as session:
        session.execute(update(Account).where(Account.id == admin.account_id).values(**change))

    assert admin.get("/accounts").status_code == 401


def test_who_loses_the_role_in_the_period_is_out_at_the_next_request(core: Application, signed_in: Callable) -> None:
    admin = signed_in("accounts:view")

    with core.db.write() as session:
        session.execute(update(RolePeriod).where(RolePeriod.account_id == admin.account_id).values(enabled=False))

    assert admin.get("/accounts").status_code == 401


def test_a_forced_change_stands_before_everything_else(core: Application, signed_in: Callable, password: str) -> None:
    admin = signed_in("accounts:view")
    with core.db.write() as session:
        session.execute(update(Account).where(Account.id == admin.account_id).values(must_change_password=True))

    assert admin.get("/accounts").location == "/password"
    assert admin.get("/password").status_code == 200
    answer = admin.post("/password", {"current": password, "password": NEW, "confirm": NEW})

    assert answer.status_code == 303
    assert "Your password is changed" in admin.get("/accounts").text


def test_changing_the_password_ends_the_other_sessions(
    core: Application, application: Flask, signed_in: Callable, post: Callable, password: str
) -> None:
    admin = signed_in("accounts:view")
    post("/login", username=admin.username, password=password)

    answer = admin.post("/password", {"current": password, "password": NEW, "confirm": NEW})

    assert answer.status_code == 303
    with core.db.read() as session:
        assert len(session.scalars(select(WebSession)).all()) == 1
    assert admin.get("/accounts").status_code == 200


@pytest.mark.parametrize(
    ("form", "said", "status"),
    [
        ({"current": "wrong", "password": NEW, "confirm": NEW}, "not your present password", 422),
        ({"current": "right", "password": NEW, "confirm": "another"}, "differ", 422),
        ({"current": "right", "password": "short", "confirm": "short"}, "characters", 422),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_at_the_field(
    signed_in: Callable, password: str, form: dict, said: str, status: int
) -> None:
    admin = signed_in("accounts:view")
    form = {**form, "current": password if form["current"] == "right" else form["current"]}

    answer = admin.post("/password", form)

    assert answer.status_code == status
    assert said in answer.text
    assert NEW not in answer.text


def test_a_link_shows_a_button_and_works_once(core: Application, client: FlaskClient, signed_in: Callable, post: Callable) -> None:
    admin = signed_in("accounts:view")
    with core.db.write() as session:
        token = tokens.create_link(session, sign_in.LINK, admin.account_id, lasts=timedelta(hours=1), now=datetime.now(UTC))

    shown = [client.get(f"/one-time/{token}", follow_redirects=True) for _ in range(2)]
    first, second = (post(f"/one-time/{token}") for _ in range(2))

    assert [answer.status_code for answer in shown] == [200, 200]
    assert "Sign in now" in shown[0].text
    assert first.status_code == 303
    assert second.status_code == 401
    assert "no longer works" in client.get(f"/one-time/{token}", follow_redirects=True).text


def test_the_password_is_asked_again_before_what_is_dangerous(
    core: Application, school: School, signed_in: Callable, password: str
) -> None:
    anna = school.student("Anna")
    admin = signed_in("accounts:view", "act:account.delete")
    assert admin.get(f"/act/account.delete?ids={anna}").status_code == 200

    age(core, minutes=16)
    asked = admin.get(f"/act/account.delete?ids={anna}")
    wrong = admin.post(asked.location, {"password": "wrong"})
    right = admin.post(asked.location, {"password": password})

    assert asked.location.startswith("/again?next=")
    assert wrong.status_code == 401
    assert right.location == f"/act/account.delete?ids={anna}"
    assert admin.get(right.location).status_code == 200


def test_a_dangerous_action_is_not_started_with_an_old_password(core: Application, school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    admin = signed_in("accounts:view", "act:account.delete")
    age(core, minutes=16)

    answer = admin.post(f"/act/account.delete?ids={anna}", {"agreed": "yes", "expected": "1"})

    assert answer.location.startswith("/again?next=")
    assert school.snapshot(anna).deleted is False


@pytest.mark.parametrize(
    ("rights", "first"),
    [(("accounts:view", "people:view"), "/accounts"), (("people:view",), "/people"), ((), "/me")],
)
def test_the_first_page_is_what_the_role_may_open_or_ones_own_account(signed_in: Callable, rights: tuple[str, ...], first: str) -> None:
    somebody = signed_in(*rights)

    answer = somebody.get("/")

    assert (answer.status_code, answer.location) == (303, first)
    assert somebody.get(first).status_code == 200


def test_the_cookie_carries_no_more_than_it_must(signed_in: Callable) -> None:
    admin = signed_in("accounts:view")
    answer = admin.get("/login")

    with admin.client.session_transaction() as cookie:
        assert set(cookie) <= {"_user_id", "_fresh", "csrf_token", "_flashes"}
    header = answer.headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_health_and_readiness(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ok"}


def test_sign_out_and_sign_in_are_in_the_audit(core: Application, signed_in: Callable, password: str) -> None:
    admin = signed_in("accounts:view")

    admin.post("/login", {"username": admin.username, "password": password})
    admin.post("/logout")

    with core.db.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).where(AuditEntry.account_id == admin.account_id)).all()
        assert session.scalar(select(Role.id)) is not None
    assert kinds == ["sign-in", "sign-out"]
