"""The verbs of the Moodle provider, each for one account, through the real client against the fake site."""

from collections.abc import Callable
from typing import Any

import pytest

from rolecall import AccountSnapshot, RoleSnapshot, Secret
from rolecall.errors import Conflict, NotFound, Permanent, Transient
from rolecall.testing.wire import Wire
from rolecall_moodle.cohorts import group_key
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle
from rolecall_moodle.provider import MoodleProvider

MakeAccount = Callable[..., AccountSnapshot]
PASSWORD = Secret("Passw0rd!x")


def test_attributes_are_the_persons_names_and_lower_case_addresses(provider: MoodleProvider, account: MakeAccount):
    anna = account("Anna.K", first_name=" Άννα ", last_name="Παπαδοπούλου", email="Anna@School.Example")

    wanted = provider.attributes(anna)

    assert wanted == {
        "username": "anna.k",
        "firstname": "Άννα",
        "lastname": "Παπαδοπούλου",
        "email": "anna@school.example",
        "idnumber": "key-Anna.K",
        "groups": frozenset(),
    }


def test_attributes_without_email_and_cohorts_leave_them_out(moodle: FakeMoodle, wire: Wire, account: MakeAccount):
    provider = MoodleProvider({**moodle.settings, "cohorts": False}, wire.http)

    wanted = provider.attributes(account(email=None))

    assert "email" not in wanted
    assert "groups" not in wanted


def test_language_is_sent_only_when_its_pack_is_installed(moodle: FakeMoodle, wire: Wire, account: MakeAccount):
    provider = MoodleProvider({**moodle.settings, "languages": "en, el, pt_br"}, wire.http)

    assert provider.attributes(account(language="el-GR"))["lang"] == "el"
    assert provider.attributes(account(language="pt-BR"))["lang"] == "pt_br"
    assert "lang" not in provider.attributes(account(language="sq"))
    assert "lang" not in provider.attributes(account(language=None))


def test_groups_are_enabled_roles_in_open_periods(provider: MoodleProvider, account: MakeAccount):
    anna = account(
        roles=(
            RoleSnapshot(period="2026", role="Main"),
            RoleSnapshot(period="2025", role="Main", period_is_open=False),
            RoleSnapshot(period="2026", role="Choir", enabled=False),
        )
    )

    assert provider.attributes(anna)["groups"] == {"rolecall:2026:student:Main"}


def test_create_makes_a_user_with_password_change_and_cohorts(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    anna = account(roles=(RoleSnapshot(period="2026", role="Main"),))

    remote = provider.create(anna, provider.attributes(anna), PASSWORD)

    user = moodle.users["anna"]
    assert remote.external_id == str(user["id"])
    assert (user["idnumber"], user["email"]) == ("key-anna", "anna@school.example")
    assert user["preferences"] == {"auth_forcepasswordchange": "1"}
    assert user["groups"] == {"rolecall:2026:student:Main"}
    assert moodle.state.cohorts[1]["name"] == "Main (student, 2026)"


def test_create_without_password_lets_moodle_mail_one(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    provider.create(account(), provider.attributes(account()), None)

    assert moodle.mails == ["anna@school.example"]


def test_create_with_another_login_method_sends_no_password(moodle: FakeMoodle, wire: Wire, account: MakeAccount):
    provider = MoodleProvider({**moodle.settings, "auth": "oauth2", "force_password_change": True}, wire.http)
    anna = account()

    provider.create(anna, provider.attributes(anna), PASSWORD)

    assert moodle.users["anna"]["auth"] == "oauth2"
    assert not any("password" in name for name, _ in moodle.journal[0]["fields"])


def test_create_need_not_force_a_new_password(moodle: FakeMoodle, wire: Wire, account: MakeAccount):
    provider = MoodleProvider({**moodle.settings, "force_password_change": False}, wire.http)
    anna = account()

    provider.create(anna, provider.attributes(anna), PASSWORD)

    assert moodle.users["anna"]["preferences"] == {}


@pytest.mark.parametrize(
    "taken",
    [{"username": "anna", "email": "other@school.example"}, {"username": "other", "email": "ANNA@school.example"}],
    ids=["user name", "e-mail in other capitals"],
)
@pytest.mark.parametrize("idnumber", ["", "SIS-1"])
def test_create_says_that_a_name_is_taken(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, taken: dict[str, Any], idnumber: str
):
    moodle.add_user(firstname="A", lastname="B", idnumber=idnumber, **taken)
    anna = account()

    with pytest.raises(Conflict):
        provider.create(anna, provider.attributes(anna), PASSWORD)


def test_create_with_a_weak_password_says_so_in_the_sites_words(provider: MoodleProvider, account: MakeAccount):
    anna = account()

    with pytest.raises(Permanent, match="at least 8 characters"):
        provider.create(anna, provider.attributes(anna), Secret("abc"))


def test_create_refuses_what_moodle_would_refuse_without_a_call(
    provider: MoodleProvider, account: MakeAccount, calls: Callable[[], list[str]]
):
    for bad in (account("karl+1"), account(last_name=" "), account(first_name="F" * 101), account(email=None), account(email="x")):
        with pytest.raises(Permanent):
            provider.create(bad, provider.attributes(bad), PASSWORD)

    assert calls() == []


def test_find_looks_by_key_then_name_then_email(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    moodle.add_user(username="zoe", firstname="Z", lastname="L", email="zoe@x.example", idnumber="key-anna")
    moodle.add_user(username="ben", firstname="B", lastname="L", email="ben@x.example")
    moodle.add_user(username="other", firstname="C", lastname="L", email="Chloe@school.example", suspended=True)

    anna, ben, chloe = (provider.find(account(name)) for name in ("anna", "ben", "chloe"))

    assert anna is not None
    assert (anna.key, anna.attributes["username"], anna.attributes["groups"]) == ("key-anna", "zoe", frozenset())
    assert ben is not None
    assert ben.key is None
    assert chloe is not None
    assert (chloe.attributes["username"], chloe.attributes["email"], chloe.suspended) == ("other", "chloe@school.example", True)
    assert provider.find(account("nobody")) is None
    assert provider.find(account("karl+1", email=None)) is None


def test_find_does_not_take_a_wildcard_for_a_match(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    moodle.add_user(username="annaxk", firstname="A", lastname="L", email="annaxk@school.example")

    assert provider.find(account("anna_k")) is None


def test_find_does_not_see_a_deleted_user(provider: MoodleProvider, account: MakeAccount):
    anna = account()
    remote = provider.create(anna, provider.attributes(anna), PASSWORD)
    provider.delete(remote.external_id)

    assert provider.find(anna) is None


def test_two_users_with_our_key_are_a_conflict_unless_one_has_our_name(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    for name in ("anna", "ivy", "ida"):
        moodle.add_user(username=name, firstname=name, lastname="L", email=f"{name}@x.example", idnumber="key-anna")

    found = provider.find(account("anna"))

    assert found is not None
    assert found.attributes["username"] == "anna"
    with pytest.raises(Conflict, match="Several users"):
        provider.find(account("renamed", key="key-anna"))


def test_find_on_mariadb_minds_no_case(wire: Wire, moodle: FakeMoodle, provider: MoodleProvider, account: MakeAccount):
    moodle.site.case_sensitive = False
    moodle.add_user(username="zoe", firstname="Z", lastname="L", email="Zoe@school.example", idnumber="KEY-anna")

    found = provider.find(account("anna"))

    assert found is not None
    assert found.attributes["username"] == "zoe"


def test_update_changes_what_it_is_given_and_nothing_else(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    anna = account()
    external_id = provider.create(anna, provider.attributes(anna), PASSWORD).external_id

    provider.update(external_id, {"firstname": "Annika", "lang": None})

    assert moodle.users["anna"]["firstname"] == "Annika"
    assert moodle.users["anna"]["lastname"] == "Lab"


def test_update_of_groups_leaves_cohorts_made_by_hand_alone(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    anna = account()
    number = int(provider.create(anna, provider.attributes(anna), PASSWORD).external_id)
    by_hand = {"name": "Choir", "idnumber": "CHOIR", "description": "", "visible": True, "members": [number]}
    moodle.state.put_cohort({"id": moodle.state.number("cohort"), **by_hand})
    old, new = group_key("2025", "student", "Main"), group_key("2026", "student", "Main")
    provider.update(str(number), {"groups": frozenset({old})})

    provider.update(str(number), {"groups": frozenset({new})})

    assert moodle.users["anna"]["groups"] == {"CHOIR", new}


def test_update_of_nothing_calls_nobody(provider: MoodleProvider, calls: Callable[[], list[str]]):
    provider.update("7", {})

    assert calls() == []


def test_update_of_a_deleted_or_unknown_user_is_not_found(provider: MoodleProvider, account: MakeAccount):
    anna = account()
    external_id = provider.create(anna, provider.attributes(anna), PASSWORD).external_id
    provider.delete(external_id)

    for gone in (external_id, "999999", "", "seven"):
        with pytest.raises(NotFound):
            provider.update(gone, {"firstname": "Annika"})
        with pytest.raises(NotFound):
            provider.suspend(gone)
    with pytest.raises(NotFound):
        provider.update(external_id, {"groups": frozenset({group_key("2026", "student", "Main")})})


def test_update_to_a_taken_name_or_address_is_a_conflict(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    moodle.add_user(username="ben", firstname="B", lastname="L", email="ben@school.example", idnumber="key-ben")
    anna = account()
    external_id = provider.create(anna, provider.attributes(anna), PASSWORD).external_id

    with pytest.raises(Conflict):
        provider.update(external_id, {"username": "ben"})
    with pytest.raises(Conflict):
        provider.update(external_id, {"email": "ben@school.example"})
    with pytest.raises(Permanent):
        provider.update(external_id, {"username": "b e n"})


def test_update_of_a_site_administrator_is_refused(provider: MoodleProvider):
    with pytest.raises(Permanent, match="site administrator"):
        provider.update("2", {"firstname": "X"})


def test_suspend_resume_and_delete(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    anna = account()
    external_id = provider.create(anna, provider.attributes(anna), PASSWORD).external_id

    provider.suspend(external_id)
    assert moodle.users["anna"]["suspended"] is True
    provider.resume(external_id)
    assert moodle.users["anna"]["suspended"] is False
    provider.delete(external_id)
    assert moodle.users == {}
    with pytest.raises(NotFound):
        provider.delete(external_id)


def test_the_robot_and_the_administrator_cannot_be_deleted(provider: MoodleProvider):
    for number in ("2", "3"):
        with pytest.raises(Permanent):
            provider.delete(number)


def test_accounts_walks_everybody_once_with_cohorts(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    for name in ("anna", "ben"):
        person = account(name, roles=(RoleSnapshot(period="2026", role="Main"),))
        provider.create(person, provider.attributes(person), PASSWORD)

    remotes = {remote.attributes["username"]: remote for remote in provider.accounts()}

    assert {"anna", "ben", "admin"} <= set(remotes)
    assert "guest" not in remotes
    assert remotes["anna"].attributes["groups"] == {"rolecall:2026:student:Main"}
    assert (remotes["anna"].key, remotes["admin"].key) == ("key-anna", None)


def test_accounts_of_a_large_site_are_walked_by_letters(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "cohorts": False}, wire.http)
    for name in ("anna", "albert", "ben"):
        moodle.add_user(username=name, firstname=name, lastname="L", email=f"{name}@school.example")
    wire.fail(status=500, match=lambda request: b"value%5D=%25&" in request.body)
    wire.fail(status=500, match=lambda request: b"value%5D=a%25&" in request.body)

    names = [remote.attributes["username"] for remote in provider.accounts()]

    assert {"anna", "albert", "ben", "admin"} <= set(names)
    assert len(names) == len(set(names))


def test_accounts_gives_up_when_it_is_not_the_size(provider: MoodleProvider, wire: Wire):
    wire.fail(next=None, status=500, match=lambda request: b"core_user_get_users&" in request.body)

    with pytest.raises(Transient):
        list(provider.accounts())

    assert len(wire.journal) == 5


def test_accounts_of_a_closed_site_fails_at_once(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "cohorts": False}, wire.http)
    moodle.maintenance = "admin"

    with pytest.raises(Transient):
        list(provider.accounts())

    assert len(wire.journal) == 1


def test_search_with_a_warning_is_not_believed(provider: MoodleProvider, wire: Wire, account: MakeAccount):
    everybody = b'{"users": [{"id": 5, "email": "anna@school.example"}], "warnings": [{"warningcode": "invalidfieldparameter"}]}'
    wire.garbage(body=everybody, content_type="application/json", match=lambda request: b"core_user_get_users&" in request.body)

    with pytest.raises(Transient):
        provider.find(account())


def test_names_hidden_from_the_token_are_absent(provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount):
    anna = account()
    provider.create(anna, provider.attributes(anna), PASSWORD)
    hidden = {"moodle/site:viewfullnames", "moodle/site:viewuseridentity"}
    moodle.change_token(moodle.settings["token"], rights=ALL_RIGHTS - hidden)

    found = provider.find(anna)

    assert found is not None
    assert set(found.attributes) == {"username", "idnumber", "lang", "groups"}


def test_ensure_groups_returns_ids_and_makes_each_once(provider: MoodleProvider, moodle: FakeMoodle):
    keys = {group_key("2026", "student", "Main"), group_key("2026", "staff", "Main")}

    first, second = provider.ensure_groups(keys), provider.ensure_groups(keys)

    assert first == second
    assert set(first) == keys == set(moodle.cohorts)
