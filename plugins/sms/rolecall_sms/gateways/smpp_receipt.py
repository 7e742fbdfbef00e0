"""What a message centre says in a delivery receipt (SMPP 3.4, appendix B): of which message, and what became of it. Pure."""

import re
from dataclasses import dataclass
from typing import Any

_FIELD = re.compile(r"(?<!\w)(id|stat|err):\s*(\S*)", re.IGNORECASE)
_WORDS = re.compile(r"\btext:", re.IGNORECASE)
#: States of the standard, as words and as numbers; all others are still on their way.
ARRIVED = "DELIVRD"
LOST = {
    "EXPIRED": "nobody switched the phone on in time",
    "DELETED": "it was deleted there",
    "UNDELIV": "it could not be delivered",
    "REJECTD": "the network refused it",
}
_NUMBERS = {2: ARRIVED, 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one part: the centre's id for it as it stands here, the ``state`` in the standard's words, the network's ``error``."""

    reference: str
    state: str
    error: str = ""

    @property
    def reason(self) -> str:
        """Why it will not arrive, for people."""
        code = f" (error {self.error})" if self.error.strip("0") else ""
        return f"The message centre says that {LOST.get(self.state, 'it was lost')}{code}."


def receipt_of(told: Any) -> Receipt | None:
    """Read a receipt out of a ``deliver_sm``: its optional parameters stand above its text; none when it says of no message."""
    # At the end stand the first words of the message, which say nothing about it.
    head = _WORDS.split(_text(told.short_message), maxsplit=1)[0]
    fields = {name.lower(): value for name, value in _FIELD.findall(head)}
    number = getattr(told, "message_state", None)
    reference = _text(getattr(told, "receipted_message_id", None)) or fields.get("id", "")
    state = _NUMBERS.get(number) if isinstance(number, int) and number in _NUMBERS else fields.get("stat", "").upper()[:7]
    if not reference or not state:
        return None
    return Receipt(reference=reference, state=state, error=fields.get("err", ""))


def canonical(reference: str, ids: str) -> str:
    """Write a centre's id in a receipt as it was in the answer: centres that count in hexadecimal there may report in decimal, or reversed.

    :param ids: ``same``, ``decimal`` or ``hexadecimal``: how receipts write what the answer wrote the other way.
    """
    try:
        if ids == "decimal":
            return f"{int(reference):X}"
        if ids == "hexadecimal":
            return str(int(reference, 16))
    except ValueError:
        pass
    return reference


def answered(reference: str, ids: str) -> str:
    """Write the id of an answer so that :func:`canonical` of its receipt is the same."""
    if ids != "decimal":
        return reference
    return reference.upper().lstrip("0") or "0"


def _text(value: object) -> str:
    return value.decode("latin-1").rstrip("\0") if isinstance(value, bytes) else str(value or "")
