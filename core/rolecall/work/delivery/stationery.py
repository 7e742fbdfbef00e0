"""What all messages of one claim are made with: the enabled plugins, the institution's settings and texts, and who sends for whom.

Read once for a claim, and anew when plugins or settings change meanwhile (R69), so that a message costs no question whose answer the one
before it had.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts import message_texts, senders
from rolecall.accounts.core_settings import core_settings
from rolecall.plugins.registry import View
from rolecall.sdk.template import TemplateKind, TemplateText, chosen_language


class Stationery:
    """What was read, and what is added to it when it is first asked for. Of one worker."""

    def __init__(self, session: Session, view: View) -> None:
        self.view = view
        self.settings: Mapping[str, Any] = core_settings(session)
        #: What providers and other services that sign people in are called, by id.
        self.labels = {each: found.label for known in (view.login_methods, view.providers) for each, found in known.items()}
        self._texts: dict[str, Mapping[str, TemplateText]] = {}
        self._senders: dict[int, str | None] = {}

    @property
    def region(self) -> str:
        """The country of phone numbers that are written without one."""
        return str(self.settings["phone_region"])

    def text(self, session: Session, kind: TemplateKind, wanted: str | None) -> tuple[str, TemplateText]:
        """Return the text that somebody reads with its language: theirs, the institution's, or English."""
        if kind.id not in self._texts:
            self._texts[kind.id] = message_texts.counting(session, kind)
        available = self._texts[kind.id]
        language = chosen_language(wanted, str(self.settings["default_language"]), available)
        return language, available[language]

    def sender_of_run(self, session: Session, run_id: int | None) -> str | None:
        """Return the address of whoever began a run, if it is one that the institution sends from."""
        if run_id is None:
            return None
        if run_id not in self._senders:
            self._senders[run_id] = senders.of_run(session, run_id, self.settings["sender_addresses"])
        return self._senders[run_id]
