"""The strength of a password while it is typed: whose rules count, who may ask, and that nothing is kept."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from rolecall.accounts import settings
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.store.tables import Account, AuditEntry, SignIn
from rolecall.testing.school import School
from rolecall.work.application import Application

_GOOD = "quiet-Tuesday-marmalade"


@pytest.fixture
def dialog() -> Callable[[int], str]:
    """A function that returns where the dialog of “Change password” asks about an account."""
    return lambda account: f"/password/check?action=password.change&ids={account}&field=password"


def test_one_s_own_password_is_judged_by_one_s_own_rules(signed_in: Callable) -> None:
    admin = signed_in()

    good, short, own = (
        admin.post("/password/check", {"password": typed}).get_data(as_text=True) for typed in (_GOOD, "vqzkwmtb", f"{admin.username}2026")
    )

    assert "Strong" in good
    assert "at least 12 characters" in short
    assert "Not accepted" in own
    assert "belongs to the account" in own
    assert "<html" not in good


def test_the_one_of_another_is_judged_by_theirs(school: School, signed_in: Callable, dialog: Callable[[int], str]) -> None:
    anna = school.student("Annabella", last_name="Karras")
    admin = signed_in("accounts:view", "act:password.change")

    short = admin.post(dialog(anna), {"password": "vqzkwmtb"}).get_data(as_text=True)
    own = admin.post(dialog(anna), {"password": "annabella2026"}).get_data(as_text=True)

    assert "Acceptable" in short
    assert "belongs to the account" in own


def test_nothing_typed_is_nothing_said(signed_in: Callable) -> None:
    assert signed_in().post("/password/check", {"password": ""}).get_data() == b""


@pytest.mark.parametrize(
    ("rights", "address", "status"),
    [
        (("accounts:view",), "/password/check?action=password.change&ids={anna}&field=password", 403),
        (("act:password.change",), "/password/check?action=password.change&ids={anna}&field=confirm", 404),
        (("act:password.change",), "/password/check?action=password.change&ids=999&field=password", 404),
        (("act:password.change",), "/password/check?action=password.change&ids={anna}&ids=1&field=password", 404),
        (("act:password.change",), "/password/check?action=password.change&field=password", 404),
        (("act:password.reset",), "/password/check?action=password.reset&ids={anna}&field=password", 404),
        (("act:password.change",), "/password/check?action=password.nothing&ids={anna}&field=password", 404),
    ],
)
def test_who_could_not_set_it_learns_nothing(
    school: School, signed_in: Callable, rights: tuple[str, ...], address: str, status: int
) -> None:
    anna = school.student("Annabella")
    admin = signed_in(*rights)

    answer = admin.post(address.format(anna=anna), {"password": "annabella2026"})

    assert answer.status_code == status
    assert "belongs to the account" not in answer.get_data(as_text=True)


def test_an_account_with_a_password_elsewhere_is_not_asked_about(school: School, signed_in: Callable, dialog: Callable[[int], str]) -> None:
    anna = school.student("Annabella", sso_provider="o365")

    assert signed_in("act:password.change").post(dialog(anna), {"password": "annabella2026"}).status_code == 404


def test_it_needs_the_token_of_the_page_and_somebody_signed_in(signed_in: Callable, client, token_of: Callable) -> None:
    admin = signed_in()

    assert admin.client.post("/password/check", data={"password": _GOOD}).status_code == 400
    answer = client.post("/password/check", data={"password": _GOOD, "csrf_token": token_of(client)})
    assert answer.status_code in (302, 303)


def test_who_must_choose_a_password_first_is_helped_too(core: Application, signed_in: Callable) -> None:
    admin = signed_in()
    with core.db.write() as session:
        session.get_one(Account, admin.account_id).must_change_password = True

    assert "Strong" in admin.post("/password/check", {"password": _GOOD}).get_data(as_text=True)


def test_nothing_of_it_is_kept(core: Application, signed_in: Callable) -> None:
    admin = signed_in()
    with core.db.read() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry))

    admin.post("/password/check", {"password": _GOOD})

    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == before
        assert session.scalar(select(func.count()).select_from(SignIn)) == 0


def test_both_forms_ask_while_one_types(core: Application, school: School, signed_in: Callable) -> None:
    with core.db.write() as session:
        settings.write(session, "core", CoreSettings, {"phone_first_password": True}, actor=WORKER, keyring=core.keyring)
    anna = school.student("Anna", phone="+30 691 234 5678")
    admin = signed_in("accounts:view", "act:password.change")

    own = admin.get("/password").get_data(as_text=True)
    dialog = admin.get(f"/act/password.change?ids={anna}").get_data(as_text=True)

    assert own.count("hx-post=") == dialog.count("hx-post=") == 1
    assert 'hx-post="/password/check?field=password"' in own
    assert f"/password/check?action=password.change&amp;ids={anna}&amp;field=password" in dialog
    assert 'name="from_phone"' in dialog
