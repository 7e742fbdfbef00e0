"""What Canvas refuses: one account is blocked, or everything stops, and nobody is taken for gone."""

import pytest

from rolecall import Verb
from rolecall.errors import Misconfigured, NotFound, Permanent, Transient
from rolecall_canvas.provider import CanvasProvider


def test_a_password_that_canvas_refuses_blocks_the_account_with_what_it_said(apply, change, account, canvas) -> None:
    body = {"errors": {"pseudonym": {"password": [{"attribute": "password", "type": "too_short", "message": "is too short"}]}}}
    canvas.fail(400, body=body, match=lambda method, path: method == "POST")

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Permanent)
    assert "password: is too short" in error.message


class TestCanvasThatWantsTermsAccepted:
    @pytest.fixture
    def options(self):
        return {"wants_terms": True}

    def test_strict_checks_that_nobody_can_pass_are_a_matter_of_settings(self, apply, change, account, canvas, wire) -> None:
        error = apply(change(Verb.CREATE, account()))["anna"].error

        assert isinstance(error, Misconfigured)
        assert "strictly" in error.hint
        lenient = CanvasProvider({**canvas.settings, "force_validations": False}, wire.http)
        assert [result.error for result in lenient.apply([change(Verb.CREATE, account())])] == [None]


def test_a_user_made_without_our_key_for_lack_of_a_permission_stops_everything(apply, change, account, canvas) -> None:
    canvas.permissions -= {"manage_sis"}

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "berta")))

    assert all(isinstance(result.error, Misconfigured) and "SIS id" in result.error.message for result in results.values())
    assert list(canvas.users) == ["anna"]


class TestCanvasThatHidesTheGone:
    @pytest.fixture
    def options(self):
        return {"hides_the_gone": True}

    def test_not_permitted_about_a_user_who_is_gone_is_not_found(self, made, account, provider) -> None:
        number = made(account())
        provider.delete(number)

        for call in (lambda: provider.suspend(number), lambda: provider.update(number, {"unique_id": "x"})):
            with pytest.raises(NotFound):
                call()


def test_a_user_above_the_tokens_is_blocked_alone(canvas, provider) -> None:
    number = canvas.add_user("head")
    canvas.state.protected.add(int(number))

    with pytest.raises(Permanent, match="protects"):
        provider.suspend(number)


def test_a_permission_that_is_missing_altogether_is_a_matter_of_settings(made, account, provider, canvas) -> None:
    number = made(account())
    canvas.permissions = frozenset()

    with pytest.raises(Misconfigured):
        provider.suspend(number)


def test_after_a_refused_token_nobody_else_is_tried(canvas, wire, account, change) -> None:
    provider = CanvasProvider({**canvas.settings, "token": "1~another-token-of-nobody"}, wire.http)

    results = list(provider.apply([change(Verb.CREATE, account(name)) for name in ("anna", "berta", "carla")]))

    assert [type(result.error) for result in results] == [type(results[0].error)] * 3
    assert isinstance(results[0].error, Misconfigured)
    assert len(canvas.journal) == 1


def test_one_bad_account_does_not_stop_the_others(apply, account, change) -> None:
    results = apply(*(change(Verb.CREATE, each) for each in (account("anna", first_name="x" * 300), account("berta"))))

    assert isinstance(results["anna"].error, Permanent)
    assert results["berta"].error is None


@pytest.mark.parametrize("status", [403, 429])
def test_too_many_calls_are_no_missing_permission(canvas, apply, account, change, status) -> None:
    canvas.throttle(status, next=None)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "berta")))

    assert all(isinstance(result.error, Transient) and result.error.retry_after.total_seconds() == 10 for result in results.values())
    assert len(canvas.journal) == 1
