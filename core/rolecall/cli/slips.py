"""Writes the slips of a run into a file that only its owner can read: ``rolecall runs secrets ID --pdf FILE`` (R28, R45)."""

import os
from pathlib import Path

from rolecall.accounts.actors import Actor
from rolecall.cli.output import plain
from rolecall.errors import Refused
from rolecall.work.application import Application
from rolecall.work.slips.handing import Printed, hand_out_slips


def write_slips(app: Application, actor: Actor, run_id: int, file: Path, *, form: str) -> int:
    """Write a new file, ``form`` is pdf or html, and return how many slips are in it.

    The file is written before the passwords are wiped, and taken away again where they could not be handed out.

    :raises Refused: when the file exists or cannot be written, or there is nothing to hand out.
    """
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"{plain(file)} exists already; nothing was written.", hint="Name another file.") from None
    except OSError as error:
        raise Refused(f"{plain(file)} cannot be written: {error.strerror}.", hint="Name another file.") from None

    def write(printed: Printed) -> int:
        with os.fdopen(opened, "wb", closefd=False) as target:
            target.write(printed.html().encode() if form == "html" else printed.pdf(most=None))
        return len(printed.slips)

    try:
        return hand_out_slips(app, actor, run_id, write, form=form)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(opened)
