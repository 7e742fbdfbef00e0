"""Whoever began something that is done at providers is told when they have it (R23)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.errors import Permanent
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"
PROVIDER = memory_provider()


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """A process with a provider that lives in memory."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"memory": plugin_of(PROVIDER)}) as application:
        School(application).enable(PROVIDER)
        yield application


def test_a_conversion_is_told_of_again_when_the_provider_has_it(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna", username="anna")
    admin = signed_in(VIEW, "act:external.convert")

    admin.post(f"/act/external.convert?ids={anna}", {"provider": "memory"})
    meanwhile = [admin.get("/accounts").text for _ in range(2)]
    school.work()
    told, later = (admin.get("/accounts").text for _ in range(2))

    assert not any("the providers have it all" in page for page in meanwhile)
    assert "the providers have it all." in told
    assert "the providers have it all" not in later


def test_what_could_not_be_done_there_is_told_too(school: School, signed_in: Callable) -> None:
    anna, berta = school.student("Anna", username="anna"), school.student("Berta", username="berta")
    admin = signed_in(VIEW, "act:external.convert", "runs:view")
    PROVIDER.service.fail("create", Permanent("Not allowed."), who="anna")

    answer = admin.post(f"/act/external.convert?ids={anna},{berta}", {"provider": "memory"})
    before = admin.get(answer.location).text
    school.work()
    told, after = admin.get("/accounts").text, admin.get(answer.location).text

    assert "2 on the way" in before
    assert "1 could not be done at a provider; the others are." in told
    assert "1 blocked" in after
