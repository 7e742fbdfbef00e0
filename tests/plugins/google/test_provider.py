"""What the provider wants of an account, and single verbs."""

from dataclasses import replace

import pytest

from rolecall import RoleSnapshot, Secret, Verb
from rolecall.errors import Conflict, NotFound, Permanent, Transient

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
PAST = RoleSnapshot(period="2025", role="Head", period_is_open=False)
ANNA = "anna@school.example"


def test_attributes_are_names_address_key_and_groups(provider, account) -> None:
    assert provider.attributes(account("Anna", roles=(HEAD, PAST))) == {
        "givenName": "Anna",
        "familyName": "Lab",
        "primaryEmail": ANNA,
        "externalId": "key-Anna",
        "groups": frozenset({"rolecall:2026:student:Head"}),
    }


def test_long_names_are_cut_where_google_cuts_them(provider, account) -> None:
    assert provider.attributes(account(first_name="Maria " * 10))["givenName"] == "Maria Maria Maria Maria Maria Maria Mari"


def test_a_new_user_has_our_key_and_must_change_the_password(account, made, school) -> None:
    made(account())

    user = school.users[ANNA]
    assert user["externalIds"] == [{"type": "custom", "customType": "rolecall", "value": "key-anna"}]
    assert user["changePasswordAtNextLogin"] is True
    assert "Passw0rd!x" not in str(school.journal)


class TestLanguage:
    @pytest.fixture
    def settings(self):
        return {"mapping": {"language": {"mode": "own"}}}

    def test_a_person_without_a_language_keeps_the_one_that_google_gives(self, provider, account, made, school) -> None:
        made(account())

        assert "language" not in provider.attributes(account())
        assert school.users[ANNA]["languages"][0]["languageCode"] == "en"


class TestOtherSettings:
    @pytest.fixture
    def settings(self):
        return {
            "domains": ["student = students.school.example"],
            "org_unit": "/Staff",
            "org_units": ["student = /Students"],
            "key_type": "sis",
            "groups": False,
            "force_password_change": False,
            "mapping": {name: {"mode": "own", "template": text} for name, text in MAPPED.items()},
        }

    def test_each_user_type_has_its_domain_and_its_unit(self, provider, account) -> None:
        anna, tom = account("anna"), account("tom", type="teacher")

        found = [(each["primaryEmail"], each["orgUnitPath"]) for each in (provider.attributes(anna), provider.attributes(tom))]

        assert found == [("anna@students.school.example", "/Students"), ("tom@school.example", "/Staff")]

    def test_what_the_institution_maps_is_written_and_read_again(self, provider, account, made, school) -> None:
        eve = account("eve", type="teacher", roles=(HEAD,))
        made(eve)

        user = school.users["eve@school.example"]
        assert user["organizations"] == [
            {"primary": True, "type": "work", "title": "Head", "department": "teacher", "costCenter": "7", "description": "students"}
        ]
        assert user["languages"] == [{"languageCode": "el", "preference": "preferred"}]
        assert user["phones"] == [{"type": "mobile", "value": "+30 210"}]
        assert (user["orgUnitPath"], user["changePasswordAtNextLogin"], user["groups"]) == ("/Staff", False, frozenset())
        assert provider.find(eve).attributes == provider.attributes(eve)
        assert [each.attributes for each in provider.accounts() if each.key] == [provider.attributes(eve)]

    def test_what_others_keep_in_the_lists_of_a_user_stays(self, provider, account, change, apply, school) -> None:
        number = school.add_user(
            primaryEmail="eve@school.example",
            externalIds=[{"type": "organization", "value": "4711"}],
            organizations=[{"name": "Choir", "title": "Alto"}, {"primary": True, "type": "work", "location": "B 12", "title": "Old"}],
            phones=[{"type": "home", "value": "1"}, {"type": "mobile", "value": "2", "primary": True}],
        )
        eve = account("eve", type="teacher", roles=(HEAD,))

        assert apply(change(Verb.CREATE, eve))["eve"].adopted
        provider.update(number, {"title": None, "phone": None, "language": None})

        user = school.state.users[number]
        assert user["externalIds"] == [
            {"type": "organization", "value": "4711"},
            {"type": "custom", "customType": "sis", "value": "key-eve"},
        ]
        assert user["organizations"] == [
            {"name": "Choir", "title": "Alto"},
            {
                "primary": True,
                "type": "work",
                "location": "B 12",
                "department": "teacher",
                "costCenter": "7",
                "description": "students",
            },
        ]
        assert user["phones"] == [{"type": "home", "value": "1"}]
        assert "languages" not in user


MAPPED = {
    "title": "{role}",
    "department": "{type}",
    "costCenter": "7",
    "employeeType": "{list}",
    "phone": "+30 210",
    "language": "el",
}


def test_update_sends_what_changed_and_nothing_else(provider, account, made, school, calls) -> None:
    number = made(account())
    before = len(calls())

    provider.update(number, {"givenName": "Berta"})

    assert calls()[before:] == ["PUT /admin/directory/v1/users/{id}"]
    assert school.journal[-1]["body"] == {"name": {"givenName": "Berta"}}
    assert school.users[ANNA]["name"]["fullName"] == "Berta Lab"


def test_suspending_sends_the_flag_alone_and_resuming_looks_first(provider, account, made, school) -> None:
    number = made(account())

    provider.suspend(number)
    assert school.journal[-1]["body"] == {"suspended": True}
    assert school.users[ANNA]["suspensionReason"] == "ADMIN"

    provider.resume(number)
    assert [each["method"] for each in school.journal[-2:]] == ["GET", "PUT"]
    assert not school.users[ANNA]["suspended"]


def test_whom_google_suspended_is_not_opened(provider, account, made, school) -> None:
    number = made(account())
    school.state.users[number] |= {"suspended": True, "suspensionReason": "ABUSE"}

    with pytest.raises(Permanent, match="ABUSE"):
        provider.resume(number)
    assert school.journal[-1]["method"] == "GET"


def test_single_verbs_raise_what_went_wrong(provider, account, made) -> None:
    number = made(account())
    provider.delete(number)

    provider.delete(number)
    with pytest.raises(NotFound):
        provider.update(number, {"givenName": "Berta"})
    with pytest.raises(NotFound):
        provider.resume(number)
    with pytest.raises(Permanent, match="last name"):
        provider.update(number, {"familyName": None})


def test_create_raises_a_conflict_for_anothers_address(provider, account, made) -> None:
    anna = account()
    made(anna)
    other = replace(anna, id=9, key="another")

    with pytest.raises(Conflict):
        provider.create(other, provider.attributes(other), Secret("Passw0rd!x"))
    assert provider.create(anna, provider.attributes(anna), None).key == anna.key


def test_find_raises_what_keeps_it_from_knowing(provider, account, made, school) -> None:
    anna = account()
    made(anna)
    for reason in ("userRateLimitExceeded", "backendError"):
        school.fail(403, reason=reason, match=lambda method, path: method == "GET")
        with pytest.raises(Transient):
            provider.find(anna)


class TestArchive:
    @pytest.fixture
    def settings(self):
        return {"archive": True}

    @pytest.fixture
    def options(self):
        return {"archive_seats": 1}

    def test_who_is_suspended_is_archived_after_that_and_comes_back_from_there(self, provider, account, made, school) -> None:
        number = made(account())

        provider.suspend(number)
        assert [each["body"] for each in school.journal[-2:]] == [{"suspended": True}, {"archived": True}]
        provider.resume(number)

        assert (school.users[ANNA]["suspended"], school.users[ANNA]["archived"]) == (False, False)

    def test_without_a_licence_for_it_the_user_is_suspended_all_the_same(self, provider, account, made, school) -> None:
        provider.suspend(made(account("eve")))
        number = made(account("anna"))

        with pytest.raises(Permanent, match="archived user licenses"):
            provider.suspend(number)
        assert (school.users[ANNA]["suspended"], school.users[ANNA]["archived"]) == (True, False)


class TestRename:
    @pytest.fixture
    def options(self):
        return {"rename_lag": 1}

    def test_the_old_address_stays_as_an_alias_and_nobody_else_gets_it(self, provider, account, made, change, apply, school) -> None:
        anna = account()
        number = made(anna)

        provider.update(number, {"primaryEmail": "berta@school.example"})

        assert school.users["berta@school.example"]["aliases"] == [ANNA]
        other = account("anna", key="another")
        assert provider.find(other) is None
        error = apply(change(Verb.CREATE, other))["anna"].error
        assert isinstance(error, Conflict)
        assert "berta@school.example" in error.message
        assert provider.find(anna).external_id == number

    @pytest.mark.parametrize("changes", [{"givenName": "Berta"}, {"primaryEmail": "carla@school.example"}])
    def test_while_google_renames_other_changes_wait(self, provider, account, made, changes) -> None:
        number = made(account())
        provider.update(number, {"primaryEmail": "berta@school.example"})

        with pytest.raises(Transient):
            provider.update(number, changes)
        provider.update(number, changes)


class TestPages:
    @pytest.fixture
    def options(self):
        return {"page_size": 2, "repeats": True}

    def test_walking_follows_every_page_and_yields_each_user_once(self, provider, account, made) -> None:
        numbers = [made(account(f"user{number}", roles=(HEAD,))) for number in range(5)]

        walked = [each for each in provider.accounts() if each.key]

        assert [each.external_id for each in walked] == numbers
        assert {each.attributes["groups"] for each in walked} == {frozenset({"rolecall:2026:student:Head"})}
