"""Access tokens: used while they last, and exchanged when they end or are taken back."""

import json

import pytest

from rolecall.errors import Misconfigured
from rolecall.testing.wire import Wire


class Giver:
    """Gives out the tokens that it is told to, one after the other, then the last one for ever."""

    def __init__(self, *tokens, lasts=3600):
        self.tokens, self.lasts = list(tokens), lasts

    def __call__(self, environ, start_response):
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"access_token": token, "expires_in": self.lasts}).encode()]


@pytest.fixture
def options():
    return {"auth_require_tls": False}


@pytest.fixture
def channel_with(connect):
    """Makes a channel that gets its tokens on a wire."""
    return lambda wire: connect(sign_in="oauth", username="school", oauth_url=f"{wire.url}/token", client_id="app", client_secret="s")


def errors(results):
    return [each.error for each in results]


def test_a_token_is_used_while_it_lasts(channel_with, message, mailboxes):
    with Wire(Giver("good-token")) as wire:
        channel = channel_with(wire)

        assert errors(channel.send([message()])) == errors(channel.send([message()])) == [None]

        assert len(wire.journal) == 1


def test_one_that_is_about_to_end_is_exchanged_before_the_next_line(channel_with, message, mailboxes):
    with Wire(Giver("good-token", lasts=59)) as wire:
        channel = channel_with(wire)

        assert errors(channel.send([message()])) == errors(channel.send([message()])) == [None]

        assert len(wire.journal) == 2


def test_one_that_was_taken_back_is_exchanged_once(channel_with, message, mailboxes):
    with Wire(Giver("good-token", "better-token")) as wire:
        channel = channel_with(wire)
        list(channel.send([message()]))
        mailboxes.good_token = "better-token"

        assert errors(channel.send([message()])) == [None]

        assert len(wire.journal) == 2
        assert len(mailboxes.mails) == 2


def test_when_the_new_one_is_refused_too_the_channel_stops(channel_with, message, mailboxes):
    with Wire(Giver("good-token", "other-token")) as wire:
        channel = channel_with(wire)
        list(channel.send([message()]))
        mailboxes.good_token = "better-token"

        with pytest.raises(Misconfigured, match="refuses the sign-in") as refused:
            list(channel.send([message()]))

        assert len(wire.journal) == 2
        assert "token" not in str(refused.value).replace("XOAUTH2", "")


def test_a_new_one_that_is_refused_is_not_exchanged_at_once(channel_with, message, mailboxes):
    mailboxes.good_token = "better-token"
    with Wire(Giver("good-token")) as wire:
        with pytest.raises(Misconfigured):
            list(channel_with(wire).send([message()]))

        assert len(wire.journal) == 1
