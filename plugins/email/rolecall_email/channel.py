"""Sends messages through a mail server: one mail to one person, several after each other on one line (R40)."""

from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from importlib import resources
from typing import Any, ClassVar

from rolecall import Channel, CheckLine, Message, SendResult
from rolecall.errors import Ambiguous, Permanent, ProviderError, Transient
from rolecall.sdk import mime, smtp
from rolecall.sdk.smtp import Line, LostError, SignInRefused
from rolecall_email import settings
from rolecall_email.tokens import Tokens


class EmailChannel(Channel):
    """One mail server."""

    id: ClassVar[str] = "email"
    label: ClassVar[str] = "E-mail"
    guide: ClassVar[str] = resources.files("rolecall_email").joinpath("guide.md").read_text(encoding="utf-8")
    address: ClassVar[str] = "email"
    #: Exchange Online takes messages on at most three lines of one sender at once, and a line may be tested meanwhile.
    concurrency: ClassVar[int] = 2

    def __init__(self, settings: Mapping[str, Any], network: Any) -> None:
        super().__init__(settings, network)
        self._tokens = Tokens(settings, network.http) if settings["sign_in"] == "oauth" else None

    @classmethod
    def from_url(cls, url: str) -> Mapping[str, Any]:
        """Read ``smtp://user:password@host:port?starttls=1``."""
        return settings.from_url(url)

    def check(self) -> Iterable[CheckLine]:
        """Reach the server, encrypt the line, sign in; no message is sent."""
        host = str(self.settings["host"])
        token = self._tokens.get() if self._tokens else None
        if token is not None:
            yield CheckLine(label="Get a token", ok=True)
        with self.network.tcp.call():
            opened = smtp.connect(self.network.tcp, self.settings, name="rolecall")
            lines = [CheckLine(label="Reach the server", ok=True, detail=f"{host} takes messages. {_encrypted(self.settings)}")]
            try:
                lines.append(self._try_sign_in(opened, host, token))
            finally:
                opened.close()
        yield from lines

    def _try_sign_in(self, opened: Any, host: str, token: str | None) -> CheckLine:
        if not self.settings["username"]:
            return CheckLine(label="Sign in", ok=True, detail="No user name is set, so messages are given over without a sign-in.")
        try:
            smtp.sign_in(opened, host, str(self.settings["username"]), password=str(self.settings["password"] or ""), token=token)
        except ProviderError as error:
            return CheckLine(label="Sign in", ok=False, detail=error.message, fix=error.hint)
        return CheckLine(label="Sign in", ok=True)

    def send(self, messages: Iterable[Message]) -> Iterator[SendResult]:
        """Send each message by itself; what a recipient's server refuses concerns nobody else, what the server itself lacks is raised."""
        opened: Line | None = None
        try:
            for message in messages:
                try:
                    mail = mime.build(message, date=formatdate())
                except Permanent as error:
                    yield SendResult(message=message, error=error)
                    continue
                with self.network.tcp.call():
                    opened, refused = self._hand_over(opened, *mail)
                yield SendResult(message=message, error=refused, reference=None if refused else message.message_id)
        finally:
            if opened is not None:
                opened.close()

    def _hand_over(self, opened: Line | None, sender: str, recipient: str, mail: bytes) -> tuple[Line, ProviderError | None]:
        """Hand one mail over on the line that is open, or on a new one where that broke before the mail was on its way."""
        if opened is not None and opened.is_open:
            try:
                return opened, _refusal(opened, sender, recipient, mail)
            except LostError:
                opened.close()
        fresh = self._open(sender)
        try:
            return fresh, _refusal(fresh, sender, recipient, mail)
        except LostError:
            raise Transient(f"{self.settings['host']} broke the connection before it took a message.") from None
        except ProviderError:
            fresh.close()
            raise

    def _open(self, sender: str) -> Line:
        kept = self._tokens.kept() if self._tokens else None
        try:
            opened = self._signed_in(sender)
        except SignInRefused:
            if kept is None or self._tokens is None:
                raise
            # Whoever gives tokens out may take them back; a new one tells whether it is that.
            self._tokens.forget(kept)
            opened = self._signed_in(sender)
        return Line(opened, str(self.settings["host"]))

    def _signed_in(self, sender: str) -> Any:
        token = self._tokens.get() if self._tokens else None
        opened = smtp.connect(self.network.tcp, self.settings, name=sender.rpartition("@")[2])
        if self.settings["username"]:
            host, username, password = (str(self.settings[name] or "") for name in ("host", "username", "password"))
            smtp.sign_in(opened, host, username, password=password, token=token)
        return opened


def _refusal(opened: Line, sender: str, recipient: str, mail: bytes) -> ProviderError | None:
    """Hand a mail over and return what is wrong with it; what is wrong with us or the line is raised."""
    try:
        opened.hand_over(sender, recipient, mail)
    except (Permanent, Transient, Ambiguous) as error:
        return error
    return None


def _encrypted(settings: Mapping[str, Any]) -> str:
    return "The line is not encrypted." if settings["security"] == "none" else "The line is encrypted."
