"""The page that says why somebody cannot sign in, and its box on the account's page."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from rolecall.store.tables import Account, Link, PluginState, RolePeriod
from rolecall.testing.factories import enable_provider, give_role, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"


@pytest.fixture
def anna(school: School, core: Application) -> int:
    """Anna, who can sign in."""
    anna = school.student("Anna", username="anna.k", email="anna@school.example", email_verified=True, password_hash="x")
    with core.db.write() as session:
        give_role(session, session.get_one(Account, anna), make_role(session), make_period(session))
    return anna


def boxes(page: str) -> list[str]:
    return [part.split("</details>")[0] for part in page.split('<details class="panel checks"')[1:]]


def test_the_box_is_closed_while_they_can_sign_in(anna: int, signed_in: Callable) -> None:
    (box,) = boxes(signed_in(VIEW).get(f"/accounts/{anna}").text)

    assert not box.startswith(" open")
    assert "They can sign in: user name anna.k or anna@school.example and an own password." in box
    assert f'href="/accounts/{anna}/access"' in box


def test_the_box_is_open_with_the_reason_and_what_mends_it_when_they_cannot(anna: int, school: School, signed_in: Callable) -> None:
    school.act("account.deactivate", anna)

    (box,) = boxes(signed_in(VIEW, "act:account.activate").get(f"/accounts/{anna}").text)

    assert box.startswith(" open")
    assert "One thing keeps them out." in box
    assert "The account was deactivated by test (command line)" in box
    assert f'href="/act/account.activate?ids={anna}&amp;back=/accounts/{anna}"' in box


def test_no_permission_and_no_use_are_told_apart(anna: int, school: School, signed_in: Callable) -> None:
    school.act("account.deactivate", anna)
    school.act("account.delete", anna)
    path = f"/accounts/{anna}/access"

    without = signed_in(VIEW, "act:account.restore").get(path).text
    with_it = signed_in(VIEW, "act:account.restore", "act:account.activate").get(path).text

    def disabled(why: str) -> str:
        return f'<button type="button" disabled>Activate …</button><span class="quiet">{why}</span>'

    assert disabled("Your role does not allow this.") in without
    assert disabled("The account is deleted; restore it first.") in with_it
    assert f"/act/account.restore?ids={anna}" in without


def test_the_page_tells_everything_in_its_order(
    anna: int, core: Application, school: School, client, token_of, signed_in: Callable
) -> None:
    client.post("/login", data={"username": "anna.k", "password": "wrong", "csrf_token": token_of(client)})
    with core.db.write() as session:
        enable_provider(session, "moodle")
        session.get_one(PluginState, "moodle").state = "open"
        facts = {
            "goal": "present",
            "wanted": 2,
            "synced": 1,
            "attempts": 4,
            "error": "Somebody else has <anna.k>.",
            "error_class": "conflict",
        }
        session.add(Link(account_id=anna, provider="moodle", blocked=True, changed_at=session.get_one(Account, anna).created_at, **facts))

    page = signed_in(VIEW, "integrations:view", "people:view").get(f"/accounts/{anna}/access").text

    subjects = ["Person", "Account", "Password", "E-mail", "Role", "Lock-out", "Moodle", "Sign-ins"]
    places = [page.index(f"<strong>{each}</strong>") for each in subjects]
    assert places == sorted(places)
    assert "needs somebody: Somebody else has &lt;anna.k&gt;." in page
    assert "Free it there, or change it here; then try again." in page
    assert f'href="/accounts/{anna}/external"' in page
    assert 'href="/integrations/moodle"' in page
    assert "wrong password" in page
    assert 'aria-current="page">Can they sign in?' in page


def test_every_page_that_mends_something_opens(anna: int, core: Application, school: School, signed_in: Callable) -> None:
    owner = signed_in(owner=True)
    with core.db.write() as session:
        session.execute(update(RolePeriod).values(enabled=True))
        make_role(session).active = False
        enable_provider(session, "moodle")
        session.get_one(PluginState, "moodle").state = "paused"
        session.add(
            Link(account_id=anna, provider="moodle", goal="present", wanted=1, changed_at=session.get_one(Account, anna).created_at)
        )
    school.change(anna, person={"active": False})

    page = owner.get(f"/accounts/{anna}/access").text

    checked = page.split('<section class="panel checks">')[1].split("</section>")[0]
    hrefs = [part.split('"')[0].replace("&amp;", "&") for part in checked.split('href="')[1:]]
    assert len(hrefs) >= 4
    assert {href: owner.get(href).status_code for href in hrefs} == dict.fromkeys(hrefs, 200)


def test_nobody_sees_it_without_the_permission_or_the_account(anna: int, signed_in: Callable) -> None:
    assert signed_in("people:view").get(f"/accounts/{anna}/access").status_code == 403
    assert signed_in(VIEW).get("/accounts/999999/access").status_code == 404
