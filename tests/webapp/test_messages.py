"""Pages of messages: the list with its numbers and filters, one message, and what somebody decides about it (R40, R55)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.store.tables import Account, AuditEntry, Delivery
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW, EDIT = "messages:view", "messages:edit"
RIGHTS = ("accounts:view", VIEW, EDIT)


@pytest.fixture
def anna(school: School) -> int:
    """Anna, with an own address."""
    anna = school.student("Anna")
    school.change(anna, person={"email": "anna@home.example"})
    return anna


@pytest.fixture
def message(core: Application, anna: int) -> Callable[..., int]:
    """A function that writes a message to Anna in some state."""

    def write(state: str = "bounced", **values: object) -> int:
        moment = datetime.now(UTC)
        with core.db.write() as session:
            facts = {
                "kind": "invitation.account", "channel": "email", "address": "anna@home.example", "dedupe_key": f"{moment.timestamp()}",
                "attempts": 1, "error": "There is no such mailbox." if state == "bounced" else None,
            } | values  # fmt: skip
            settled = None if state == "queued" else moment
            delivery = Delivery(account_id=anna, state=state, created_at=moment, settled_at=settled, **facts)
            session.add(delivery)
            session.flush()
            return delivery.id

    return write


def states(core: Application) -> list[str]:
    with core.db.read() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def test_the_list_says_what_became_of_each_and_why(signed_in: Callable, message: Callable) -> None:
    message("sent")
    number = message("bounced")

    page = signed_in(*RIGHTS).get("/messages").text

    assert "2 messages" in page
    assert f'href="/messages/{number}"' in page
    assert "There is no such mailbox." in page
    assert "anna@home.example" in page
    assert ">Messages</a>" in page, "it is in the menu"


def test_it_is_narrowed_by_state_kind_channel_account_and_run(signed_in: Callable, message: Callable, anna: int) -> None:
    bounced, sent = message("bounced"), message("sent", kind="email.changed")
    texted = message("queued", channel="phone", address="+306912345678", kind="sms.credentials")
    admin = signed_in(*RIGHTS)

    def shown(query: str) -> set[int]:
        page = admin.get(f"/messages?{query}").text
        return {each for each in (bounced, sent, texted) if f'href="/messages/{each}"' in page}

    assert shown("state=bounced") == {bounced}
    assert shown("kind=email.changed") == {sent}
    assert shown("channel=phone") == {texted}
    assert shown(f"account={anna}") == {bounced, sent, texted}
    assert shown("account=999") == set()
    assert shown("run=1") == set()
    assert "No message matches all of these filters." in admin.get("/messages?run=1").text


@pytest.mark.parametrize("query", ["state=lost", "channel=pigeon", "account=x", "account=99999999999", "after=x"])
def test_what_no_list_has_is_refused_in_words(signed_in: Callable, query: str) -> None:
    assert signed_in(VIEW).get(f"/messages?{query}").status_code == 422


def test_a_long_list_goes_on_at_the_next_page(signed_in: Callable, message: Callable) -> None:
    numbers = [message("sent", dedupe_key=f"sent {each}") for each in range(52)]
    admin = signed_in(VIEW)

    first = admin.get("/messages?state=sent").text
    second = admin.get(next_of(first).replace("&amp;", "&")).text

    assert f'href="/messages/{numbers[-1]}"' in first
    assert f'href="/messages/{numbers[0]}"' not in first
    assert f'href="/messages/{numbers[0]}"' in second
    assert f'href="/messages/{numbers[-1]}"' not in second


def next_of(page: str) -> str:
    return next(part.split('"')[0] for part in page.split('href="') if "after=" in part.split('"')[0])


def test_one_that_bounced_is_sent_again_from_its_page_and_twice_pressed_is_one_message(
    signed_in: Callable, core: Application, message: Callable
) -> None:
    number, admin = message("bounced"), signed_in(*RIGHTS)
    page = admin.get(f"/messages/{number}").text

    answers = [admin.post(f"/messages/{number}/again") for _ in range(2)]
    followed = admin.get(f"/messages/{number}").text

    assert "with a fresh link where it has one" in page
    assert {each.location for each in answers} == {f"/messages/{number + 1}"}
    assert states(core) == ["bounced", "queued"]
    assert "It is sent again." in followed
    assert "A newer message of this kind followed." in followed


def test_somebody_decides_about_an_unknown_one(signed_in: Callable, core: Application, message: Callable, anna: int) -> None:
    number, admin = message("unknown"), signed_in(*RIGHTS)
    listed, page = admin.get("/messages?state=unknown").text, admin.get(f"/messages/{number}").text

    answer = admin.post(f"/messages/{number}/sent")

    assert "Somebody has to decide" in listed
    assert "Nobody knows whether this message was sent." in page
    assert answer.status_code == 303
    assert states(core) == ["sent"]
    assert "Somebody has to decide" not in admin.get(f"/messages/{number}").text
    with core.db.read() as session:
        assert session.get_one(Account, anna).invited_at is not None
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.kind == "message.sent"))
        assert (entry.account_id, entry.actor) == (anna, f"account:{admin.account_id}")


def test_what_cannot_be_is_said_on_the_page(signed_in: Callable, core: Application, message: Callable) -> None:
    number, admin = message("sent"), signed_in(*RIGHTS)

    said = admin.get(admin.post(f"/messages/{number}/again").location).text
    told = admin.get(admin.post(f"/messages/{message('bounced')}/sent").location).text

    assert "The server took it." in said
    assert "Only of a message that is unknown" in told
    assert states(core) == ["sent", "bounced"]
    assert admin.get("/messages/999").status_code == 404


def test_one_that_waits_says_why_and_is_tried_now(signed_in: Callable, core: Application, message: Callable) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    number, admin = message("queued", not_before=later), signed_in(*RIGHTS)
    page = admin.get(f"/messages/{number}").text

    admin.post(f"/messages/{number}/again")

    assert "No e-mail channel is set up, so messages wait." in page
    assert "Next attempt" in page
    with core.db.read() as session:
        assert session.get_one(Delivery, number).not_before < later


def test_who_may_only_look_changes_nothing_and_who_may_not_sees_no_way_there(
    signed_in: Callable, core: Application, message: Callable, anna: int
) -> None:
    number = message("bounced")
    reader, other = signed_in("accounts:view", VIEW), signed_in("accounts:view")

    assert "Send again" not in reader.get(f"/messages/{number}").text
    assert reader.post(f"/messages/{number}/again").status_code == 403
    assert f"/messages?account={anna}" in reader.get(f"/accounts/{anna}").text
    assert other.get("/messages").status_code == 403
    assert "/messages" not in other.get(f"/accounts/{anna}").text
    assert states(core) == ["bounced"]
