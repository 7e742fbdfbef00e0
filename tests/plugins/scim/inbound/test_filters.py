"""Filters find what the standard says, whatever they are made of; what cannot be asked is refused (RFC 7644 §3.4.2.2)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import Context, ScimFilter

from rolecall_scim.inbound.models import POLICY
from rolecall_scim.inbound.users import Person

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PEOPLE = (
    {"user_name": "alice", "displayName": "Alice", "externalId": "X1", "preferredLanguage": "el",
     "emails": [{"value": "alice@home.example", "type": "home", "primary": False}], ENTERPRISE: {"employeeNumber": "100"}},
    {"user_name": "Bob", "externalId": "x1", "active": False, "emails": [{"value": "bob@work.example", "type": "work", "primary": True}],
     "userType": "Pupil"},
    {"user_name": "dave_%", "family": "smith", "displayName": "50% off", "preferredLanguage": "Modern Greek",
     "phoneNumbers": [{"value": "+30 690", "type": "mobile", "primary": True}]},
)  # fmt: skip
_TEXTS = ["userName", "displayName", "externalId", "userType", "preferredLanguage", "name.familyName", "name.givenName", "emails.value",
          "emails.type", "emails", "phoneNumbers.value", "phoneNumbers.type", f"{ENTERPRISE}:employeeNumber", "id"]  # fmt: skip
_VALUES = ["alice", "ALICE", "bob", "X1", "x1", "el", "work", "home", "mobile", "alice@home.example", "_%", "%", "50", "100", "pupil",
           "Berg", "b", ""]  # fmt: skip

texts = st.builds(
    lambda a, o, v: f'{a} {o} "{v}"',
    st.sampled_from(_TEXTS),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]),
    st.sampled_from(_VALUES),
)
flags = st.builds(
    lambda a, o, v: f"{a} {o} {v}",
    st.sampled_from(["active", "emails.primary"]),
    st.sampled_from(["eq", "ne"]),
    st.sampled_from(["true", "false"]),
)
present = st.builds(lambda a: f"{a} pr", st.sampled_from([*_TEXTS, "active", "name", "phoneNumbers", "meta", "meta.created", "schemas"]))
times = st.builds(
    lambda a, o, v: f'meta.{a} {o} "{v}"',
    st.sampled_from(["created", "lastModified"]),
    st.sampled_from(["gt", "le", "ne"]),
    st.sampled_from(["2000-01-01T00:00:00Z", "2100-01-01T00:00:00+02:00"]),
)
empty = st.builds(lambda a, o: f"{a} {o} null", st.sampled_from(_TEXTS), st.sampled_from(["eq", "ne"]))
inside = st.builds(
    lambda t, o, v: f'emails[type {t} "work" {o} value co "{v}"]',
    st.sampled_from(["eq", "ne"]),
    st.sampled_from(["and", "or"]),
    st.sampled_from(_VALUES),
)
others = st.sampled_from(["emails[primary eq true]", 'emails[not (type eq "work")]', "emails[type pr]"])
filters = st.recursive(
    st.one_of(texts, flags, present, times, empty, inside, others),
    lambda inner: st.one_of(
        st.builds(lambda a, o, b: f"({a}) {o} ({b})", inner, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda a: f"not ({a})", inner),
    ),
    max_leaves=4,
)


@pytest.fixture
def three(directory):
    """Three quite different people, as resources."""
    for each in PEOPLE:
        facts = dict(each)
        directory.add(facts.pop("user_name"), family=facts.pop("family", "Berg"), **facts)
    found = directory.read("/Users")["Resources"]
    with POLICY:
        return [Person.model_validate(each, scim_ctx=Context.RESOURCE_QUERY_RESPONSE) for each in found]


@given(filter=filters)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tables_find_what_the_protocols_library_finds(directory, three, filter):
    expected = [each.user_name for each in three if ScimFilter[Person](filter).match(each)]

    assert directory.names(filter) == expected


@pytest.mark.parametrize(
    "filter",
    [
        'userName zz "x"', "userName eq", 'wings eq "two"', "active gt true", 'groups.value eq "x"', 'meta.version eq "x"',
        'schemas eq "x"',
        'meta.created co "20"', "not (" * 30 + 'userName eq "x"' + ")" * 30, " or ".join(['userName eq "x"'] * 300),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(directory, filter):
    answer = directory("POST", "/Users/.search", {"filter": filter})

    assert answer.status_code == 400
    assert answer.json["scimType"] in ("invalidFilter", "invalidPath")
