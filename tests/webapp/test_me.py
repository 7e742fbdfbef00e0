"""One's own account: seen by whoever it belongs to, and by nobody else (R59b, R59, R17, S-07)."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from rolecall.accounts import emails, tokens
from rolecall.store.tables import (
    Account,
    Delivery,
    Link,
    PluginState,
    Role,
    SignIn,
)
from rolecall.testing.factories import set_plain
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall_webapp.frame import PUBLIC, permission_of

PAGES = ("/me", "/me/sessions", "/me/sign-ins", "/me/name", "/me/language", "/me/email", "/me/data.json")


def change(core: Application, account_id: int, **values: object) -> None:
    with core.db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(**values))


def read(core: Application, account_id: int) -> Account:
    with core.db.read() as session:
        return session.get_one(Account, account_id)


def put_link(core: Application, account_id: int, **facts: object) -> None:
    with core.db.write() as session:
        session.merge(PluginState(plugin="moodle", enabled=True, is_provider=True, state=facts.pop("provider_state", "ok")))
        values = {"goal": "present", "wanted": 1, "synced": 0, **facts}
        session.add(Link(account_id=account_id, provider="moodle", changed_at=datetime.now(UTC), **values))


def test_everybody_sees_who_they_are(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()

    page = somebody.get("/me").text

    for said in (somebody.username, f"{somebody.username}@example.org", "not verified yet", "2026–27", "Change my password", "Download it"):
        assert said in page
    assert '<a href="/me" aria-current="page">My account</a>' in page
    assert "/accounts" not in page


def test_who_may_open_more_finds_it_under_their_name(signed_in: Callable) -> None:
    page = signed_in("accounts:view").get("/accounts").text
    menu = page.split('aria-label="Main"')[1].split("</nav>")[0]

    assert "My account" in page
    assert "My account" not in menu


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_ones_own_and_nobodys_else(core: Application, signed_in: Callable, school: School, path: str) -> None:
    somebody = signed_in()
    school.student("Zacharias", last_name="Quill", username="zach.quill")

    answer = somebody.get(path)

    assert answer.status_code == 200
    assert somebody.client.application.test_client().get(path).status_code == 303
    assert "uill" not in answer.text


def test_whoever_reaches_only_others_still_reaches_their_own_account(core: Application, signed_in: Callable) -> None:
    somebody = signed_in("accounts:view")
    with core.db.write() as session:
        session.execute(update(Role).values(limited_to=["student"]))
        session.add(SignIn(account_id=somebody.account_id, at=datetime.now(UTC), method="password", result="ok", address="192.0.2.77"))

    answers = {path: somebody.get(path) for path in PAGES}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert somebody.username in answers["/me"].text
    assert "192.0.2.77" in answers["/me/sign-ins"].text
    assert somebody.username in answers["/me/data.json"].text


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "will be ready in about 10 minutes"),
        ({"external_id": "7"}, "latest changes will reach Moodle in about 10 minutes"),
        ({"external_id": "7", "synced": 1}, "Your access to Moodle is ready."),
        ({"blocked": True}, "is not ready yet. Ask the office."),
        ({"blocked": True, "external_id": "7"}, "works, but your latest changes are not there yet"),
        ({"attempts": 3, "not_before": datetime.now(UTC) + timedelta(hours=2)}, "takes longer than usual"),
        ({"provider_state": "paused"}, "takes longer than usual"),
        ({"goal": "suspended", "external_id": "7", "synced": 1}, "Your access to Moodle is closed"),
    ],
)
def test_what_one_can_reach_is_said_in_plain_words(core: Application, signed_in: Callable, facts: dict, said: str) -> None:
    somebody = signed_in()
    put_link(core, somebody.account_id, error="HTTP 500: invalid token", error_class="transient", **facts)

    page = somebody.get("/me").text

    assert said in page
    assert "invalid token" not in page


@pytest.mark.parametrize("goal", ["released", "deleted"])
def test_what_was_let_go_is_not_told(core: Application, signed_in: Callable, goal: str) -> None:
    somebody = signed_in()
    put_link(core, somebody.account_id, goal=goal)

    assert "Moodle" not in somebody.get("/me").text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "Ask the office to verify it."),
        ("queued", "waiting to be sent"),
        ("sent", "We sent a link there"),
        ("failed", "Ask the office"),
    ],
)
def test_what_to_do_about_an_address_follows_the_message(core: Application, signed_in: Callable, state: str | None, said: str) -> None:
    somebody = signed_in()
    if state is not None:
        with core.db.write() as session:
            session.add(
                Delivery(
                    kind=emails.VERIFICATION, channel="email", account_id=somebody.account_id, address=f"{somebody.username}@example.org",
                    facts={}, dedupe_key="1", state=state, created_at=datetime.now(UTC),
                )
            )  # fmt: skip

    assert said in somebody.get("/me").text


def test_the_name_is_changed_by_its_owner(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()

    wrong = somebody.post("/me/name", {"first_name": "", "last_name": "Office"})
    right = somebody.post("/me/name", {"first_name": "Adela", "last_name": "Office"})

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "Write your first name." in wrong.text
    assert "Your name is changed." in somebody.get("/me").text
    assert read(core, somebody.account_id).name_by_hand


def test_where_the_office_keeps_the_names_the_page_says_so(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    with core.db.write() as session:
        set_plain(session, "core", own_profile_name=False)

    assert "kept by the office" in somebody.get("/me").text
    assert "kept by the office" in somebody.get("/me/name").text
    assert somebody.post("/me/name", {"first_name": "Adela", "last_name": "Office"}).status_code == 409
    assert read(core, somebody.account_id).first_name == "Ada"


def test_the_language_is_chosen(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()

    wrong = somebody.post("/me/language", {"language": "xx"})
    somebody.post("/me/language", {"language": "el"})

    assert wrong.status_code == 422
    assert "Ελληνικά" in somebody.get("/me").text
    assert read(core, somebody.account_id).language == "el"


def test_another_address_is_agreed_to_and_ends_the_session(core: Application, signed_in: Callable, password: str) -> None:
    somebody = signed_in()
    form = {"email": "ada@new.example", "current": password}

    shown = somebody.get("/me/email")
    silent = somebody.post("/me/email", form)
    wrong = somebody.post("/me/email", {**form, "current": "wrong", "agreed": "yes"})
    before = read(core, somebody.account_id).email
    done = somebody.post("/me/email", {**form, "agreed": "yes"})

    assert "nobody can sign in to your account until the new address is verified" in shown.text
    assert (silent.status_code, wrong.status_code, done.status_code) == (409, 422, 200)
    assert "not your present password" in wrong.text
    assert password not in silent.text + wrong.text
    assert before == f"{somebody.username}@example.org"
    assert read(core, somebody.account_id).email == "ada@new.example"
    assert "ada@new.example" in done.text
    assert "Ask the office" in done.text or "ask the office" in done.text
    assert somebody.get("/me").status_code == 303


def test_where_the_address_before_goes_on_so_does_the_session(core: Application, signed_in: Callable, password: str) -> None:
    somebody = signed_in()
    with core.db.write() as session:
        set_plain(session, "core", email_change="keep")

    shown = somebody.get("/me/email")
    done = somebody.post("/me/email", {"email": "ada@new.example", "current": password, "agreed": "yes"})

    assert "Your user name goes on working" in shown.text
    assert done.location == "/me"
    assert "ada@new.example" in somebody.get("/me").text


def test_a_provider_that_keeps_the_password_is_named(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    put_link(core, somebody.account_id, synced=1, external_id="7")
    change(core, somebody.account_id, sso_provider="moodle")

    page = somebody.get("/me").text

    assert "You sign in with Moodle, which keeps your password." in page
    assert "Your password is kept by Moodle: change it there." in page
    assert "Your password is kept by Moodle." in somebody.get("/password").text
    assert "Ask the office to change it." in somebody.get("/me/email").text


def test_one_page_changes_the_password(signed_in: Callable) -> None:
    assert signed_in().get("/me/password").location == "/password"


def test_what_is_stored_is_a_file_to_take_along(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()

    answer = somebody.get("/me/data.json")

    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.data)["account"]["id"] == somebody.account_id


#: What can be opened while the password must be changed: the page that changes it, and the way out.
BEFORE_THE_CHANGE = {"login.password", "login.change_password", "strength.index", "login.out", "me.password"}


def test_a_forced_change_stops_every_page_of_everybody(application: Flask, core: Application, signed_in: Callable) -> None:
    somebody = signed_in(owner=True)
    change(core, somebody.account_id, must_change_password=True)
    views = {name for name, view in application.view_functions.items() if getattr(view, "rolecall_before_password", False)}
    checked = 0

    for rule in application.url_map.iter_rules():
        if rule.endpoint.startswith(("endpoints.", "metrics.")):
            continue  # for programs with a token: no cookie counts there
        if permission_of(application.view_functions[rule.endpoint]) == PUBLIC or rule.rule.startswith("/api/") or rule.endpoint in views:
            continue
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for ask in [somebody.get] * ("GET" in rule.methods) + [somebody.post] * ("POST" in rule.methods):
            plain, part = ask(path), ask(path, headers={"HX-Request": "true"})
            assert plain.location == "/password", rule
            assert (part.headers["HX-Redirect"], part.data) == ("/password", b""), rule
            checked += 1

    assert views == BEFORE_THE_CHANGE
    assert checked > 40


def test_a_forced_change_stops_every_operation_of_the_api(application: Flask, core: Application, signed_in: Callable) -> None:
    somebody = signed_in(owner=True)
    change(core, somebody.account_id, must_change_password=True)
    with core.db.write() as session:
        secret, _ = tokens.create(session, somebody.account_id, name="script", now=datetime.now(UTC))
    client = application.test_client()
    checked = 0

    for rule in application.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/") or permission_of(application.view_functions[rule.endpoint]) == PUBLIC:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "1"))[1]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(path, method=method, headers={"Authorization": f"Bearer {secret}"}, json={} if method != "GET" else None)
            assert answer.status_code == 403, (method, path, answer.text)
            checked += 1

    assert checked > 30
