"""The code on the second page of signing in, and one's own second factor (R53, A-22)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from rolecall.accounts import passwords, second_factor, sessions, tokens
from rolecall.store.tables import Account, AuditEntry, SecondFactor, WebSession
from rolecall.testing.factories import set_plain
from rolecall.work.application import Application


def app_of(core: Application, account_id: int) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor behind the pages, an hour ago; answers the app and the recovery codes."""
    earlier = datetime.now(UTC) - timedelta(hours=1)
    with core.db.write() as session:
        second_factor.begin(session, core.keyring, account_id)
        key = second_factor.next_key(session, core.keyring, account_id)
        assert key is not None
        app = pyotp.TOTP(key)
        codes = second_factor.turn_on(session, core.keyring, account_id, app.at(earlier), now=earlier)
    assert codes is not None
    return app, codes


@pytest.fixture
def post(client: FlaskClient, token_of: Callable) -> Callable:
    """A function that posts a form of a page that anybody may open."""
    return lambda path, **data: client.post(path, data={"csrf_token": token_of(client), **data})


def cookie_of(client: FlaskClient) -> dict[str, Any]:
    with client.session_transaction() as cookie:
        return dict(cookie)


def require(core: Application, **modes: str) -> None:
    with core.db.write() as session:
        set_plain(session, "core", **{f"second_factor_{kind}": mode for kind, mode in modes.items()})


def test_the_code_is_asked_on_a_second_page_and_leads_on_to_where_one_was_going(
    core: Application, client: FlaskClient, signed_in: Callable, post: Callable, password: str
) -> None:
    admin = signed_in("accounts:view")
    app, _ = app_of(core, admin.account_id)

    asked = post("/login?next=/accounts?q=anna", username=admin.username, password=password)
    page = client.get(asked.location).text
    before = client.get("/accounts").status_code
    half = cookie_of(client)["waiting"]
    wrong = post(asked.location, code="000000")
    right = post(asked.location, code=f" {app.now()[:3]} {app.now()[3:]}")

    assert asked.location.startswith("/login/code")
    assert 'autocomplete="one-time-code"' in page
    assert before == 303
    assert (wrong.status_code, right.status_code) == (401, 303)
    assert right.location == "/accounts?q=anna"
    assert client.get("/accounts").status_code == 200
    assert "waiting" not in cookie_of(client)
    assert cookie_of(client)["_user_id"] != half
    with core.db.read() as session:
        assert [each.second_factor for each in session.scalars(select(WebSession).order_by(WebSession.created_at))][-1]
        assert session.scalar(select(WebSession).where(WebSession.digest == sessions.digest_of(half))) is None


def test_a_recovery_code_does_too_and_the_cookie_of_the_first_step_is_nothing(
    application: Flask, core: Application, client: FlaskClient, signed_in: Callable, post: Callable, password: str
) -> None:
    admin = signed_in("accounts:view")
    _, codes = app_of(core, admin.account_id)
    post("/login", username=admin.username, password=password)
    half = cookie_of(client)["waiting"]
    thief = application.test_client()
    with thief.session_transaction() as cookie:
        cookie["_user_id"] = half

    assert thief.get("/me").status_code == 401
    assert post("/login/code", code=codes[0]).status_code == 303
    assert client.get("/accounts").status_code == 200


def test_without_a_first_step_there_is_no_second(core: Application, client: FlaskClient, signed_in: Callable, post: Callable) -> None:
    app, _ = app_of(core, signed_in().account_id)

    assert client.get("/login/code").location == "/login"
    assert post("/login/code", code=app.now()).status_code == 401
    assert client.get("/me").status_code == 303


def test_a_password_that_was_changed_meanwhile_ends_the_first_step(
    core: Application, signed_in: Callable, post: Callable, password: str
) -> None:
    admin = signed_in()
    app, _ = app_of(core, admin.account_id)
    post("/login", username=admin.username, password=password)
    with core.db.write() as session:
        passwords.put(session, [admin.account_id], passwords.hash_password("another one entirely"))
        sessions.end_all(session, [admin.account_id])

    answer = post("/login/code", code=app.now())

    assert answer.status_code == 401
    assert "not given in time" in answer.text


@pytest.mark.parametrize("data", [{"code": ""}, {"code": "1" * 200}, {"code": ["123456", "123456"]}, {}])
def test_what_is_no_code_is_said(core: Application, signed_in: Callable, post: Callable, password: str, data: dict) -> None:
    admin = signed_in()
    app_of(core, admin.account_id)
    post("/login", username=admin.username, password=password)

    assert post("/login/code", **data).status_code == 422


def test_too_many_codes_are_told_how_long_to_wait(core: Application, signed_in: Callable, post: Callable, password: str) -> None:
    admin = signed_in()
    app_of(core, admin.account_id)
    post("/login", username=admin.username, password=password)

    answers = [post("/login/code", code="000000") for _ in range(10)]

    assert [each.status_code for each in answers] == [401] * 9 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_it_is_set_up_with_a_code_of_the_app_and_the_recovery_codes_are_shown_once(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    with core.db.write() as session:
        other = sessions.create(session, somebody.account_id, address=None, agent=None, now=datetime.now(UTC))
    before = cookie_of(somebody.client)["_user_id"]

    started = somebody.post("/me/second-factor/begin")
    page = somebody.get(started.location).text
    key = re.search(r'<code class="secret" dir="ltr">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")  # type: ignore[index]
    wrong = somebody.post("/me/second-factor/app", {"code": "000000"})
    done = somebody.post("/me/second-factor/app", {"code": pyotp.TOTP(key).now()})
    codes = re.findall(r'dir="ltr">([a-z0-9-]{20})<', done.text)

    assert 'src="data:image/svg+xml' in page
    assert wrong.status_code == 422
    assert done.status_code == 200
    assert len(set(codes)) == 10
    assert cookie_of(somebody.client)["_user_id"] != before
    assert "Recovery codes left" in somebody.get("/me/second-factor").text
    assert not any(each in somebody.get("/me/second-factor").text for each in codes)
    assert somebody.get("/me/second-factor/app").status_code == 303
    with core.db.read() as session:
        assert sessions.load(session, other, datetime.now(UTC)) is None
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert (entry.kind, key in str(entry.payload)) == ("second_factor.on", False)  # type: ignore[union-attr]


def test_replacing_and_removing_ask_for_password_and_code_again(core: Application, signed_in: Callable, password: str) -> None:
    somebody = signed_in()
    app, _ = app_of(core, somebody.account_id)
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))

    stale = [somebody.post(f"/me/second-factor/{each}") for each in ("begin", "app", "codes", "remove")]
    asked = somebody.get("/again").text
    half = somebody.post("/again?next=/me/second-factor", {"password": password, "code": "000000"})
    whole = somebody.post("/again?next=/me/second-factor", {"password": password, "code": app.now()})
    renewed, removed = somebody.post("/me/second-factor/codes"), somebody.post("/me/second-factor/remove")

    assert {each.location for each in stale} == {"/again?next=/me/second-factor"}
    assert "one-time-code" in asked
    assert (half.status_code, whole.status_code) == (401, 303)
    assert "worthless now" in renewed.text
    assert removed.status_code == 303
    with core.db.read() as session:
        assert session.get(SecondFactor, somebody.account_id) is None


def test_whoever_must_have_one_reaches_nothing_else_and_cannot_remove_it(
    core: Application, signed_in: Callable, client: FlaskClient, post: Callable, password: str
) -> None:
    require(core, administrator="required")
    admin = signed_in("accounts:view", owner=True)

    assert post("/login", username=admin.username, password=password).status_code == 303
    assert client.get("/accounts").location == "/me/second-factor"
    assert client.get("/accounts", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/me/second-factor"
    assert "before you can go on" in client.get("/me/second-factor").text

    page = client.get(post("/me/second-factor/begin").location).text
    key = re.search(r'dir="ltr">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")  # type: ignore[index]
    assert post("/me/second-factor/app", code=pyotp.TOTP(key).now()).status_code == 200

    assert client.get("/accounts").status_code == 200
    assert post("/me/second-factor/remove").status_code == 409
    assert "requires one" in client.get("/me/second-factor").text


def test_where_it_is_not_offered_the_page_says_so(core: Application, signed_in: Callable) -> None:
    require(core, administrator="off")
    somebody = signed_in()

    assert "does not offer" in somebody.get("/me/second-factor").text
    assert somebody.post("/me/second-factor/begin").status_code == 409


def test_tokens_of_the_api_go_on(application: Flask, core: Application, signed_in: Callable) -> None:
    require(core, administrator="required")
    admin = signed_in("accounts:view")
    with core.db.write() as session:
        token, _ = tokens.create(session, admin.account_id, name="script", now=datetime.now(UTC))

    answer = application.test_client().get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_one_that_was_reset_is_asked_for_no_more(
    core: Application, school: Any, client: FlaskClient, signed_in: Callable, post: Callable, password: str
) -> None:
    admin = signed_in("accounts:view")
    app_of(core, admin.account_id)

    school.act("account.reset_second_factor", admin.account_id, agreed=True)

    assert admin.get("/accounts").status_code == 401
    assert post("/login", username=admin.username, password=password).location == "/"
    assert client.get("/accounts").status_code == 200
    with core.db.read() as session:
        assert session.get_one(Account, admin.account_id).active


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_from_setting_up_to_signing_in(
    new_page: Callable, signed_in: Callable, violations: Callable, password: str, scheme: str
) -> None:
    somebody, page = signed_in(), new_page(color_scheme=scheme, viewport={"width": 390, "height": 844})

    def enter() -> None:
        page.goto("/login")
        page.fill("#username", somebody.username)
        page.fill("#password", password)
        page.keyboard.press("Enter")

    def look() -> None:
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    enter()
    page.wait_for_url("**/me")
    page.goto("/me/second-factor")
    look()
    page.click("text=Set up an app")
    page.wait_for_url("**/app")
    look()
    assert page.evaluate("document.querySelector('img.qr').naturalWidth") > 100
    app = pyotp.TOTP(page.inner_text("code.secret").replace(" ", ""))
    page.fill("[name=code]", app.now())
    page.keyboard.press("Enter")
    page.wait_for_selector(".codes")
    look()
    recovery = page.inner_text(".codes li:first-child code")
    page.context.clear_cookies()
    enter()
    page.wait_for_url(re.compile("/login/code"))
    page.click("summary")
    look()
    page.fill("#recovery", recovery)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")
    page.goto("/again")
    look()
