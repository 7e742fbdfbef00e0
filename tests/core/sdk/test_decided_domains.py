"""Whose addresses a service decides about: by whole domains, in any case, and none unless somebody says so (R66, F-02)."""

import pytest
from marshmallow import Schema, ValidationError

from rolecall.sdk.decided_domains import DecidedDomains, decides_about


class Settings(Schema):
    authoritative_domains = DecidedDomains(whoever="Whoever comes", risk="Whoever runs it gets in.")


@pytest.mark.parametrize(
    ("domains", "address", "decides"),
    [
        ([], "anna@school.example", False),
        (None, "anna@school.example", False),
        (["school.example"], "anna@school.example", True),
        ([" School.Example "], " Anna@SCHOOL.example ", True),
        (["school.example"], "anna@evil-school.example", False),
        (["school.example"], "anna@sub.school.example", False),
        (["school.example"], "anna@school.example@evil.example", False),
        (["school.example"], "@school.example", False),
        (["school.example"], "school.example", False),
    ],
)
def test_only_addresses_of_the_domains_themselves(domains: list[str] | None, address: str, decides: bool) -> None:
    assert decides_about({"authoritative_domains": domains}, address) is decides


def test_nobody_is_linked_by_an_address_unless_somebody_says_so() -> None:
    assert Settings().load({}) == {"authoritative_domains": []}


@pytest.mark.parametrize("line", ["school", "*.example", "a@school.example", "https://school.example", "-a.example"])
def test_what_is_no_domain_is_refused(line: str) -> None:
    with pytest.raises(ValidationError, match="is no domain"):
        Settings().load({"authoritative_domains": [line]})
