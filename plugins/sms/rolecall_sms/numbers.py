"""From what stands in a person's record to the number that a message is paid for: E.164, a mobile, of a country that is allowed (T-13).

Owns the sentences that say why a number cannot be used. Knows nothing of gateways.
"""

import re
from collections.abc import Collection

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

#: What people write between digits. Anything else is no number, or more than one.
_WRITTEN = re.compile(r"\+?[\d ()./\u00a0\u2010\u2011\u2013-]{3,40}")
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
#: Regions of which the library knows numbers.
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


class UnusableError(ValueError):
    """No message can be sent to a number; its text says why, for a person."""


def to_e164(written: str, *, region: str, countries: Collection[str], mobile_only: bool = True) -> str:
    """Return a number as gateways want it, such as ``+306912345678``.

    :param region: the country of numbers that are written without one; empty for none.
    :param countries: the countries that messages may go to.
    :raises UnusableError: when it is no valid number, none of a mobile, or of another country.
    """
    if not _WRITTEN.fullmatch(written.strip()):
        raise UnusableError("It is not a phone number.")
    try:
        number = phonenumbers.parse(written, region or None)
    except NumberParseException as wrong:
        if wrong.error_type == NumberParseException.INVALID_COUNTRY_CODE and not region:
            raise UnusableError("It has no country code, and the institution has set no phone region.") from None
        raise UnusableError("It is not a phone number.") from None
    if not phonenumbers.is_valid_number(number):
        raise UnusableError("There can be no such phone number.")
    country = phonenumbers.region_code_for_number(number)
    if country not in countries:
        raise UnusableError(f"It is a number of a country that messages are not sent to ({country or 'none'}).")
    if mobile_only and phonenumbers.number_type(number) not in _MOBILE:
        raise UnusableError("It is not the number of a mobile phone.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
