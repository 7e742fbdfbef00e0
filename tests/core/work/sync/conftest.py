"""A school with a provider that lives in memory."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema

from rolecall import logs
from rolecall.config import load
from rolecall.sdk.provider import Provider
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

Open = Callable[..., School]


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """As every process does; structlog by itself paints tracebacks, which takes seconds."""
    logs.configure()


@pytest.fixture
def open_school(database_url: str, tmp_path: Path) -> Iterator[Open]:
    """Opens a school with these providers installed and enabled; again for another process at the same database."""
    applications: list[Application] = []
    key = Fernet.generate_key().decode()

    def open_one(
        *providers: type[Provider], lease_seconds: int = 120, settings: Mapping[str, type[Schema]] = MappingProxyType({})
    ) -> School:
        config = load(
            {}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=key, lease_seconds=str(lease_seconds)
        )
        app = Application(config, plugins={each.id: plugin_of(each, settings.get(each.id)) for each in providers})
        applications.append(app)
        school = School(app)
        for each in providers:
            school.enable(each)
        return school

    yield open_one
    for app in applications:
        app.close()


@pytest.fixture
def provider() -> type[MemoryProvider]:
    return memory_provider()


@pytest.fixture
def two_hundred(school: School) -> list[int]:
    """Students who are at the provider."""
    ids = school.students(200)
    school.sync(*ids)
    school.work()
    return ids


@pytest.fixture
def school(open_school: Open, provider: type[MemoryProvider]) -> School:
    return open_school(provider)
