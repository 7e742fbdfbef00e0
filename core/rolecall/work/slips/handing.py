"""Hands the slips of a run out, once and to its author, as whatever is made of them (R28, R45).

Owns what is read for them besides the run's passwords. A run has slips when it handed passwords out: printing, and every reset.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import provider_passwords, slips
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.slips import Slip
from rolecall.errors import Refused
from rolecall.store.engine import now
from rolecall.store.tables import Period, Run
from rolecall.work.application import Application
from rolecall.work.runs.secrets import HandedOut, hand_out
from rolecall.work.slips import pdf, sheets
from rolecall.work.slips.sheets import Issuer

T = TypeVar("T")

#: Slips of one PDF that somebody waits for at a browser or a program: half a minute and half a gigabyte.
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """The slips of a run, and what is the same on all of them."""

    run_id: int
    slips: Sequence[Slip]
    issuer: Issuer

    def html(self) -> str:
        """A document that needs nothing beside it."""
        return sheets.document(self.slips, self.issuer, title=f"{self.issuer.institution}, {self.run_id}")

    def pdf(self, *, most: int | None = MOST_AT_ONCE) -> bytes:
        """The same document as a PDF.

        :raises Refused: where none can be made, or there are more than ``most``.
        """
        if most is not None and len(self.slips) > most:
            message = f"A PDF of {len(self.slips):,} slips takes too long here; {most:,} is the most."
            hint = f"Print the page instead, or let the operator make it: rolecall runs secrets {self.run_id} --pdf FILE."
            raise Refused(message, hint=hint, code="too-many")
        return pdf.make_pdf(self.html())


def hand_out_slips(app: Application, actor: Actor, run_id: int, make: Callable[[Printed], T], *, form: str) -> T:
    """Let ``make`` turn the slips of a run into what is handed out, wipe the run's passwords, and answer what was made.

    What ``make`` raises leaves everything as it is. ``form`` says in the audit what was made: a page, a file, a PDF.

    :raises Forbidden: when somebody else began the run.
    :raises Refused: when there is nothing to hand out, or it was handed out before.
    """

    def print_them(handed: Sequence[HandedOut]) -> T:
        with app.db.read() as session:
            printed = _print(app, session, run_id, handed)
        return make(printed)

    return hand_out(app, actor, run_id, print_them, form=form)


def _print(app: Application, session: Session, run_id: int, handed: Sequence[HandedOut]) -> Printed:
    labels = {name: plugin.label for name, plugin in app.plugins.installed.items()}
    labels |= {name: provider.label for name, provider in app.plugins.view(session).providers.items()}
    secrets = {each.account_id: each.secret for each in handed}
    action = app.plugins.view(session).actions.get(session.get_one(Run, run_id).action)
    # A run that reset passwords here hands out those and no others.
    elsewhere = provider_passwords.kept(session, app.keyring, secrets) if action is not None and action.prints else {}
    made = slips.slips(session, app.keyring, secrets, labels=labels, now=now(session), elsewhere=elsewhere)
    chosen = core_settings(session)
    issuer = Issuer(
        institution=chosen["institution_name"] or "Rolecall",
        address=app.config.base_url,
        period=session.scalar(select(Period.name).where(Period.is_current)),
        time_zone=chosen["time_zone"],
        language=chosen["default_language"],
    )
    return Printed(run_id=run_id, slips=made, issuer=issuer)
