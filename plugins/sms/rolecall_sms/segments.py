"""How many parts a text is sent and paid in, and what each holds: GSM 7-bit with 160 characters (153 a part), or UCS-2 with 70 (67). Pure.

The alphabets are those of 3GPP TS 23.038. Knows nothing of gateways.
"""

from dataclasses import dataclass

#: By their numbers; at 27 stands what announces a character of the extension.
_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_BASIC = {character: number for number, character in enumerate(_ALPHABET) if number != _ESCAPE}
#: Each of these takes two places.
_EXTENDED = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip
GSM_7, UCS_2 = "GSM-7", "UCS-2"
#: Places in a message of one part, and in each part of a longer one.
_ALONE = {GSM_7: 160, UCS_2: 70}
_PART = {GSM_7: 153, UCS_2: 67}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """How a text is sent. ``costly`` are its characters for which it takes UCS-2, in their order, each once."""

    encoding: str
    parts: int
    costly: str = ""


def segments(text: str) -> Segments:
    """Return the encoding of a text and the number of parts; what takes two places is never torn over two parts."""
    costly = "".join(dict.fromkeys(each for each in text if each not in _BASIC and each not in _EXTENDED))
    encoding = UCS_2 if costly else GSM_7
    return Segments(encoding=encoding, parts=len(_split(text, encoding)), costly=costly)


def encoded(text: str) -> tuple[str, list[bytes]]:
    """Return the encoding of a text and what its parts hold: a byte for each place of the GSM alphabet, or big-endian UTF-16."""
    encoding = segments(text).encoding
    return encoding, [_gsm_7(each) if encoding == GSM_7 else each.encode("utf-16-be") for each in _split(text, encoding)]


def _split(text: str, encoding: str) -> list[str]:
    places = [_places(each, encoding) for each in text]
    if sum(places) <= _ALONE[encoding]:
        return [text]
    begins, used = [0], 0
    for index, each in enumerate(places):
        if used + each > _PART[encoding]:
            begins.append(index)
            used = 0
        used += each
    return [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]


def _places(character: str, encoding: str) -> int:
    """Places that a character takes: an extended one two, and in UCS-2 whatever lies beyond the basic plane."""
    return 2 if (character in _EXTENDED if encoding == GSM_7 else ord(character) > 0xFFFF) else 1


def _gsm_7(text: str) -> bytes:
    return b"".join(bytes((_BASIC[each],)) if each in _BASIC else bytes((_ESCAPE, _EXTENDED[each])) for each in text)
