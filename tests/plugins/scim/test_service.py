"""What a service says of itself, read once and obeyed."""

import pytest

from rolecall.errors import Transient
from rolecall_scim.errors import Elsewhere, Garbled
from rolecall_scim.service import Abilities, abilities_of

YES, NO = {"supported": True}, {"supported": False}


@pytest.mark.parametrize(
    ("said", "able"),
    [
        (
            {
                "patch": YES,
                "filter": {**YES, "maxResults": 20},
                "bulk": {**YES, "maxOperations": 9, "maxPayloadSize": 99},
                "etag": YES,
                "changePassword": YES,
            },
            {"patch": True, "filter": True, "etag": True, "password": True, "bulk_operations": 9, "bulk_bytes": 99, "page": 20},
        ),
        ({"PATCH": {"Supported": "True"}, "filter": NO}, {"patch": True, "filter": False, "password": False}),
        ({"patch": NO, "bulk": YES}, {"patch": False, "filter": False, "password": False}),
        ({"bulk": {**YES, "maxOperations": 5}, "patch": YES}, {"filter": False, "password": False}),
        ({"filter": {**YES, "maxResults": "many"}, "patch": {"supported": "false"}}, {"patch": False, "password": False}),
        ({"patch": YES, "filter": {**YES, "maxResults": 100_000}}, {"password": False}),
    ],
)
def test_what_is_not_said_is_not_there(said, able):
    assert abilities_of(said) == Abilities(described=True, **able)


@pytest.mark.parametrize("said", [{}, {"patch": True}, {"schemas": []}])
def test_what_describes_nothing_is_no_description(said):
    with pytest.raises(Garbled):
        abilities_of(said)


def test_it_is_asked_once_and_again_only_after_a_failure(provider, service, calls):
    service.fail(503, match=lambda method, path: "Config" in path)
    with pytest.raises(Transient):
        _ = provider.service.can

    assert provider.service.can.described
    assert provider.service.can.bulk_operations == 1000
    assert calls() == ["GET /ServiceProviderConfig"] * 2


@pytest.mark.parametrize("quirks", [{"describes": False}])
def test_a_service_without_a_description_is_a_modest_one(provider):
    assert provider.service.can == Abilities()


def test_where_nothing_is_there_is_no_service_however_modest(provider, service):
    service.fail(404, body="", next=None)

    with pytest.raises(Elsewhere):
        _ = provider.service.can


@pytest.mark.parametrize(
    ("settings", "able"),
    [({"method": "put"}, (False, 1000)), ({"method": "patch"}, (True, 1000)), ({"bulk": False}, (True, 0)), ({}, (True, 1000))],
)
def test_settings_overrule_it(provider, able):
    assert (provider.service.can.patch, provider.service.can.bulk_operations) == able
