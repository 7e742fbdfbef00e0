"""The page for a forgotten password: one answer for everybody, and a link that leads to choosing another one (R59b, A-07, A-08, T-09)."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from rolecall.config import load
from rolecall.store.tables import Delivery, Setting, WebSession
from rolecall.testing.channels import MemoryChannel, channel_plugin, memory_channel
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.delivery.deliver import deliver

GOOD = "quiet-Tuesday-marmalade"
#: What an account is, by the class of who is asked about; the first gets a message.
CLASSES: dict[str, dict[str, Any]] = {
    "existing": {},
    "disabled": {"active": False},
    "deleted": {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "managed": {"sso_provider": "o365"},
    "unverified": {"email_verified": False},
    "addressless": {"email": None, "email_verified": False},
}


def bare(page: str) -> str:
    """A page without what is another one each time for everybody: the nonce of its scripts, the token of its forms."""
    return re.sub(r"""nonce-[^'"]+|nonce=\S+|name="csrf_token" value="[^"]+\"""", "", page)


@pytest.fixture
def channel() -> type[MemoryChannel]:
    """What sends e-mail."""
    return memory_channel()


@pytest.fixture
def parrots() -> type[MemoryChannel]:
    """What sends to phones, where it is enabled."""
    return memory_channel("parrots", address="phone")


@pytest.fixture
def core(database_url: str, tmp_path: Path, channel: type[MemoryChannel], parrots: type[MemoryChannel]) -> Iterator[Application]:
    """The parts of a process that knows the channel."""
    config = load(
        {}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode(), strict="1"
    )
    with Application(config, plugins={each.id: channel_plugin(each) for each in (channel, parrots)}) as application:
        yield application


@pytest.fixture
def people(school: School, channel: type[MemoryChannel]) -> dict[str, int]:
    """One account of each class, at an institution that sends e-mail."""
    school.enable(channel.id)
    return {
        name: school.student(
            name.title(),
            **{
                "username": f"{name}.k", "email": f"{name}@home.example", "email_verified": True,
                "password_hash": "x", **values,
            },
        )
        for name, values in CLASSES.items()
    }  # fmt: skip


@pytest.fixture
def ask(client: FlaskClient, token_of: Callable) -> Callable:
    """A function that posts the form, from an address of its own where one is given."""

    def ask(identifier: str, address: str = "192.0.2.1", **headers: str) -> Any:
        form = {"csrf_token": token_of(client), "identifier": identifier}
        return client.post("/forgot", data=form, headers=headers, environ_base={"REMOTE_ADDR": address})

    return ask


def link_in(channel: type[MemoryChannel]) -> str:
    return re.search(r"http\S+?(/set-password/\S+)", channel.outbox.messages[-1].text)[1]


def test_everybody_gets_the_same_answer_for_the_same_statements(
    core: Application, ask: Callable, people: dict[str, int], channel: type[MemoryChannel]
) -> None:
    ran: list[str] = []
    event.listen(core.db.engine, "before_cursor_execute", lambda *facts: ran.append(facts[2]))
    seen = {}
    ask("warm", "192.0.2.200")

    for number, name in enumerate([*people, "unknown"]):
        for number_of, identifier in enumerate((f"{name}.k", f"{name}@home.example")):
            ran.clear()
            answer = ask(identifier, f"192.0.2.{10 * number_of + number}")
            headers = [(key, value) for key, value in answer.headers if key not in ("Set-Cookie", "X-Request-Id")]
            seen[identifier] = (answer.status_code, bare(answer.text + str(headers)), tuple(ran))

    assert {each[0] for each in seen.values()} == {200}
    assert len({each[1] for each in seen.values()}) == 1
    assert len({each[2] for each in seen.values()}) == 1
    assert channel.outbox.messages == [], "nothing is sent in the request"
    deliver(core, channel.id)
    assert [each.address for each in channel.outbox.messages] == ["existing@home.example"]


def test_who_is_limited_is_not_told(core: Application, ask: Callable, people: dict[str, int], channel: type[MemoryChannel]) -> None:
    answers = []
    for _ in range(7):
        answers.append(ask("existing.k"))
        deliver(core, channel.id)

    assert len({(each.status_code, bare(each.text)) for each in answers}) == 1
    assert len(channel.outbox.messages) == 5


def test_the_way_from_the_sign_in_page_to_another_password(
    core: Application, client: FlaskClient, ask: Callable, people: dict[str, int], channel: type[MemoryChannel]
) -> None:
    assert 'href="/forgot"' in client.get("/login").text
    assert 'name="identifier"' in client.get("/forgot").text
    ask("existing.k", **{"X-Forwarded-Host": "evil.example"})
    deliver(core, channel.id)
    assert f"{core.config.base_url}/set-password/" in channel.outbox.messages[0].text
    link = link_in(channel)
    for _ in range(5):
        shown = client.get(link, follow_redirects=True)
        client.head(link)
    form = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', shown.text)[1], "password": GOOD, "confirm": GOOD}

    weak = client.post(link, data={**form, "password": "password1", "confirm": "password1"})
    done = client.post(link, data=form)
    late = client.post(link, data=form)

    assert (weak.status_code, done.status_code, late.status_code) == (422, 200, 410)
    assert 'href="/forgot"' in late.text
    assert client.get("/accounts").status_code == 303, "nobody is signed in by it"
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0
    signed_in = client.post("/login", data={"csrf_token": form["csrf_token"], "username": "existing.k", "password": GOOD})
    assert "is not right" not in signed_in.text


def test_with_a_channel_to_phones_everybody_still_gets_the_same_answer(
    core: Application, client: FlaskClient, school: School, ask: Callable, people: dict[str, int], parrots: type[MemoryChannel]
) -> None:
    school.enable(parrots.id)
    for each in people.values():
        school.change(each, person={"phone": "+306912345678"})

    shown = client.get("/forgot").text
    answers = [ask(f"{name}.k", f"192.0.2.{number}") for number, name in enumerate([*people, "unknown"])]
    deliver(core, parrots.id)

    assert "or on your phone" in shown
    assert len({(each.status_code, bare(each.text)) for each in answers}) == 1
    assert "Look at your messages" in answers[0].text
    assert len(parrots.outbox.messages) == 2, "those without a verified e-mail"
    with core.db.write() as session:
        facts = {"value": {"value": False}, "changed_at": datetime.now(UTC), "changed_by": "test"}
        session.add(Setting(plugin="core", key="forgotten_by_phone", **facts))
    assert "You get an e-mail" in client.get("/forgot").text


def test_without_a_channel_for_e_mail_the_phone_is_the_way(
    core: Application, client: FlaskClient, school: School, ask: Callable, parrots: type[MemoryChannel]
) -> None:
    assert "No e-mail can be sent from here." in client.get("/forgot").text
    school.enable(parrots.id)
    school.change(school.student("Anna", username="anna.k", password_hash="x"), person={"phone": "+306912345678"})

    shown = client.get("/forgot").text
    answer = ask("anna.k")
    deliver(core, parrots.id)

    assert "You get an SMS" in shown
    assert answer.status_code == 200
    assert [each.address for each in parrots.outbox.messages] == ["+306912345678"]


def test_what_is_no_name_is_said_to_be_none(client: FlaskClient, ask: Callable, people: dict[str, int]) -> None:
    for identifier in ("", "a" * 300):
        answer = ask(identifier)

        assert answer.status_code == 422
        assert "Enter your user name or your e-mail." in answer.text


def test_where_nothing_sends_e_mail_the_office_is_named(core: Application, client: FlaskClient, ask: Callable) -> None:
    shown, answer = client.get("/forgot"), ask("anna")

    for page in (shown, answer):
        assert "No e-mail can be sent from here" in page.text
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
