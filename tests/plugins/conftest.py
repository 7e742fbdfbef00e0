"""What the tests of every provider have: people to send there, and steps of a plan. The fake, its port and the provider are their own."""

from collections.abc import Callable
from typing import Any

import pytest

from rolecall import AccountSnapshot, Change, PersonSnapshot, Provider, Result, RoleSnapshot, Secret, Verb

MakeAccount = Callable[..., AccountSnapshot]


@pytest.fixture
def options() -> dict[str, Any]:
    """What a test wants of the fake."""
    return {}


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the connection."""
    return {}


@pytest.fixture
def facts() -> Callable[[str], dict[str, Any]]:
    """What an account of this name has besides; a provider that wants other keys or addresses says so."""
    return lambda name: {"key": f"key-{name}", "email": f"{name}@home.example"}


@pytest.fixture
def account(facts: Callable[[str], dict[str, Any]]) -> MakeAccount:
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
            phone=changes.pop("phone", None),
        )
        values = {"type": "student", "username": name, **facts(name), **changes}
        return AccountSnapshot(id=number, person=person, roles=roles, **values)

    return make


@pytest.fixture
def change(provider: Provider) -> Callable[..., Change]:
    """Makes one step of a plan, as the sync would."""

    def make(verb: Verb, account: AccountSnapshot, external_id: str | None = None, **options: Any) -> Change:
        wanted = provider.attributes(account) if verb in (Verb.CREATE, Verb.UPDATE, Verb.RESUME) else {}
        if verb is Verb.CREATE:
            options = {"after": wanted, "password": Secret("Passw0rd!x"), **options}
        return Change(link_id=account.id, verb=verb, account=account, external_id=external_id, wanted=wanted, **options)

    return make


@pytest.fixture
def apply(provider: Provider) -> Callable[..., dict[str, Result]]:
    """Carries changes out and returns the results by user name."""

    def run(*changes: Change) -> dict[str, Result]:
        return {result.change.account.username: result for result in provider.apply(changes)}

    return run


@pytest.fixture
def made(provider: Provider, change: Callable[..., Change]) -> Callable[[AccountSnapshot], str]:
    """Creates an account there and returns its id."""

    def make(account: AccountSnapshot) -> str:
        (result,) = provider.apply([change(Verb.CREATE, account)])
        assert result.error is None, f"{result.error!r}"
        return str(result.external_id)

    return make
