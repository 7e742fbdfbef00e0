"""Licences by type and role: those of the settings are given and taken, all others are left alone."""

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Permanent, Transient
from rolecall_o365.fake.app import STUDENT_SKU, TEACHER_SKU

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
OTHER_SKU = "0f0f0f0f-0000-4000-8000-000000000000"


@pytest.fixture
def settings():
    return {
        "licences": ["student = STANDARDWOFFPACK_STUDENT", f"student/Head = {TEACHER_SKU}", "teacher = NO_SUCH_LICENCE"],
        "groups": False,
    }


def held(tenant, name="anna"):
    return {each["skuId"] for each in tenant.users[f"{name}@school.example"]["assignedLicenses"]}


def test_a_new_user_gets_the_licences_of_type_and_role(account, made, tenant) -> None:
    made(account("anna", roles=(HEAD,)))
    made(account("eve"))

    assert held(tenant) == {STUDENT_SKU, TEACHER_SKU}
    assert held(tenant, "eve") == {STUDENT_SKU}
    assert tenant.users["anna@school.example"]["mail"] == "anna@school.example"


def test_a_licence_that_is_no_longer_due_is_taken_and_one_given_by_hand_stays(account, made, change, apply, tenant) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    tenant.state.users[number]["assignedLicenses"].append({"skuId": OTHER_SKU, "disabledPlans": []})
    tenant.state.users[number]["licenseAssignmentStates"].append({"skuId": OTHER_SKU, "assignedByGroup": None})

    result = apply(change(Verb.UPDATE, anna, number, after={"licences": frozenset({"STANDARDWOFFPACK_STUDENT"})}))["anna"]

    assert result.error is None
    assert held(tenant) == {STUDENT_SKU, OTHER_SKU}


def test_a_licence_from_a_group_is_neither_given_again_nor_taken(account, change, apply, tenant, calls) -> None:
    inherited = [{"skuId": STUDENT_SKU, "assignedByGroup": "g", "state": "Active", "error": "None"}]
    number = tenant.add_user(
        userPrincipalName="anna@school.example",
        usageLocation="GR",
        assignedLicenses=[{"skuId": STUDENT_SKU, "disabledPlans": []}],
        licenseAssignmentStates=inherited,
    )
    anna = account()

    for wanted in (frozenset({"STANDARDWOFFPACK_STUDENT"}), frozenset()):
        assert apply(change(Verb.UPDATE, anna, number, after={"licences": wanted}))["anna"].error is None
    assert "POST /users/{id}/assignLicense" not in calls()


def test_without_free_seats_the_user_is_there_and_the_reason_is_said(account, change, apply, tenant) -> None:
    tenant.state.skus[STUDENT_SKU]["seats"] = 0

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Permanent)
    assert "seats" in error.hint
    assert "anna@school.example" in tenant.users


def test_a_licence_that_the_tenant_does_not_have_concerns_only_who_should_get_it(account, change, apply, tenant) -> None:
    results = apply(change(Verb.CREATE, account("tom", type="teacher")), change(Verb.CREATE, account("anna")))

    assert isinstance(results["tom"].error, Permanent)
    assert results["anna"].error is None
    assert held(tenant) == {STUDENT_SKU}


@pytest.mark.parametrize("path", ["", "/assignLicense"])
def test_a_user_who_is_not_seen_yet_is_tried_again(account, made, change, apply, tenant, path) -> None:
    anna = account()
    number = made(anna)
    tenant.fail(404, code="Request_ResourceNotFound", match=lambda _, asked: asked == f"/users/{number}{path}")

    error = apply(change(Verb.UPDATE, anna, number, after={"licences": frozenset()}))["anna"].error

    assert isinstance(error, Transient)


def test_what_users_hold_is_read_by_the_names_of_the_settings(account, made, provider) -> None:
    anna = account(roles=(HEAD,))
    made(anna)

    assert provider.find(anna).attributes["licences"] == provider.attributes(anna)["licences"]
    assert [each.attributes["licences"] for each in provider.accounts()] == [provider.attributes(anna)["licences"]]
