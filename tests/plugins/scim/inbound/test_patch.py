"""PATCH does what the standard says or nothing at all, whatever is sent; two at once both arrive (RFC 7644 §3.5.2)."""

import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import Context, PatchOp, SCIMException

from rolecall_scim.inbound.models import POLICY
from rolecall_scim.inbound.users import Person

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_WORDS = st.sampled_from(["Anna", "Ben", "Ζωή", "x y"])
_ADDRESS = st.sampled_from(["a@home.example", "b@work.example", "nobody"])
_PLACES = {
    "displayName": _WORDS, "name.givenName": _WORDS, "name.familyName": _WORDS, "name": st.builds(lambda a: {"givenName": a}, _WORDS),
    "userName": st.sampled_from(["anna@school.example", "ANNA@school.example", "taken@school.example", "free@school.example"]),
    "externalId": _WORDS, "preferredLanguage": st.sampled_from(["el", "pt_br", "Klingon at home"]),
    "active": st.sampled_from([True, False, "True", "False", "perhaps"]), f"{ENTERPRISE}:employeeNumber": _WORDS,
    "emails": st.builds(lambda a: [{"value": a, "type": "work", "primary": True}], _ADDRESS),
    'emails[type eq "work"].value': _ADDRESS, 'phoneNumbers[type eq "mobile"].value': st.sampled_from(["+30 690", "+30 691 111", "none"]),
    "title": _WORDS, "groups": st.just([{"value": "x"}]), "id": _WORDS,
}  # fmt: skip


def _writing(path):
    return st.builds(lambda op, value: {"op": op, "path": path, "value": value}, st.sampled_from(["add", "replace", "Add"]), _PLACES[path])


operations = st.lists(
    st.one_of(
        st.sampled_from(sorted(_PLACES)).flatmap(_writing),
        st.builds(lambda path: {"op": "remove", "path": path}, st.sampled_from(sorted(_PLACES))),
        st.builds(lambda a, b: {"op": "Replace", "value": {"name.givenName": a, "active": b}}, _WORDS, _PLACES["active"]),
    ),
    min_size=1,
    max_size=4,
)


def without_meta(user):
    return {name: value for name, value in user.items() if name not in ("meta", "schemas")}


def expected_of(before, sent):
    """What the protocol's library makes of a user; none where it refuses."""
    with POLICY:
        user = Person.model_validate(before, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        try:
            patch = PatchOp[Person].model_validate({"schemas": [PATCH], "Operations": sent}, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
            patch.patch(user)
        except (SCIMException, ValueError):
            return None
        return user.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


def settled(user):
    """A user as Rolecall keeps one: language tags in their usual spelling, one address, the primary one, with its type."""
    kept = without_meta(user)
    if kept.get("preferredLanguage") == "pt_br":
        kept["preferredLanguage"] = "pt-BR"
    for name, kind in (("emails", "work"), ("phoneNumbers", "mobile")):
        there = [{"type": kind, "primary": True} | each for each in kept.pop(name, []) if "value" in each]
        there.sort(key=lambda each: not each["primary"])
        kept |= {name: there[:1]} if there else {}
    return kept


@given(sent=operations)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_patch_is_applied_whole_or_not_at_all(directory, sent):
    if not directory.names('userName eq "taken@school.example"'):
        directory.add("taken@school.example")
    for old in directory.read("/Users")["Resources"]:
        if old["userName"] != "taken@school.example":
            directory("DELETE", f"/Users/{old['id']}")
    user = directory.add("anna@school.example", emails=[{"value": "first@home.example", "type": "work", "primary": True}], displayName="A")
    path = f"/Users/{user['id']}"

    answer = directory.patch(path, *sent)

    after, expected = directory.read(path), expected_of(user, sent)
    if answer.status_code == 204:
        assert settled(expected) == without_meta(after)
    else:
        assert answer.status_code in (400, 409), answer.text
        assert after == user


def test_two_at_once_both_arrive(directory):
    user = directory.add()
    path = f"/Users/{user['id']}"
    sent = [
        {"op": "replace", "path": "displayName", "value": "Anna B."},
        {"op": "replace", "path": "name.givenName", "value": "Anne"},
        {"op": "replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+30 690"},
    ]
    answers = []
    threads = [threading.Thread(target=lambda each=each: answers.append(directory.patch(path, each))) for each in sent]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.status_code for each in answers] == [204, 204, 204]
    after = directory.read(path)
    assert (after["displayName"], after["name"]["givenName"], after["phoneNumbers"][0]["value"]) == ("Anna B.", "Anne", "+30 690")


def test_what_is_no_patch_is_refused(directory):
    path = f"/Users/{directory.add()['id']}"
    for body in (
        b"{", b"[]", {"schemas": [PATCH]}, {"schemas": [PATCH], "Operations": []}, {"schemas": [PATCH], "Operations": [{"op": "move"}]},
        {"schemas": [PATCH], "Operations": [{"op": "remove"}]}, {"schemas": [PATCH], "Operations": "all"},
        {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"emails[": 1}}]},
    ):  # fmt: skip
        assert directory("PATCH", path, body).status_code == 400, body
