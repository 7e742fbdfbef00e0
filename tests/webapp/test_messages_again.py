"""The page on which all messages that a filter matches are sent again (R19, R40)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.store.tables import Delivery
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW, EDIT = "messages:view", "messages:edit"


@pytest.fixture
def bounced(core: Application, school: School) -> list[int]:
    """Invitations to two students that bounced, and one that is unknown."""
    accounts = [school.student(name) for name in ("Anna", "Bela", "Caro")]
    for each in accounts:
        school.change(each, person={"email": f"pupil{each}@home.example"})
    moment = datetime.now(UTC)
    with core.db.write() as session:
        rows = [
            Delivery(
                kind="invitation.account", channel="email", address="old@home.example", account_id=each, dedupe_key=f"{each}",
                state=state, created_at=moment, settled_at=moment,
            )
            for each, state in zip(accounts, ("bounced", "bounced", "unknown"), strict=True)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return [each.id for each in rows]


def states(core: Application) -> list[str]:
    with core.db.read() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def shown(page: str) -> str:
    return re.search(r'name="expected" value="(\d+)"', page)[1]


def test_the_list_leads_to_the_count_and_the_count_to_the_messages(signed_in: Callable, core: Application, bounced: list[int]) -> None:
    admin = signed_in(VIEW, EDIT)
    listed = admin.get("/messages?kind=invitation.account").text
    page = admin.get("/messages/again?kind=invitation.account").text

    answer = admin.post("/messages/again?kind=invitation.account", data={"expected": shown(page), "agreed": "yes"})

    assert "/messages/again?kind=invitation.account" in listed
    assert "Send 2 messages again" in page
    assert "Nobody knows whether it was sent" in page
    assert answer.location == "/messages?kind=invitation.account"
    assert "2 messages go out again." in admin.get(answer.location).text
    assert states(core) == ["bounced", "bounced", "unknown", "queued", "queued"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"expected": "2"}, "Tick the box first."),
        ({"expected": "9", "agreed": "yes"}, "9 were to go out again when you saw it, and 2 are now."),
        ({"expected": "x", "agreed": "yes"}, "and 2 are now."),
    ],
)
def test_without_consent_or_with_another_count_nothing_goes_out(
    signed_in: Callable, core: Application, bounced: list[int], data: dict[str, str], said: str
) -> None:
    answer = signed_in(VIEW, EDIT).post("/messages/again", data=data)

    assert answer.status_code == 409
    assert said in answer.text
    assert len(states(core)) == 3


def test_where_none_can_be_the_page_says_so_and_the_list_has_no_way_there(signed_in: Callable, bounced: list[int]) -> None:
    admin = signed_in(VIEW, EDIT)

    assert "None of these can be sent again." in admin.get("/messages/again?state=unknown").text
    assert "Send all of these again" not in admin.get("/messages?state=unknown").text
    assert admin.get("/messages/again?state=lost").status_code == 422


def test_who_may_only_look_sees_no_way_there(signed_in: Callable, core: Application, bounced: list[int]) -> None:
    reader = signed_in(VIEW)

    assert "Send all of these again" not in reader.get("/messages").text
    assert reader.get("/messages/again").status_code == 403
    assert reader.post("/messages/again", data={"expected": "2", "agreed": "yes"}).status_code == 403
    assert len(states(core)) == 3
