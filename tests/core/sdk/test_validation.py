"""A validator may say which fields it looks at."""

import pytest

from rolecall import validates
from rolecall.sdk.validation import validated


def test_a_validator_that_says_nothing_looks_at_every_field():
    def validate_accounts(changes):
        return []

    assert {"username", "roles", "deleted", "person.first_name"} <= validated(validate_accounts)


def test_a_validator_looks_at_the_fields_it_names():
    @validates("username", "person.last_name")
    def validate_accounts(changes):
        return []

    assert validated(validate_accounts) == {"username", "person.last_name"}


def test_a_field_that_no_account_has_is_refused():
    with pytest.raises(ValueError, match="no field called nickname"):
        validates("username", "nickname")
