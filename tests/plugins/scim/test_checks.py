"""The test of the connection has a line for each property and changes nothing."""

import pytest

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def lines(provider, service):
    """Tests the connection; the lines by label, and nothing has been changed."""

    def run():
        before = (dict(service.state.users), dict(service.state.groups))
        found = {line.label: line for line in provider.check()}
        assert (service.state.users, service.state.groups) == before
        return found

    return run


def failing(lines):
    return [label for label, line in lines.items() if not line.ok]


@pytest.mark.parametrize("quirks", [{}, {"patch": False}, {"answers_patch": True}, {"bulk": (0, 0)}])
def test_where_all_is_well_every_line_says_so(lines, quirks):
    found = lines()

    assert failing(found) == []
    assert ("Users can be changed and closed (PUT)" in found) == (quirks == {"patch": False})
    assert found["Many changes in one call (bulk)"].detail


BY_KEY, BY_NAME = "Users can be found by externalId", "Users can be found by userName"
WRITING = ["Users can be created", "Users can be changed and closed (PATCH)", "Users can be deleted"]
GROUPS = ["Groups can be read", "Groups can be found by externalId", "Members of groups can be changed"]


@pytest.mark.parametrize(
    ("options", "quirks", "settings", "labels"),
    [
        ({}, {}, {"token": "wrong"}, ["Token accepted"]),
        ({}, {}, {"base_url": "elsewhere"}, ["Reach the service"]),
        # Without reading nobody knows whether a 404 means the user or the address.
        ({"rights": {"write", "groups"}}, {}, {"groups": False}, ["Token accepted, users can be read", BY_KEY, BY_NAME, *WRITING[1:]]),
        ({"rights": {"read", "groups"}}, {}, {}, WRITING),
        ({"rights": {"read", "write"}}, {}, {}, GROUPS),
        ({"rights": {"read", "write"}}, {}, {"groups": False}, []),
        ({}, {"filter": False}, {}, ["Users can be searched"]),
        ({}, {"refuses_filter_by": frozenset({"externalid"})}, {}, [BY_KEY, GROUPS[1]]),
        ({}, {"describes": False}, {}, ["The service knows every attribute that is sent"]),
        ({}, {}, {"mapping": {"organization": {"mode": "own"}}}, []),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_mend_it(provider, wire, lines, settings, labels):
    if "base_url" in settings:
        provider.service.client.base = f"{wire.url}/oauth/elsewhere"

    found = lines()

    assert failing(found) == labels
    assert all(found[label].fix and found[label].detail for label in labels)


@pytest.mark.parametrize("quirks", [{"patch": False, "promises_patch": True}])
@pytest.mark.parametrize(("settings", "fails"), [({}, []), ({"method": "patch"}, ["Users can be changed and closed (PATCH)"])])
def test_patch_that_is_only_promised_is_found_out(lines, fails, service, provider):
    service.fail(400, match=lambda method, path: method == "DELETE")  # an id that is none there: the call was let in

    assert [label for label in failing(lines()) if label.startswith("Users")] == fails
    assert provider.service.can.patch == bool(fails)


@pytest.mark.parametrize("quirks", [{"ignores_filter": True}])
def test_a_filter_that_is_ignored_is_noticed(lines, service):
    service.add_user("somebody")

    found = lines()

    assert "ignores" in found["Users can be found by userName"].detail
    assert not found["Users can be found by userName"].required


def test_a_service_that_makes_users_without_a_name_has_the_test_user_deleted(lines, service, provider):
    number = service.add_user("somebody")
    service.fail(201, body={"id": number, "schemas": []}, match=lambda method, path: (method, path) == ("POST", "/Users"))

    before = len(service.state.users)
    line = next(line for line in provider.check() if line.label == "Users can be created")

    assert line.ok
    assert "deleted again" in line.detail
    assert len(service.state.users) == before - 1


def test_a_service_that_fails_says_so_on_its_line(lines, service, wire):
    service.fail(503, match=lambda method, path: "Config" in path)
    assert failing(lines()) == ["Reach the service"]

    service.fail(503, match=lambda method, path: (method, path) == ("POST", "/Users"))
    wire.drop(match=lambda request: request.method == "DELETE")
    assert failing(lines()) == ["Users can be created", "Users can be deleted"]

    wire.drop(match=lambda request: request.method == "POST")
    assert failing(lines()) == ["Users can be created"]


def test_attributes_that_the_service_does_not_know_are_named(provider, service):
    user = {"id": USER, "attributes": [{"name": "userName"}, {"name": "name", "subAttributes": [{"name": "givenName"}]}]}
    service.fail(200, body={"Resources": [user], "totalResults": 1}, match=lambda method, path: path == "/Schemas")
    provider.settings["mapping"] = {"employeeNumber": {"mode": "own"}}

    line = next(line for line in provider.check() if line.label.startswith("The service knows"))

    assert line.detail == "It does not know: familyName, displayName, emails, employeeNumber."
    assert "enterprise" in line.fix
    assert not line.required

    service.fail(200, body={"Resources": [], "totalResults": 0}, match=lambda method, path: path == "/Schemas")
    line = next(line for line in provider.check() if line.label.startswith("The service knows"))
    assert "does not list" in line.detail


def test_a_service_that_takes_no_passwords_is_pointed_at(provider, service):
    config = {"patch": {"supported": True}, "filter": {"supported": True}, "changePassword": {"supported": False}}
    service.fail(200, body=config, match=lambda method, path: "Config" in path)

    line = next(line for line in provider.check() if line.label == "Passwords")

    assert (line.ok, line.required) == (False, False)
    assert line.fix


def test_a_check_never_raises(provider, service):
    service.fail(500, next=None)

    assert [line.ok for line in provider.check()] == [False]
