"""Which numbers a message is paid for, and why the others are refused."""

import pytest

from rolecall_sms.numbers import UnusableError, to_e164


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("6912345678", "GR"), ("691 234 5678", "GR"), ("(691) 234-5678", "GR"), ("+30 691 234 5678", ""), ("0030 691 2345678", "GR"),
        ("٦٩١٢٣٤٥٦٧٨", "GR"), (" +306912345678 ", "DE"),
    ],
)  # fmt: skip
def test_one_number_however_it_is_written(written, region):
    assert to_e164(written, region=region, countries=["GR"]) == "+306912345678"


@pytest.mark.parametrize(
    ("written", "region", "why"),
    [
        ("", "GR", "not a phone number"),
        ("Anna", "GR", "not a phone number"),
        ("6912345678, 6912345679", "GR", "not a phone number"),
        ("6912345678;ext=5", "GR", "not a phone number"),
        ("6912345678x99", "GR", "not a phone number"),
        ("( ) ( )", "GR", "not a phone number"),
        ("6912345678", "", "no country code"),
        ("691234567", "GR", "can be no such"),
        ("+3069", "", "can be no such"),
        ("2101234567", "GR", "not the number of a mobile"),
        ("+4915123456789", "GR", "country that messages are not sent to"),
        # A premium number, and one of a satellite network that belongs to no country.
        ("9011234567", "GR", "not the number of a mobile"),
        ("+881612345678", "GR", "country that messages are not sent to"),
    ],
)
def test_what_no_message_goes_to(written, region, why):
    with pytest.raises(UnusableError, match=why):
        to_e164(written, region=region, countries=["GR"])


def test_a_fixed_line_where_the_institution_allows_it():
    assert to_e164("2101234567", region="GR", countries=["GR"], mobile_only=False) == "+302101234567"
