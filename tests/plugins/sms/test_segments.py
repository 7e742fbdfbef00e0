"""How many parts a text is paid in, compared with what the networks' own encoding comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall_sms.segments import GSM_7, UCS_2, segments

_GSM = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà"
_EXTENDED = "\f^{}\\[~]|€"


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", GSM_7, 1),
        ("a" * 160, GSM_7, 1),
        ("a" * 161, GSM_7, 2),
        ("a" * 306, GSM_7, 2),
        ("a" * 307, GSM_7, 3),
        ("€" * 80, GSM_7, 1),
        ("€" * 81, GSM_7, 2),
        # 76 of two places fill a part but for one place, in which none of them fits.
        ("€" * 153, GSM_7, 3),
        ("ΓΔΘΛΞΠΣΦΨΩ" * 16, GSM_7, 1),
        ("Ζ", UCS_2, 1),
        ("α" * 70, UCS_2, 1),
        ("α" * 71, UCS_2, 2),
        ("α" * 134, UCS_2, 2),
        ("😀" * 35, UCS_2, 1),
        ("😀" * 36, UCS_2, 2),
        ("😀" * 67, UCS_2, 3),
    ],
)
def test_the_edges(text, encoding, parts):
    found = segments(text)

    assert (found.encoding, found.parts) == (encoding, parts)


@given(st.text(st.sampled_from(_GSM + _EXTENDED), max_size=800))
def test_a_text_of_the_gsm_alphabet_takes_as_many_parts_as_its_septets_fill(text):
    septets = sum(2 if each in _EXTENDED else 1 for each in text)

    found = segments(text)

    assert (found.encoding, found.costly) == (GSM_7, "")
    if septets <= 160:
        assert found.parts == 1
    else:
        # At most one place of each part is left empty by a character of two.
        assert -(-septets // 153) <= found.parts <= -(-septets // 152)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300).filter(lambda text: not set(text) <= set(_GSM + _EXTENDED)))
def test_any_other_text_takes_as_many_parts_as_its_utf_16_fills(text):
    found = segments(text)

    if found.encoding == UCS_2:
        units = len(text.encode("utf-16-le")) // 2
        assert set(found.costly) <= set(text)
        assert found.parts == 1 if units <= 70 else -(-units // 67) <= found.parts <= -(-units // 66)
