"""Many changes in few calls, each with its own outcome."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, Permanent, Transient

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)


def batches(wire):
    return sum(request.path == "/v1.0/$batch" for request in wire.journal)


def test_twenty_creations_take_as_many_batches_as_one(account, change, apply, wire) -> None:
    results = apply(*(change(Verb.CREATE, account(f"user{number}")) for number in range(20)))

    assert [result.error for result in results.values()] == [None] * 20
    assert batches(wire) == 4, "by key, by name, in the bin, create"


def test_the_password_is_sent_once_and_must_be_changed(account, change, apply, wire, tenant) -> None:
    apply(change(Verb.CREATE, account()))

    sent = [request for request in wire.journal if b"Passw0rd!x" in request.body]
    assert len(sent) == 1
    assert b'"forceChangePasswordNextSignIn": true' in sent[0].body
    assert "Passw0rd!x" not in str(tenant.journal)


def test_who_gets_no_password_gets_one_that_nobody_knows(account, change, apply) -> None:
    assert apply(change(Verb.CREATE, account(), password=None))["anna"].error is None


def test_a_part_that_must_wait_says_how_long_and_the_others_go_on(account, change, apply, tenant) -> None:
    tenant.fail(
        429, code="TooManyRequests", headers={"Retry-After": "2.128"}, match=lambda method, path: (method, path) == ("POST", "/users")
    )

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve")))

    assert isinstance(results["anna"].error, Transient)
    assert results["anna"].error.retry_after == timedelta(seconds=2.128)
    assert results["eve"].error is None


@pytest.mark.parametrize(("wait", "expected"), [({}, None), ({"retry-after": "soon"}, None), ({"retry-after": "nan"}, None)])
def test_a_wait_that_cannot_be_read_is_none(account, change, apply, tenant, wait, expected) -> None:
    tenant.fail(429, code="TooManyRequests", headers=wait, match=lambda method, path: method == "POST")

    assert apply(change(Verb.CREATE, account()))["anna"].error.retry_after is expected


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "Request_BadRequest", Permanent),
        (403, "Authorization_RequestDenied", Permanent),
        (409, "Conflict", Conflict),
        (412, "PreconditionFailed", Transient),
        (500, "InternalServerError", Ambiguous),
        (504, "GatewayTimeout", Transient),
        (200, "Odd", Ambiguous),
        (418, "", Misconfigured),
    ],
)
def test_a_creation_that_fails_is_classed(account, change, apply, tenant, status, code, kind) -> None:
    tenant.fail(
        status, body={"error": {"code": code, "message": "No."}}, match=lambda method, path: (method, path) == ("POST", "/users"), next=None
    )

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, kind)


def test_a_missing_permission_is_a_matter_of_settings(account, change, apply, tenant) -> None:
    tenant.roles = frozenset({"User.Read.All", "GroupMember.ReadWrite.All"})

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Misconfigured)


def test_an_administrator_there_is_one_accounts_problem(account, change, apply, tenant) -> None:
    tenant.add_user(userPrincipalName="anna@school.example", protected=True)

    results = apply(change(Verb.CREATE, account("anna")), change(Verb.CREATE, account("eve")))

    assert isinstance(results["anna"].error, Permanent)
    assert "role" in results["anna"].error.hint
    assert results["eve"].error is None


def test_a_user_who_comes_from_a_directory_is_refused_before_anything_is_sent(account, change, apply, tenant, calls) -> None:
    tenant.add_user(userPrincipalName="anna@school.example", onPremisesSyncEnabled=True)

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Permanent)
    assert not any(call.startswith("PATCH") for call in calls())


def test_an_existing_user_without_a_key_is_adopted_and_opened(account, change, apply, tenant) -> None:
    number = tenant.add_user(userPrincipalName="Anna@School.example", displayName="A. Lab", accountEnabled=False)

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert (result.external_id, result.adopted) == (number, True)
    user = tenant.state.users[number]
    assert (user["displayName"], user["accountEnabled"]) == ("Anna Lab", True)
    assert user["onPremisesExtensionAttributes"]["extensionAttribute15"] == "key-anna"


def test_an_address_of_somebody_else_is_a_conflict_that_names_the_user(account, change, apply, tenant) -> None:
    number = tenant.add_user(userPrincipalName="other@school.example", proxyAddresses=["smtp:anna@school.example"])

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Conflict)
    assert number in error.message


def test_a_name_that_nobody_we_see_holds_is_a_conflict_too(account, change, apply, tenant) -> None:
    tenant.fail(409, code="Conflict", match=lambda method, path: (method, path) == ("POST", "/users"))

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Conflict)


def test_a_creation_that_collides_with_our_own_lost_one_is_adopted(account, change, apply, tenant) -> None:
    anna = account()
    slot = {"extensionAttribute15": anna.key}
    number = tenant.add_user(userPrincipalName="anna@school.example", onPremisesExtensionAttributes=slot)
    tenant.state.hidden[number] = 2  # not in the index and not by name: as right after its creation

    result = apply(change(Verb.CREATE, anna))["anna"]

    assert (result.external_id, result.adopted, result.error) == (number, True, None)


def test_a_holder_of_the_name_without_an_id_is_no_success(account, change, apply, tenant) -> None:
    looks = iter((False, True))
    tenant.fail(409, code="Conflict", match=lambda method, path: (method, path) == ("POST", "/users"))
    tenant.fail(200, body={"displayName": "A. Lab"}, match=lambda method, path: path == "/users/anna@school.example" and next(looks))

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert (type(result.error).__name__, result.external_id) == ("Garbled", None)


def test_two_accounts_that_find_one_user_do_not_both_get_it(account, change, provider, tenant) -> None:
    number = tenant.add_user(userPrincipalName="anna@school.example")
    anna = account()
    twin = replace(anna, id=7, key="another")

    first, second = provider.apply([change(Verb.CREATE, anna), change(Verb.CREATE, twin)])

    assert (first.external_id, first.error) == (number, None)
    assert isinstance(second.error, Conflict)


def test_several_users_with_our_key_are_for_a_person_to_sort_out(account, change, apply, tenant) -> None:
    for name in ("one", "two"):
        tenant.add_user(userPrincipalName=f"{name}@school.example", onPremisesExtensionAttributes={"extensionAttribute15": "key-anna"})

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Conflict)


def test_closing_what_the_link_does_not_know_closes_only_our_own(account, change, apply, tenant) -> None:
    theirs = tenant.add_user(userPrincipalName="eve@school.example")
    ours = tenant.add_user(userPrincipalName="anna@school.example", onPremisesExtensionAttributes={"extensionAttribute15": "key-anna"})

    results = apply(change(Verb.SUSPEND, account("anna")), change(Verb.SUSPEND, account("eve")), change(Verb.DELETE, account("nobody")))

    assert [result.error for result in results.values()] == [None] * 3
    assert not tenant.state.users[ours]["accountEnabled"]
    assert tenant.state.users[theirs]["accountEnabled"]


def test_what_microsoft_could_never_hold_is_refused_without_a_call(account, change, apply, wire) -> None:
    error = apply(change(Verb.CREATE, account("анна")))["анна"].error

    assert isinstance(error, Permanent)
    assert wire.journal == []


def test_when_a_whole_batch_fails_nothing_more_is_sent(account, change, apply, wire) -> None:
    wire.fail(status=503, headers={"Retry-After": "3"}, match=lambda request: request.path.endswith("$batch"), next=None)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve")))

    assert {type(result.error).__name__ for result in results.values()} == {"Unreachable"}
    assert batches(wire) == 1


def test_an_answer_that_leaves_out_a_part_leaves_that_one_unclear(account, change, apply, wire, tenant) -> None:
    body = b'{"responses": [{"id": "0", "status": 201, "body": {"id": "u-1"}}, {"id": "1", "status": 201, "body": {"id": "no id?"}}]}'
    wire.garbage(body=body, content_type="application/json", match=lambda request: b"passwordProfile" in request.body)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve", "tom")))

    assert results["anna"].external_id == "u-1"
    assert [type(results[name].error).__name__ for name in ("eve", "tom")] == ["Unclear", "Unclear"]


def test_rights_that_are_not_seen_everywhere_yet_pass(account, change, apply, tenant) -> None:
    tenant.fail(404, code="Request_ResourceNotFound", match=lambda method, path: path.endswith("/members/$ref"))
    anna = account(roles=(HEAD,))

    first = apply(change(Verb.CREATE, anna))["anna"]
    second = apply(change(Verb.CREATE, anna))["anna"]

    assert isinstance(first.error, Transient)
    assert (second.error, second.external_id) == (None, first.external_id)
    assert tenant.users["anna@school.example"]["groups"] == {"Head (student, 2026)"}


class TestLag:
    @pytest.fixture
    def options(self):
        return {"lag": 1}

    def test_a_user_who_is_not_seen_yet_is_not_made_twice(self, account, change, apply, tenant) -> None:
        anna = account()
        first = apply(change(Verb.CREATE, anna))["anna"]

        again = apply(change(Verb.CREATE, anna))["anna"]

        assert (again.external_id, again.adopted) == (first.external_id, True)
        assert len(tenant.users) == 1


def test_a_revoked_token_is_exchanged_once(account, made, tenant, wire) -> None:
    made(account("anna"))
    tenant.revoke_tokens()

    made(account("eve"))

    assert set(tenant.users) == {"anna@school.example", "eve@school.example"}


def test_attributes_travel_before_the_flag_and_apart_from_it(account, made, change, apply, tenant) -> None:
    anna = account()
    number = made(anna)
    apply(change(Verb.SUSPEND, anna, number))

    apply(change(Verb.RESUME, anna, number, after={"givenName": "Berta"}))

    patches = [each["body"] for each in tenant.journal if each["method"] == "PATCH"]
    assert patches == [{"accountEnabled": False}, {"givenName": "Berta"}, {"accountEnabled": True}]
