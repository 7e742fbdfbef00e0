"""What every login method must do. Inherit, name the plugin, say how somebody walks through the service, run pytest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from rolecall.errors import NotProved, ProviderError
from rolecall.plugins.registry import Registry
from rolecall.sdk.login import ExternalIdentity, LoginMethod
from rolecall.testing.wire import Wire

CALLBACK = "https://rolecall.example/login/method/callback"


class LoginContract:
    """The questions to every login method::

    class TestBadge(LoginContract):
        plugin = "badge"

        def make_service(self) -> BadgeService: ...     # a WSGI application
        def settings(self, url: str) -> dict: ...       # the plugin's settings, for the service at this address
        def walk(self, url: str) -> dict: ...           # what the browser brings back from there
    """

    #: The name of the plugin's entry point.
    plugin: ClassVar[str]

    def make_service(self) -> Any:
        """Return the service, as a WSGI application."""
        raise NotImplementedError

    def settings(self, url: str) -> Mapping[str, Any]:
        """Return the plugin's settings for the service at an address."""
        raise NotImplementedError

    def walk(self, url: str) -> dict[str, str]:
        """Do what a browser does with somebody who agrees, and return what it brings back."""
        raise NotImplementedError

    def give_up(self, args: Mapping[str, str]) -> dict[str, str]:
        """Return what the browser would have brought back, had its owner not agreed."""
        return {**args, "error": "access_denied"}

    @pytest.fixture
    def kind(self) -> type[LoginMethod]:
        """The method's class."""
        return Registry(strict=True).installed[self.plugin].login_methods[self.plugin]

    @pytest.fixture
    def wire(self) -> Iterator[Wire]:
        """The service on a port."""
        with Wire(self.make_service(), deadline=1.0) as wire:
            yield wire

    @pytest.fixture
    def method(self, kind: type[LoginMethod], wire: Wire) -> LoginMethod:
        """The method, set up for the service."""
        return kind(self.settings(wire.url), wire.http)

    def test_it_is_ready_with_its_settings_and_not_without(self, kind: type[LoginMethod], wire: Wire) -> None:
        assert kind.is_ready(self.settings(wire.url))
        assert not kind.is_ready(dict.fromkeys(self.settings(wire.url))), "with nothing set the sign-in page would offer it"

    def test_its_issuer_needs_no_secret(self, kind: type[LoginMethod], method: LoginMethod, wire: Wire) -> None:
        plain = {name: None if "secret" in name else value for name, value in self.settings(wire.url).items()}

        assert kind.issuer_of(plain) == method.issuer
        assert not wire.journal, "the issuer is known without asking"

    def test_whoever_walks_through_is_somebody_of_this_issuer(self, method: LoginMethod) -> None:
        found = self._sign_in(method)

        assert isinstance(found, ExternalIdentity)
        assert found.issuer == method.issuer
        assert 0 < len(found.subject) <= 255
        assert found.email_verified in (True, False)
        assert method.button.strip()

    def test_the_same_person_is_the_same_twice(self, method: LoginMethod) -> None:
        first, second = self._sign_in(method), self._sign_in(method)

        assert (first.issuer, first.subject) == (second.issuer, second.subject)

    def test_the_way_there_brings_the_state_along_and_what_is_remembered_is_text(self, method: LoginMethod) -> None:
        departure = method.begin(CALLBACK, "the-state")

        assert urlsplit(departure.url).scheme in ("http", "https")
        assert "the-state" in str(parse_qs(urlsplit(departure.url).query))
        assert all(isinstance(each, str) for each in (*departure.remembered, *departure.remembered.values()))

    def test_a_fresh_proof_can_be_asked_for(self, method: LoginMethod) -> None:
        assert self._sign_in(method, fresh=True).subject == self._sign_in(method).subject

    def test_what_answers_another_attempt_proves_nobody(self, method: LoginMethod) -> None:
        one, other = method.begin(CALLBACK, "one"), method.begin(CALLBACK, "other")

        with pytest.raises(NotProved):
            method.complete(self.walk(other.url), CALLBACK, one.remembered)

    @pytest.mark.parametrize("change", ["nothing", "empty", "given up", "rubbish"])
    def test_what_is_no_answer_proves_nobody(self, method: LoginMethod, change: str) -> None:
        departure = method.begin(CALLBACK, "state")
        args = self.walk(departure.url)
        changed: dict[str, Callable[[str], str]] = {"empty": lambda _: "", "rubbish": lambda value: f"{value}\0{value[::-1]}"}
        if change == "nothing":
            args = {}
        elif change == "given up":
            args = self.give_up(args)
        else:
            args = {name: changed[change](value) for name, value in args.items()}

        with pytest.raises(NotProved):
            method.complete(args, CALLBACK, departure.remembered)

    def test_an_outage_is_an_error_of_the_service_and_not_of_the_person(self, kind: type[LoginMethod], wire: Wire) -> None:
        departure = kind(self.settings(wire.url), wire.http).begin(CALLBACK, "state")
        args = self.walk(departure.url)
        if not wire.journal:
            return  # it asks nobody: what the browser brings is all there is
        for break_it in (wire.drop, wire.fail, wire.garbage):
            fresh = kind(self.settings(wire.url), wire.http)
            break_it(next=None)
            with pytest.raises(ProviderError):
                fresh.complete(args, CALLBACK, departure.remembered)
            wire.mend()

    def test_the_connection_is_checked_line_by_line(self, method: LoginMethod) -> None:
        lines = list(method.check(CALLBACK))

        assert lines, "check() tries nothing"
        assert [line for line in lines if line.required and not line.ok] == []
        assert all(line.label.strip() for line in lines)

    def test_an_outage_is_a_line_of_the_check_that_says_what_to_do(self, kind: type[LoginMethod], wire: Wire) -> None:
        wire.drop(next=None)

        lines = list(kind(self.settings(wire.url), wire.http).check(CALLBACK))

        wrong = [line for line in lines if line.required and not line.ok]
        assert wrong, "nothing was wrong while the service was out"
        assert all(line.detail.strip() and line.fix.strip() for line in wrong)

    def test_no_address_is_spoken_for_without_a_setting(self, kind: type[LoginMethod], wire: Wire) -> None:
        plain = {name: value for name, value in self.settings(wire.url).items() if "domain" not in name}

        assert kind(plain, wire.http).speaks_for("anna@school.example") is False

    def _sign_in(self, method: LoginMethod, *, fresh: bool = False) -> ExternalIdentity:
        departure = method.begin(CALLBACK, "state", fresh=fresh)
        return method.complete(self.walk(departure.url), CALLBACK, departure.remembered)
