"""A pretended Moodle on a real port, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rolecall import AccountSnapshot, Change, PersonSnapshot, Result, RoleSnapshot, Secret, Verb
from rolecall.testing.wire import Wire
from rolecall_moodle.fake import FakeMoodle, create_app
from rolecall_moodle.provider import MoodleProvider

MakeAccount = Callable[..., AccountSnapshot]


@pytest.fixture
def moodle() -> FakeMoodle:
    """An empty site."""
    return create_app("http://127.0.0.1")


@pytest.fixture
def wire(moodle: FakeMoodle) -> Iterator[Wire]:
    """The site on a port."""
    with Wire(moodle, deadline=2) as wire:
        moodle.site.base_url = wire.url
        yield wire


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides address and token."""
    return {}


@pytest.fixture
def provider(moodle: FakeMoodle, wire: Wire, settings: dict[str, Any]) -> MoodleProvider:
    """The provider, connected to the site."""
    return MoodleProvider({**moodle.settings, **settings}, wire.http)


@pytest.fixture
def account() -> MakeAccount:
    """Makes accounts: the name decides everything that is not said."""
    numbers = iter(range(1, 10_000))

    def make(name: str = "anna", *, roles: tuple[RoleSnapshot, ...] = (), **changes: Any) -> AccountSnapshot:
        number = next(numbers)
        person = PersonSnapshot(
            id=number,
            list="students",
            code=f"S{number}",
            first_name=changes.pop("first_name", name.title()),
            last_name=changes.pop("last_name", "Lab"),
            language=changes.pop("language", None),
        )
        values = {"key": f"key-{name}", "type": "student", "username": name, "email": f"{name}@school.example", **changes}
        return AccountSnapshot(id=number, person=person, roles=roles, **values)

    return make


@pytest.fixture
def change(provider: MoodleProvider) -> Callable[..., Change]:
    """Makes one step of a plan, as the sync would."""

    def make(verb: Verb, account: AccountSnapshot, external_id: str | None = None, **options: Any) -> Change:
        wanted = provider.attributes(account)
        if verb is Verb.CREATE:
            options = {"after": wanted, "password": Secret("Passw0rd!x"), **options}
        return Change(link_id=account.id, verb=verb, account=account, external_id=external_id, wanted=wanted, **options)

    return make


@pytest.fixture
def apply(provider: MoodleProvider) -> Callable[..., dict[str, Result]]:
    """Carries changes out and returns the results by user name."""

    def run(*changes: Change) -> dict[str, Result]:
        return {result.change.account.username: result for result in provider.apply(changes)}

    return run


@pytest.fixture
def calls(moodle: FakeMoodle) -> Callable[[], list[str]]:
    """The functions that were called, without their common beginning."""
    return lambda: [entry["function"].removeprefix("core_") for entry in moodle.journal]
