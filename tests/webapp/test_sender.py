"""Choosing the sender of invitations on the page of an account and over the API (R25)."""

from collections.abc import Callable

from rolecall.store.tables import Account
from rolecall.testing.school import School
from rolecall.work import changes
from rolecall.work.application import Application

OFFICE, SECOND = "office@school.example", "second@school.example"
DEED = "account.sender_email"


def list_addresses(core: Application, school: School, *addresses: str) -> None:
    changes.set_plugin(core, school.actor, "core", values={"sender_addresses": list(addresses)})


def test_the_dialog_offers_the_addresses_and_the_page_says_which_one_counts(core: Application, school: School, signed_in: Callable) -> None:
    list_addresses(core, school, OFFICE, SECOND)
    admin, maria = signed_in("accounts:view", "settings:view", f"act:{DEED}"), school.account("Maria", type="staff")
    page = f"/accounts/{maria}"

    dialog = admin.get(f"/act/{DEED}?ids={maria}").text
    before = admin.get(page).text
    done = admin.post(f"/act/{DEED}", {"ids": maria, "email": SECOND, "expected": 1})
    chosen = admin.get(page).text
    list_addresses(core, school, OFFICE)
    gone = admin.get(page).text

    assert f'value="{SECOND}"' in dialog
    assert f"The institution&#39;s first ({OFFICE})" in dialog
    assert "sender_addresses" in dialog, "the setting behind it is a link"
    assert done.status_code == 303
    assert "Sends invitations from" not in before
    assert SECOND in chosen.split("Sends invitations from")[1][:400]
    assert "not listed in the settings any more" in gone
    assert f"invitations come from {OFFICE}" in gone


def test_whoever_lacks_the_permission_chooses_nothing(core: Application, school: School, signed_in: Callable) -> None:
    list_addresses(core, school, OFFICE, SECOND)
    admin, maria = signed_in("accounts:view", "act:account.username"), school.account("Maria", type="staff")

    answer = admin.post(f"/act/{DEED}", {"ids": maria, "email": SECOND, "expected": 1})

    assert answer.status_code in (403, 404)
    with core.db.read() as session:
        assert session.get_one(Account, maria).sender_email is None
