"""A server that takes commands at once (RFC 2920): they come in one go, and no refusal among them sends anything."""

import socket
from threading import Thread

import pytest

from rolecall.errors import Permanent

BEGINNING = b"DATA\r\n"
OFFER = b"250-stub.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class Stub:
    """Answers nothing before it has been asked for everything, and then what it was told to."""

    def __init__(self, *answers):
        self.answers = answers
        self.heard = b""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with self.listening, self.listening.accept()[0] as line:
            line.settimeout(10)
            line.sendall(b"220 ready\r\n")
            line.recv(1000)
            line.sendall(OFFER)
            while not self.heard.endswith(BEGINNING):
                self.heard += line.recv(1000)
            line.sendall("".join(f"{each}\r\n" for each in self.answers).encode())
            while heard := line.recv(100_000):
                self.heard += heard
                if heard.endswith(b"\r\n.\r\n"):
                    line.sendall(b"250 taken\r\n")


@pytest.fixture
def answering():
    """Makes a stub with these answers."""
    made = []

    def make(*answers):
        made.append(Stub(*answers))
        return made[-1]

    yield make
    for each in made:
        each.thread.join()


def test_sender_recipient_and_the_wish_to_send_come_in_one_go(answering, connect, message):
    stub = answering("250 yes", "250 yes", "354 go on")

    (result,) = connect(port=stub.port).send([message()])

    assert result.error is None
    assert stub.heard.startswith(b"MAIL FROM:<office@school.example>\r\nRCPT TO:<anna@home.example>\r\nDATA\r\n")


def test_a_server_that_asks_for_a_message_to_nobody_gets_none(answering, connect, message):
    stub = answering("250 yes", "550 5.1.1 no such user", "354 go on")

    (result,) = connect(port=stub.port).send([message()])

    assert isinstance(result.error, Permanent)
    assert "no such user" in result.error.message
    stub.thread.join()
    assert stub.heard.endswith(BEGINNING), "the line ends before anything was sent that could be a message"
