"""What the provider sends and takes over, one account at a time."""

from dataclasses import replace

import pytest

from rolecall import RoleSnapshot, Secret, Verb
from rolecall.errors import Ambiguous, Conflict, NotFound, Permanent, Transient
from rolecall_scim.users import ENTERPRISE

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
EVERYTHING = {name: {"mode": "own"} for name in ("phoneNumbers", "nickName", "title", "userType", "employeeNumber", "department")}


def test_attributes_are_the_mapped_ones_our_key_and_groups(provider, account):
    anna = account("Anna", email="Anna@School.example", roles=(HEAD,))

    assert provider.attributes(anna) == {
        "userName": "anna",
        "givenName": "Anna",
        "familyName": "Lab",
        "displayName": "Anna Lab",
        "emails": "anna@school.example",
        "externalId": "key-Anna",
        "groups": {"rolecall:2026:student:Head"},
    }


@pytest.mark.parametrize("settings", [{"mapping": {**EVERYTHING, "userName": {"template": "{email}"}, "displayName": {"mode": "ignore"}}}])
def test_a_mapping_decides_what_is_sent_and_where(provider, service, account, made):
    made(account("anna", phone="+30 210 1", roles=(HEAD,)))

    user = service.users["anna@school.example"]
    assert "displayName" not in user
    assert (user["title"], user["userType"], user.get("nickName", "")) == ("Head", "student", "")
    assert user["phoneNumbers"] == [{"value": "+30 210 1", "type": "mobile"}]
    assert user["emails"] == [{"value": "anna@school.example", "type": "work", "primary": True}]
    assert user[ENTERPRISE] == {"employeeNumber": "S1", "department": "student"}
    assert {"phoneNumbers", "externalId"} <= set(provider.wanted_names())
    assert "displayName" not in provider.wanted_names()


@pytest.mark.parametrize(("settings", "sent"), [({}, "Passw0rd!x"), ({"send_password": False}, None)])
def test_the_first_time_password_goes_with_the_creation_where_it_is_wanted(service, account, made, provider, sent):
    number = made(account("anna"))
    provider.update(number, {"displayName": "A"})

    assert service.state.passwords.get(number) == sent


@pytest.mark.parametrize("settings", [{"mapping": {"userName": {"template": "{email}"}}, "groups": False}])
def test_an_account_that_has_nothing_for_its_user_name_is_refused_in_words(provider, service, account, apply, change, made):
    number = made(account("anna"))
    service.add_user("ben")
    ben = account("ben", email=None)

    error = apply(change(Verb.CREATE, ben))["ben"].error

    assert isinstance(error, Permanent)
    assert "e-mail" in error.hint
    assert provider.find(ben) is None
    with pytest.raises(Permanent):
        provider.update(number, {"userName": None})


@pytest.mark.parametrize("quirks", [{}, {"bulk": (0, 0)}])
def test_a_service_that_quotes_what_it_refuses_gives_no_secret_away(service, account, apply, change):
    quoting = f"The password Passw0rd!x or the token {service.settings['token']} is bad."
    service.fail(400, detail=quoting, kind="invalidValue", match=lambda method, path: (method, path) == ("POST", "/Users"), next=2)

    results = apply(change(Verb.CREATE, account("anna")), change(Verb.CREATE, account("ben")))

    for result in results.values():
        assert isinstance(result.error, Permanent)
        assert "The password *** or the token *** is bad" in str(result.error)
        assert "Passw0rd!x" not in repr(result.error)


def test_who_is_taken_over_gets_what_differs_and_keeps_what_is_set_once(service, provider, account, apply, change):
    service.add_user("anna", displayName="Ann", active=False)
    wanted = change(Verb.CREATE, account("anna"))

    result = apply(replace(wanted, once=frozenset({"displayName", "givenName"})))["anna"]

    user = service.users["anna"]
    assert (result.adopted, result.error) == (True, None)
    assert (user["displayName"], user["name"]["givenName"], user["active"], user["externalId"]) == ("Ann", "Anna", True, "key-anna")


def test_one_user_is_taken_over_by_one_account_of_a_plan(service, account, apply, change):
    service.add_user("anna")
    first, second = account("anna"), account("Anna", key="other")

    results = apply(change(Verb.CREATE, first), change(Verb.CREATE, second))

    assert results["anna"].adopted
    assert isinstance(results["Anna"].error, Conflict)


def test_a_name_that_appears_after_the_look_up_is_ours_or_a_conflict(service, wire, account, apply, change, provider):
    wire.run(lambda: service.add_user("anna"), match=lambda request: request.method == "POST")
    assert apply(change(Verb.CREATE, account("anna")))["anna"].adopted

    wire.run(lambda: service.add_user("ben", externalId="another"), match=lambda request: request.method == "POST")
    assert isinstance(apply(change(Verb.CREATE, account("ben")))["ben"].error, Conflict)

    service.fail(409, match=lambda method, path: (method, path) == ("POST", "/Users"))  # another value than the user name
    assert isinstance(apply(change(Verb.CREATE, account("cleo")))["cleo"].error, Conflict)


def test_the_verbs_one_by_one(service, provider, account):
    anna = account("anna", roles=(HEAD,))
    made = provider.create(anna, provider.attributes(anna), Secret("Passw0rd!x"))
    with pytest.raises(Conflict):
        provider.create(account("anna", key="other"), provider.attributes(account("anna", key="other")), None)

    provider.update(made.external_id, {"title": "Dr", "groups": frozenset()})
    provider.suspend(made.external_id)
    assert (provider.find(anna).suspended, provider.find(anna).attributes["title"]) == (True, "Dr")
    provider.resume(made.external_id)
    assert not provider.find(anna).suspended
    provider.delete(made.external_id)

    assert provider.find(anna) is None
    provider.delete(made.external_id)
    with pytest.raises(NotFound):
        provider.suspend(made.external_id)


@pytest.mark.parametrize("quirks", [{"deletes_softly": True}])
def test_a_service_that_only_closes_who_is_deleted_gives_them_back(service, provider, account, apply, change, made):
    anna = account("anna")
    number = made(anna)

    provider.delete(number)
    assert provider.find(anna).suspended
    result = apply(change(Verb.CREATE, anna))["anna"]

    assert (result.external_id, result.adopted, service.users["anna"]["active"]) == (number, True, True)


def test_what_was_never_linked_is_closed_only_if_it_is_ours(service, account, apply, change):
    service.add_user("anna")
    ours = service.add_user("ben", externalId="key-ben")
    anna, ben, cleo = account("anna"), account("ben"), account("cleo", key="key-cleo")

    results = apply(change(Verb.SUSPEND, anna), change(Verb.SUSPEND, ben), change(Verb.DELETE, cleo))

    assert [results[name].note for name in ("anna", "ben", "cleo")] == ["There was nothing to close.", "", "There was nothing to close."]
    assert results["ben"].external_id == ours
    assert (service.users["anna"]["active"], service.users["ben"]["active"]) == (True, False)


def test_a_user_who_vanishes_between_look_up_and_change_is_looked_for_again(service, wire, account, apply, change):
    number = service.add_user("anna", externalId="key-anna", displayName="Ann")
    wire.run(lambda: service.state.users.pop(number), match=lambda request: request.method == "PATCH")

    error = apply(change(Verb.CREATE, account("anna")))["anna"].error

    assert error.code == "transient"
    assert apply(change(Verb.CREATE, account("anna")))["anna"].error is None


def test_what_fails_for_all_in_one_step_of_a_plan_keeps_the_later_steps_from_being_sent(service, wire, account, apply, change, made):
    anna, ben = account("anna"), account("ben")
    ids = {each.username: made(each) for each in (anna, ben)}
    wire.drop(match=lambda request: request.method == "GET" and request.path.endswith(ids["anna"]))

    results = apply(change(Verb.UPDATE, anna, ids["anna"], after={"emails": "x@y.example"}), change(Verb.SUSPEND, ben, ids["ben"]))

    assert [type(result.error).__name__ for result in results.values()] == ["Transient", "Transient"]
    assert service.users["ben"]["active"]


def test_two_users_with_our_key_stop_their_account_alone(service, account, apply, change):
    service.add_user("one", externalId="key-anna")
    service.add_user("two", externalId="key-anna")

    results = apply(change(Verb.CREATE, account("anna")), change(Verb.CREATE, account("ben")))

    assert isinstance(results["anna"].error, Conflict)
    assert results["ben"].error is None


@pytest.mark.parametrize("quirks", [{"bulk": (0, 0)}])
def test_a_creation_that_names_no_id_and_a_look_up_that_fails_are_errors_of_their_account(service, account, apply, change, wire):
    def is_creation(method, path):
        return (method, path) == ("POST", "/Users")

    service.fail(201, body={"id": 7, "schemas": []}, match=is_creation)
    assert isinstance(apply(change(Verb.CREATE, account("anna")))["anna"].error, Ambiguous)

    def after_the_refusal(request):
        return request.method == "GET" and any(each.status == 409 for each in wire.journal)

    service.fail(409, match=is_creation)
    wire.fail(status=503, match=after_the_refusal)
    assert isinstance(apply(change(Verb.CREATE, account("ben")))["ben"].error, Transient)
