"""One plugin that is broken in any way leaves the other providers in step and every page answering (R60, R69)."""

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema, fields

from rolecall import hookimpl
from rolecall.config import load
from rolecall.errors import Misconfigured
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.threads import Threads

#: Far longer than anything here takes; whoever waits so long has waited in vain.
PATIENCE = 20
PAGES = ("/integrations", "/integrations/broken", "/sync", "/sync/broken", "/accounts", "/accounts/{}", "/accounts/{}/external")


class Demanding(Schema):
    """The settings of a later version: what was optional is needed, and there is a token."""

    limit = fields.Integer(required=True, metadata={"label": "Limit"})
    token = fields.String(required=True, metadata={"label": "Token"})


class Secretive(Schema):
    """The settings of a service with a secret."""

    limit = fields.Integer(load_default=5, metadata={"label": "Limit"})
    token = fields.String(load_default="", metadata={"label": "Token", "secret": True})


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the plugin breaks: what its provider does, or how it is put together; and what is said about it where."""

    members: dict[str, Callable[..., Any]] = field(default_factory=dict)
    settings: type[Schema] = Secretive
    #: Whether the key is lost that its secret is sealed with.
    lost: bool = False
    module: Callable[[], ModuleType] | None = None
    #: What a module does that is found as an installed package.
    source: str = ""
    waits: bool = True
    said: tuple[str, str]


def raising(error: BaseException) -> Callable[..., Any]:
    """A method that raises this."""

    def method(*_: object, **__: object) -> None:
        raise error

    return method


def unregistrable() -> ModuleType:
    module = ModuleType("broken")
    module.register_providers = hookimpl(raising(RuntimeError("no licence")), specname="register_providers")
    return module


RELEASED = threading.Event()
HUNG = threading.Event()


def hanging(*_: object) -> None:
    HUNG.set()
    RELEASED.wait(2 * PATIENCE)


DENIED = Misconfigured("The service refused the token (HTTP 401).", hint="Enter another one.")
WAYS = {
    "it cannot be imported": Way(source="raise RuntimeError('no licence')", said=("/integrations/broken", "no licence")),
    "it ends the program when imported": Way(source="raise SystemExit(3)", said=("/integrations/broken", "SystemExit")),
    "it cannot be registered": Way(module=unregistrable, said=("/integrations/broken", "no licence")),
    "its settings are not those of this version": Way(settings=Demanding, said=("/sync", "Token")),
    "its secret is sealed with a key that is lost": Way(lost=True, said=("/sync", "Put back the encryption key")),
    "it cannot be built": Way(members={"__init__": raising(KeyError("secret"))}, said=("/sync", "KeyError")),
    "it ends the program when built": Way(members={"__init__": raising(SystemExit(3))}, said=("/sync", "SystemExit")),
    "its check raises": Way(members={"check": raising(ZeroDivisionError())}, waits=False, said=("test", "ZeroDivisionError")),
    "its attributes raise": Way(members={"attributes": raising(ZeroDivisionError())}, said=("/sync/broken", "ZeroDivisionError")),
    "its service refuses the token": Way(members={"find": raising(DENIED)}, said=("/sync", "HTTP 401")),
    "it never comes back": Way(members={"find": hanging}, said=("/sync/broken", "running")),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


@pytest.fixture
def healthy() -> type[MemoryProvider]:
    return memory_provider("healthy")


@pytest.fixture
def core(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way, healthy: type[MemoryProvider]
) -> Iterator[Application]:
    """A process in which the plugin is broken; in the one before it was well, and enabled."""
    key = Fernet.generate_key().decode()
    facts = {"data": str(tmp_path), "database_url": database_url, "secret_key": "s" * 40}
    well = {"broken": plugin_of(memory_provider("broken"), Secretive), "healthy": plugin_of(healthy)}
    with Application(load({}, encryption_keys=key, **facts), plugins=well) as application:
        School(application).enable("healthy")
        School(application).configure("broken", {"token": "t-4711"})
    plugins = {"healthy": plugin_of(healthy)}
    if way.source:
        _install(tmp_path / "site", monkeypatch, way.source)
    else:
        plugins["broken"] = way.module() if way.module else plugin_of(memory_provider("broken", **way.members), way.settings)
    RELEASED.clear()
    HUNG.clear()
    with Application(
        load({}, encryption_keys=Fernet.generate_key().decode() if way.lost else key, **facts), plugins=plugins
    ) as application:
        yield application
    sys.modules.pop("broken_plugin", None)


def _install(site: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    information = site / "broken_plugin-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "broken_plugin.py").write_text(source)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[rolecall.plugins]\nbroken = broken_plugin\n")
    monkeypatch.syspath_prepend(site)
    invalidate_caches()


def test_the_others_follow_and_every_page_answers(
    signed_in: Callable, school: School, core: Application, healthy: type[MemoryProvider], way: Way
) -> None:
    anna = school.student("Anna")
    admin = signed_in("accounts:view", "integrations:view", "integrations:edit", "sync:view")
    settled = waiting(core, lambda: "healthy" not in school.pending(anna) and (way.members.get("find") is not hanging or HUNG.is_set()))
    worker = Threads(core)
    worker.start()

    try:
        school.sync(anna)
        assert settled()
        answers = {page: admin.get(page.format(anna)) for page in PAGES}
        answers["test"] = admin.post("/integrations/broken/test", {"limit": "5", "user_types": ["student"]})
        pending = school.pending(anna)
    finally:
        RELEASED.set()
        assert worker.stop()

    assert healthy.service.of(school.key(anna)) is not None
    assert pending == (["broken"] if way.waits else [])
    assert {page: answer.status_code for page, answer in answers.items() if answer.status_code >= 500} == {}
    assert all(answers[page].status_code == 200 for page in PAGES if "/broken" not in page)
    page, words = way.said
    assert words in answers[page].text


def waiting(core: Application, reached: Callable[[], bool]) -> Callable[[], bool]:
    """Return a function that waits until something holds, looking again whenever a moment has passed."""

    def wait() -> bool:
        pause = threading.Event()
        return any(reached() or pause.wait(0.02) for _ in range(PATIENCE * 50))

    return wait
