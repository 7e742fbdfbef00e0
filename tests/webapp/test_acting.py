"""The Global Owner signs in as somebody else: looks, changes nothing, comes back (R27)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from rolecall.accounts import sessions, tokens
from rolecall.store.tables import Account, AuditEntry, Listing, RolePeriod, SignIn, WebSession
from rolecall.work.application import Application
from rolecall_webapp.frame import permission_of

WHY = {"reason": "She says that the list is empty.", "agreed": "yes"}


@pytest.fixture
def owner(signed_in: Callable) -> Any:
    return signed_in(owner=True)


@pytest.fixture
def clerk(signed_in: Callable) -> Any:
    """Somebody who may look at accounts and change roles."""
    return signed_in("accounts:view", "roles:edit")


def change(core: Application, account_id: int, **values: object) -> None:
    with core.db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(**values))


def begin(owner: Any, account_id: int, **data: str) -> Any:
    return owner.post(f"/accounts/{account_id}/sign-in-as", {**WHY, **data})


def cookie_of(browser: Any) -> str:
    with browser.client.session_transaction() as cookie:
        return str(cookie["_user_id"])


def entries(core: Application) -> list[tuple[str, str, str | None, int | None]]:
    with core.db.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.kind.startswith("sign")).order_by(AuditEntry.seq))
        return [(each.kind, each.actor, each.on_behalf, each.account_id) for each in rows]


def test_the_owner_sees_what_somebody_sees_under_a_bar_and_comes_back(core: Application, owner: Any, clerk: Any) -> None:
    before = cookie_of(owner)
    asked = owner.get(f"/act/account.sign_in_as?ids={clerk.account_id}")
    form = owner.get(asked.location).text

    began = begin(owner, clerk.account_id)
    meanwhile = cookie_of(owner)
    page = owner.get("/accounts").text
    hidden = owner.get("/settings").status_code
    mine = owner.get("/me").text
    ended = owner.post("/sign-in-as/stop")

    assert "you see what they see" in form
    assert clerk.username in form
    assert (began.status_code, ended.status_code) == (303, 303)
    assert "you are signed in as" in page
    assert "Back to my own account" in mine
    assert clerk.username in mine
    assert hidden == 403
    assert owner.get("/settings").status_code == 200
    assert len({before, meanwhile, cookie_of(owner)}) == 3
    with core.db.read() as session:
        assert [sessions.load(session, each, datetime.now(UTC)) for each in (before, meanwhile)] == [None, None]
    who, whom = f"account:{owner.account_id}", f"account:{clerk.account_id}"
    assert entries(core) == [("sign_in_as", who, whom, clerk.account_id), ("sign_in_as.end", who, whom, clerk.account_id)]


def test_nothing_is_changed_and_nothing_private_is_seen_meanwhile(application: Flask, owner: Any, clerk: Any) -> None:
    begin(owner, clerk.account_id)
    wrong, left = [], {"login.out", "acting.stop", "trying.stop"}

    for rule in application.url_map.iter_rules():
        view = application.view_functions[rule.endpoint]
        if "POST" not in (rule.methods or ()) or permission_of(view) in ("public", "undeclared") or rule.endpoint in left:
            continue
        if rule.rule.startswith(("/api/", "/scim/")):
            continue
        path = rule.rule.split("<")[0] + "1" * ("<" in rule.rule) + rule.rule.partition(">")[2].replace("<", "").replace(">", "")
        answer = owner.post(path)
        if answer.status_code not in (403, 404, 405, 409):
            wrong.append((rule.endpoint, path, answer.status_code))
    private = [owner.get(path).status_code for path in ("/me/data.json", "/me/second-factor", "/me/second-factor/app")]

    assert wrong == []
    assert private == [409] * 3
    assert begin(owner, clerk.account_id).status_code in (403, 409)


@pytest.mark.parametrize(("data", "status"), [({"reason": " "}, 422), ({"reason": "x" * 501}, 422), ({"agreed": None}, 409)])
def test_it_is_the_owners_alone_and_needs_a_fresh_password_and_a_reason(
    core: Application, owner: Any, signed_in: Callable, clerk: Any, data: dict, status: int
) -> None:
    admin = signed_in("accounts:view", "act:account.sign_in_as")
    others = admin.get(f"/accounts/{clerk.account_id}/sign-in-as").status_code, begin(admin, clerk.account_id).status_code
    sent = {name: value for name, value in {**WHY, **data}.items() if value is not None}
    without = owner.post(f"/accounts/{clerk.account_id}/sign-in-as", sent).status_code
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))

    stale = begin(owner, clerk.account_id)

    assert others == (403, 403)
    assert without == status
    assert stale.location.startswith("/again")
    assert entries(core) == []


@pytest.mark.parametrize("whom", ["inactive", "deleted", "unverified", "without role", "oneself"])
def test_it_does_not_apply_to(core: Application, owner: Any, clerk: Any, whom: str) -> None:
    facts = {"inactive": {"active": False}, "deleted": {"deleted_at": datetime.now(UTC)}, "unverified": {"must_verify_email": True}}
    if whom in facts:
        change(core, clerk.account_id, **facts[whom])
    if whom == "without role":
        with core.db.write() as session:
            session.execute(update(RolePeriod).where(RolePeriod.account_id == clerk.account_id).values(enabled=False))

    answer = begin(owner, owner.account_id if whom == "oneself" else clerk.account_id)

    assert answer.status_code == 409
    assert entries(core) == []


@pytest.mark.parametrize("how", ["time", "inactive", "deleted", "no role", "demoted"])
def test_it_ends_by_itself(core: Application, owner: Any, clerk: Any, how: str) -> None:
    begin(owner, clerk.account_id)
    meanwhile = cookie_of(owner)
    with core.db.write() as session:
        if how == "time":
            session.execute(update(WebSession).values(acting_until=datetime.now(UTC) - timedelta(seconds=1)))
        elif how == "no role":
            session.execute(update(RolePeriod).where(RolePeriod.account_id == clerk.account_id).values(enabled=False))
        elif how == "demoted":
            session.execute(update(Account).where(Account.id == owner.account_id).values(is_owner=False))
        else:
            values = {"inactive": {"active": False}, "deleted": {"deleted_at": datetime.now(UTC)}}[how]
            session.execute(update(Account).where(Account.id == clerk.account_id).values(**values))

    page = owner.get("/me")

    assert page.status_code == 200
    assert "you are signed in as" not in page.text
    assert "signed in as yourself again" in page.text
    assert owner.username in page.text
    assert cookie_of(owner) != meanwhile
    assert [kind for kind, *_ in entries(core)] == ["sign_in_as", "sign_in_as.end"]


def test_it_ends_with_the_session_of_the_owner(core: Application, owner: Any, clerk: Any) -> None:
    begin(owner, clerk.account_id)
    change(core, owner.account_id, active=False)
    closed = owner.get("/me").status_code
    change(core, owner.account_id, active=True)
    out = owner.post("/logout")

    assert closed == 401
    assert out.status_code == 303
    assert owner.get("/me").status_code == 303
    assert clerk.get("/me").status_code == 200
    assert entries(core)[-1][:3] == ("sign-out", f"account:{owner.account_id}", f"account:{clerk.account_id}")


def test_it_is_no_sign_in_of_theirs_and_they_see_it(core: Application, owner: Any, clerk: Any) -> None:
    begin(owner, clerk.account_id)

    with core.db.read() as session:
        row = session.scalars(select(SignIn).where(SignIn.account_id == clerk.account_id)).one()
        assert (row.method, row.result) == ("sign_in_as", "looked")
        assert session.get_one(Account, clerk.account_id).last_login_at is None
        listing = session.get(Listing, clerk.account_id)
        assert listing is None or not listing.logged_on
    assert "Looked at by the Global Owner" in clerk.get("/me/sign-ins").text


def test_the_api_says_that_it_is_done_on_pages(application: Flask, core: Application, owner: Any, clerk: Any) -> None:
    with core.db.write() as session:
        token, _ = tokens.create(session, owner.account_id, name="script", now=datetime.now(UTC))

    body = {"accounts": [clerk.account_id], "params": {"reason": "curious"}, "agreed": True}
    answer = application.test_client().post("/api/v1/actions/account.sign_in_as", json=body, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json["code"]) == (409, "web-only")


@pytest.mark.browser
@pytest.mark.slow
def test_axe_finds_nothing_on_the_page_that_asks_and_under_the_bar(
    new_page: Callable, owner: Any, clerk: Any, violations: Callable, password: str
) -> None:
    page = new_page(viewport={"width": 390, "height": 844})

    def look() -> None:
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    page.goto("/login")
    page.fill("#username", owner.username)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts")
    page.goto(f"/accounts/{clerk.account_id}/logins")
    look()
    page.click("text=Sign in as this user")
    page.wait_for_url("**/sign-in-as")
    look()
    page.fill("[name=reason]", "She says that the list is empty.")
    page.check("[name=agreed]")
    page.click("button:has-text('Sign in as this user')")
    page.wait_for_url("**/accounts")
    look()
    page.click("text=Back to my own account")
    page.wait_for_url(f"**/accounts/{clerk.account_id}")
    assert page.locator("text=Back to my own account").count() == 0
