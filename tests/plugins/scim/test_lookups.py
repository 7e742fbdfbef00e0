"""Users are found by our key, then by user name, whatever the service's filters are worth."""

import pytest

from rolecall.errors import Conflict, Transient

FILTERS = [
    {},
    {"filter": False},
    {"ignores_filter": True},
    {"refuses_or": True},
    {"refuses_filter_by": frozenset({"externalid"})},
    {"refuses_filter_by": frozenset({"externalid", "username"})},
    {"describes": False},
    {"small_names": True, "text_booleans": True},
    {"page": 2},
    {"page": 2, "repeats": True, "filter": False},
]


@pytest.mark.parametrize("quirks", FILTERS)
def test_everybody_is_found_by_key_or_by_name_in_any_case(provider, service, account):
    service.add_user("somebody")
    renamed = service.add_user("Renamed", externalId="key-anna")
    named = service.add_user("BEN")
    anna, ben, cleo = account("anna"), account("ben"), account("cleo")

    found = [provider.find(each) for each in (anna, ben, cleo)]

    assert [each and each.external_id for each in found] == [renamed, named, None]
    assert [each and each.key for each in found] == ["key-anna", None, None]


@pytest.mark.parametrize("quirks", [{"page": 2}])
@pytest.mark.parametrize("settings", [{"groups": False}])
def test_many_are_looked_up_together_and_pages_are_followed(provider, service, account, apply, change, calls):
    people = [account(f"user{number}") for number in range(5)]
    ids = [service.add_user(each.username, externalId=each.key) for each in people]

    results = apply(*(change("create", each) for each in people))

    assert [results[each.username].external_id for each in people] == ids
    assert all(result.adopted and result.error is None for result in results.values())
    assert calls().count("POST /Users") == 0


@pytest.mark.parametrize("quirks", [{"ignores_filter": True}])
@pytest.mark.parametrize("settings", [{"groups": False}])
def test_where_filters_are_worth_nothing_everybody_is_read_once(provider, service, account, apply, change):
    for number in range(5):
        service.add_user(f"other{number}")

    apply(*(change("create", account(f"user{number}")) for number in range(5)))

    walks = [call for call in service.journal if call["path"] == "/Users" and call["method"] == "GET" and "filter" not in call["query"]]
    assert len(walks) == 2  # one page, and the empty one after it


def test_of_two_with_our_key_the_one_with_our_name_is_meant(provider, service, account):
    service.add_user("other", externalId="key-anna")
    anna = service.add_user("anna", externalId="key-anna")

    assert provider.find(account("anna")).external_id == anna
    with pytest.raises(Conflict, match="Several users"):
        provider.find(account("anne", key="key-anna"))


@pytest.mark.parametrize("settings", [{"key_slot": "employeeNumber"}])
def test_our_key_may_be_the_employee_number(provider, service, account, made):
    number = made(account("anna"))

    enterprise = service.users["anna"]["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
    assert enterprise == {"employeeNumber": "key-anna"}
    assert "externalId" not in service.users["anna"]
    found = provider.find(account("renamed", key="key-anna"))
    assert (found.external_id, found.key) == (number, "key-anna")


@pytest.mark.parametrize("quirks", [{"forgets_external_id": True}])
@pytest.mark.parametrize("settings", [{"key_slot": "none", "groups": False}])
def test_without_a_place_for_our_key_the_name_decides(provider, account, made, apply, change):
    number = made(account("anna"))

    again = apply(change("create", account("anna", key="another")))["anna"]

    assert (again.external_id, again.adopted, again.error) == (number, True, None)
    assert "externalId" not in provider.attributes(account())


def test_a_question_that_fails_is_not_an_answer(provider, service, account):
    service.fail(500, match=lambda method, path: path == "/Users")

    with pytest.raises(Transient):
        provider.find(account())


@pytest.mark.parametrize("name", ['a"b', "a\\b", "ä ö", "Ζωή@school.example", "a&filter=b#c", '") or userName pr or ("'])
def test_a_name_is_looked_for_as_it_is_written(provider, service, account, made, name):
    def person(name, key):
        return account(name, key=key, email="anna@school.example")

    service.add_user("somebody")

    number = made(person(name, f"key of {name}"))

    assert provider.find(person("renamed", f"key of {name}")).external_id == number
    assert provider.find(person(name, "new")).external_id == number
    assert provider.find(person(f"{name}x", "new")) is None
