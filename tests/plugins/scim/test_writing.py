"""Users are written by PATCH, or read, changed and written whole where there is none."""

import pytest

from rolecall import Verb
from rolecall.errors import Permanent, Transient
from rolecall_scim.users import ENTERPRISE

HOME = {"value": "anna@home.example", "type": "home"}


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"bulk": (0, 0)},
        {"answers_patch": True},
        {"patch": False},
        {"patch": False, "promises_patch": True},
        {"patch": False, "describes": False},
        {"patch": False, "etag": False, "small_names": True, "text_booleans": True},
    ],
)
def test_what_is_not_ours_stays_whatever_way_a_user_is_written(service, provider, account, change, apply):
    anna = account("anna")
    service.add_user("anna", emails=[HOME], title="Dr", name={"middleName": "B"}, **{ENTERPRISE: {"costCenter": "7"}})
    number = str(apply(change(Verb.CREATE, anna))["anna"].external_id)

    provider.update(number, {"emails": "new@school.example", "familyName": "Kay"})
    provider.suspend(number)

    user = service.users["anna"]
    assert (user["active"], user["title"], user["externalId"]) == (False, "Dr", "key-anna")
    assert user["name"] == {"givenName": "Anna", "middleName": "B", "familyName": "Kay"}
    assert user[ENTERPRISE] == {"costCenter": "7"}
    assert sorted(each["value"] for each in user["emails"]) == ["anna@home.example", "new@school.example"]


def is_put(request):
    return request.method == "PUT"


@pytest.mark.parametrize("quirks", [{"patch": False}])
def test_a_whole_user_is_written_only_over_the_one_that_was_read(service, provider, wire, account, made):
    number = made(account("anna"))
    wire.run(lambda: service.change_user(number, title="Dr"), next=2, match=is_put)

    provider.update(number, {"displayName": "A"})

    assert (service.users["anna"]["displayName"], service.users["anna"]["title"]) == ("A", "Dr")
    assert [request.status for request in wire.journal if is_put(request)] == [412, 412, 200]


@pytest.mark.parametrize("quirks", [{"patch": False}])
def test_a_user_who_is_changed_there_all_the_time_is_tried_again_later(service, provider, wire, account, made):
    number = made(account("anna"))
    wire.run(lambda: service.change_user(number, title="Dr"), next=3, match=is_put)

    with pytest.raises(Transient, match="changed"):
        provider.update(number, {"displayName": "A"})

    assert service.users["anna"]["displayName"] == "Anna Lab"


@pytest.mark.parametrize("settings", [{"method": "patch"}])
@pytest.mark.parametrize("quirks", [{"patch": False, "promises_patch": True}])
def test_where_the_settings_insist_on_patch_there_is_no_other_way(provider, account, made):
    number = made(account("anna"))

    with pytest.raises(Permanent, match="does not do this"):
        provider.suspend(number)


@pytest.mark.parametrize("quirks", [{"entra_only": True}])
@pytest.mark.parametrize(("settings", "works"), [({"dialect": "entra"}, True), ({}, False)])
def test_a_service_for_entra_takes_what_entra_writes(provider, service, account, made, works):
    number = made(account("anna"))

    if works:
        provider.suspend(number)
    else:
        with pytest.raises(Permanent):
            provider.suspend(number)

    assert service.users["anna"]["active"] is not works


def test_an_update_without_anything_to_write_calls_nobody(provider, account, made, wire):
    number = made(account("anna"))
    before = len(wire.journal)

    provider.update(number, {})
    provider.update(number, {"phoneNumbers": None})

    assert [request.method for request in wire.journal[before:]] == ["GET"]
