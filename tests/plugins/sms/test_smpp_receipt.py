"""What stands in a receipt of a message centre, and by which name it calls the message."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall_sms.gateways.smpp_receipt import Receipt, answered, canonical, receipt_of


def told(text=b"", **optional):
    return SimpleNamespace(short_message=text, **{"receipted_message_id": None, "message_state": None, **optional})


@pytest.mark.parametrize(
    ("pdu", "found"),
    [
        (told(b"id:1A2B sub:001 dlvrd:001 stat:DELIVRD err:000 text:id:9 stat:REJECTD"), ("1A2B", "DELIVRD", "000")),
        (told(b"ID:1 STAT:undeliv ERR:027"), ("1", "UNDELIV", "027")),
        (told(b"id:1 stat:DELIVRD", receipted_message_id=b"7\0", message_state=5), ("7", "UNDELIV", "")),
        (told(b"", receipted_message_id="7", message_state=3), ("7", "EXPIRED", "")),
        (told(b"id:1 stat:ENROUTE", message_state=1), ("1", "ENROUTE", "")),
        (told(b"Hello"), None),
        (told(None, message_state=2), None),
    ],
)
def test_what_a_centre_says(pdu, found):
    receipt = receipt_of(pdu)

    assert (receipt and (receipt.reference, receipt.state, receipt.error)) == found


def test_reasons_for_people():
    assert Receipt(reference="1", state="REJECTD", error="000").reason == "The message centre says that the network refused it."
    assert "it was lost (error 9)" in Receipt(reference="1", state="ODD", error="9").reason


@given(number=st.integers(0, 2**64))
def test_the_name_in_a_receipt_is_that_of_the_answer_however_either_is_written(number):
    assert canonical(str(number), "decimal") == answered(f"{number:08x}", "decimal")
    assert canonical(f"{number:x}", "hexadecimal") == answered(str(number), "hexadecimal")
    assert canonical(f"{number:x}", "same") == answered(f"{number:x}", "same")


def test_a_name_that_is_no_number_stays_as_it_is():
    assert canonical("m-1", "decimal") == canonical("m-1", "hexadecimal") == "m-1"
