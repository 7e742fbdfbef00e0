"""Users: how they are found, what is sent of them, and that nothing of a record is lost when a part of it changes."""

from dataclasses import replace

import pytest

from rolecall import Verb
from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent, ProviderError
from rolecall_brightspace import users
from rolecall_brightspace.errors import Garbled, Unclear
from rolecall_brightspace.fake.state import ADMINISTRATOR, ORGANISATION, STUDENT, TEACHER


def role_of(site, number):
    return site.state.enrolments[ORGANISATION, int(number)]


def test_attributes_are_names_e_mail_our_key_and_the_role_of_the_user_type(provider, account) -> None:
    assert provider.attributes(account("anna")) == {
        "UserName": "anna",
        "FirstName": "Anna",
        "LastName": "Lab",
        "ExternalEmail": "anna@home.example",
        "OrgDefinedId": "key-anna",
        "organizationRole": str(STUDENT),
    }


@pytest.mark.parametrize("settings", [{"keep_roles": False, "mapping": {"MiddleName": {"mode": "own", "template": "{code}"}}}])
def test_what_is_mapped_is_sent_and_a_role_that_is_left_alone_is_not(provider, account, made, site) -> None:
    anna = replace(account("anna"), email=None)

    made(anna)

    assert provider.attributes(anna).keys() == {"UserName", "FirstName", "MiddleName", "LastName", "ExternalEmail", "OrgDefinedId"}
    assert (site.users["anna"]["MiddleName"], site.users["anna"]["ExternalEmail"]) == ("S1", None)


def test_a_new_user_gets_role_and_password_and_signs_in_with_another(made, account, site) -> None:
    number = made(account("anna"))

    (sent,) = [each["body"] for each in site.journal if each["method"] == "POST"]
    assert site.state.passwords[int(number)] == "Passw0rd!x"
    assert (sent["RoleId"], sent["IsActive"], sent["SendCreationEmail"], sent["PasswordData"]) == (STUDENT, True, False, "***")


@pytest.mark.parametrize("settings", [{"passwords": False, "creation_email": True}])
def test_where_people_sign_in_elsewhere_no_password_is_sent(made, account, site) -> None:
    made(account("anna"))

    (sent,) = [each["body"] for each in site.journal if each["method"] == "POST"]
    assert "PasswordData" not in sent
    assert sent["SendCreationEmail"] is True


def test_our_key_finds_a_user_before_the_name_does(provider, account, site) -> None:
    by_key = site.add_user(UserName="renamed", OrgDefinedId="key-anna")
    by_name = site.add_user(UserName="Anna")

    assert provider.find(account("anna")).external_id == str(by_key)
    site.state.remove_user(by_key)
    found = provider.find(account("anna"))
    assert (found.external_id, found.key) == (str(by_name), None)


def test_several_users_with_our_key_are_for_a_person_to_sort_out(apply, change, account, site) -> None:
    numbers = {site.add_user(UserName=name, OrgDefinedId="key-anna") for name in ("one", "two")}

    error = apply(change(Verb.CREATE, account("anna"))).error

    assert isinstance(error, Conflict)
    assert all(str(number) in error.message for number in numbers)
    assert "POST" not in {each["method"] for each in site.journal}


@pytest.mark.parametrize("settings", [{"match_email": True}])
def test_an_e_mail_takes_over_one_user_without_a_key_and_no_other(provider, account, site) -> None:
    anna = account("anna", email="home@lab.example")
    sister = site.add_user(UserName="eve", ExternalEmail="Home@lab.example", OrgDefinedId="key-eve")
    assert provider.find(anna) is None
    mine = site.add_user(UserName="a.lab", ExternalEmail="home@lab.example")

    assert provider.find(anna).external_id == str(mine) != str(sister)
    site.add_user(UserName="b.lab", ExternalEmail="home@lab.example")
    with pytest.raises(Conflict, match="e-mail"):
        provider.find(anna)
    assert provider.find(replace(anna, email=None)) is None


def test_without_that_setting_an_e_mail_takes_over_nobody(provider, account, site) -> None:
    site.add_user(UserName="a.lab", ExternalEmail="anna@home.example")

    assert provider.find(account("anna")) is None
    assert all("externalEmail" not in each["query"] for each in site.journal)


def test_who_is_there_without_a_key_is_adopted_opened_and_gets_key_and_role(apply, change, account, site) -> None:
    number = site.add_user(TEACHER, UserName="Anna", Activation={"IsActive": False}, Pronouns="she/her", MiddleName="Maria")

    result = apply(change(Verb.CREATE, account("anna")))

    row = site.users["anna"]
    assert (result.error, result.adopted, result.external_id) == (None, True, str(number))
    assert (row["OrgDefinedId"], row["Activation"], role_of(site, number)) == ("key-anna", {"IsActive": True}, STUDENT)
    assert (row["Pronouns"], row["MiddleName"]) == ("she/her", "Maria")
    assert number not in site.state.passwords


def test_somebody_elses_user_is_left_alone(apply, change, account, site) -> None:
    site.add_user(UserName="anna", OrgDefinedId="key-other")

    error = apply(change(Verb.CREATE, account("anna"))).error

    assert isinstance(error, Conflict)
    assert "key-other" in error.message
    assert {each["method"] for each in site.journal} == {"GET"}


def test_a_change_reads_the_record_first_and_sends_all_of_it_back(provider, made, account, site, calls) -> None:
    number = made(account("anna"))
    site.state.users[int(number)] |= {"Pronouns": "she/her", "MiddleName": "Maria", "Activation": {"IsActive": False}}
    before = len(calls())

    provider.update(number, {"FirstName": "Berta"})

    row = site.users["anna"]
    assert calls()[before:] == ["GET users/{id}", "PUT users/{id}"]
    assert (row["FirstName"], row["LastName"], row["MiddleName"], row["Pronouns"]) == ("Berta", "Lab", "Maria", "she/her")
    assert (row["OrgDefinedId"], row["ExternalEmail"]) == ("key-anna", "anna@home.example")
    assert row["Activation"] == {"IsActive": False}


def test_a_record_of_which_a_part_is_hidden_is_not_replaced(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.hidden = frozenset({"MiddleName", "OrgDefinedId"})

    with pytest.raises(Misconfigured, match="MiddleName") as caught:
        provider.update(number, {"OrgDefinedId": "key-anna", "FirstName": "Berta"})

    assert "OrgDefinedId," not in caught.value.message
    assert site.users["anna"]["FirstName"] == "Anna"
    assert "PUT" not in {each["method"] for each in site.journal}


def test_pronouns_that_are_hidden_are_not_sent(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.hidden = frozenset({"Pronouns"})

    provider.update(number, {"FirstName": "Berta"})

    (sent,) = [each["body"] for each in site.journal if each["method"] == "PUT"]
    assert "Pronouns" not in sent


@pytest.mark.parametrize("options", [{"lag": 3}])
def test_a_new_user_name_counts_at_once_although_the_unique_identifier_lags(provider, made, account, site) -> None:
    anna = account("anna")
    number = made(anna)
    renamed = replace(anna, username="anna.lab")

    provider.update(number, {"UserName": "anna.lab"})
    found = provider.find(renamed)

    assert site.state.users[int(number)]["UniqueIdentifier"] == "anna"
    assert found.attributes == {**provider.attributes(renamed), "MiddleName": None}
    assert users.by_name(provider.client, "anna") is None


@pytest.mark.parametrize("options", [{"taken_status": 400}, {"taken_status": 409}])
def test_a_user_name_that_is_taken_is_a_conflict_whatever_the_status(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.add_user(UserName="Eve", OrgDefinedId="key-eve")

    with pytest.raises(Conflict, match="user name already"):
        provider.update(number, {"UserName": "eve"})
    with pytest.raises(Conflict, match="user name already"):
        users.create(provider.client, provider.attributes(account("eve")), STUDENT, None, provider.settings)


def test_what_is_refused_for_another_reason_stays_with_its_reason(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.fail(400, body={"Errors": [{"Message": "The e-mail is no e-mail."}]}, match=lambda method, path: method == "PUT")

    with pytest.raises(Permanent, match="The e-mail is no e-mail"):
        provider.update(number, {"ExternalEmail": "x"})


@pytest.mark.parametrize(("body", "said"), [("The password Passw0rd!x is weak.", "the password"), ("Too short.", "Too short")])
def test_a_refused_password_is_said_and_never_shown(apply, change, account, site, body, said) -> None:
    site.fail(400, body=body, match=lambda method, path: method == "POST")

    error = apply(change(Verb.CREATE, account("anna"))).error

    assert isinstance(error, Permanent)
    assert said in str(error)
    assert "Passw0rd" not in str(error)


@pytest.mark.parametrize(("changes", "said"), [({"first_name": ""}, "first name"), ({"last_name": " "}, "last name")])
def test_a_user_without_a_name_is_refused_without_a_call(apply, change, account, site, changes, said) -> None:
    error = apply(change(Verb.CREATE, account("anna", **changes))).error

    assert isinstance(error, Permanent)
    assert said in error.message
    assert {each["method"] for each in site.journal} == {"GET"}


@pytest.mark.parametrize("settings", [{"user_roles": [f"student = {STUDENT}"]}])
def test_a_user_type_without_a_role_is_not_created(apply, change, account, site) -> None:
    error = apply(change(Verb.CREATE, account("anna", type="guardian"))).error

    assert isinstance(error, Permanent)
    assert "guardian" in error.message
    assert site.users == {}


def test_suspending_closes_and_signs_out_and_resuming_opens(provider, made, account, site) -> None:
    number = made(account("anna"))

    provider.suspend(number)
    assert (site.users["anna"]["Activation"], site.state.signed_out) == ({"IsActive": False}, [int(number)])
    provider.resume(number)
    assert (site.users["anna"]["Activation"], site.state.signed_out) == ({"IsActive": True}, [int(number)])


def test_somebody_who_is_signed_in_nowhere_is_suspended_all_the_same(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.fail(404, match=lambda method, path: path.startswith("sessions/"))

    provider.suspend(number)

    assert site.users["anna"]["Activation"] == {"IsActive": False}


def test_another_user_type_is_another_role(provider, made, account, site, apply, change) -> None:
    anna = account("anna", type="staff")
    number = made(anna)

    result = apply(change(Verb.UPDATE, replace(anna, type="administrator"), number, after={"organizationRole": str(ADMINISTRATOR)}))

    assert result.error is None
    assert role_of(site, number) == ADMINISTRATOR
    assert provider.find(replace(anna, type="administrator")).attributes["organizationRole"] == str(ADMINISTRATOR)


@pytest.mark.parametrize("options", [{"changes_roles": False}])
def test_a_role_that_enrolling_again_does_not_change_is_left_to_a_person(provider, made, account) -> None:
    number = made(account("anna"))

    with pytest.raises(Permanent, match="by hand"):
        provider.update(number, {"organizationRole": str(TEACHER)})


def test_somebody_without_a_role_in_the_organisation_is_shown_without_one(provider, made, account, site) -> None:
    number = made(account("anna"))
    del site.state.enrolments[ORGANISATION, int(number)]

    assert provider.find(account("anna")).attributes["organizationRole"] is None
    assert [remote.attributes["organizationRole"] for remote in provider.accounts()] == [None]


def test_a_link_that_holds_no_number_has_nobody_behind_it(provider) -> None:
    for verb in (provider.suspend, provider.resume, provider.delete, lambda number: provider.update(number, {"FirstName": "x"})):
        with pytest.raises(NotFound):
            verb("abc")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "users/", {}),
        ("GET", "users/", [{"UserId": "x", "OrgDefinedId": "key-anna"}]),
        ("GET", "users/", [{"UserId": 7, "OrgDefinedId": "key-anna", "OrgId": 1}]),
        ("GET", "users/", [{"UserId": 7, "OrgDefinedId": "key-anna", "OrgId": 1, "Activation": {"IsActive": "yes"}}]),
    ],
)
def test_an_answer_that_says_nothing_of_a_user_is_asked_for_again(provider, account, site, method, path, body) -> None:
    site.fail(200, body=body, match=lambda asked, where: (asked, where) == (method, path))

    with pytest.raises(Garbled):
        provider.find(account("anna"))


def test_another_user_than_the_one_asked_for_is_not_believed(provider, account, site) -> None:
    number = site.add_user(UserName="eve")
    site.fail(200, body=[], match=lambda method, path: path == "users/")
    site.fail(200, body=site.state.users[number], match=lambda method, path: path == "users/")

    with pytest.raises(Garbled, match="another user"):
        provider.find(account("anna"))


def test_rows_that_do_not_carry_the_key_are_no_answer_to_a_look_up_by_it(provider, account, site) -> None:
    number = site.add_user(UserName="eve", OrgDefinedId="key-anna-2")
    site.fail(200, body=[site.state.users[number]], match=lambda method, path: path == "users/")

    assert provider.find(account("anna")) is None


def test_a_look_up_that_is_not_there_is_a_matter_of_settings(provider, account, site) -> None:
    site.versions = ["1.99"]

    with pytest.raises(Misconfigured, match="look-up"):
        provider.find(account("anna"))


@pytest.mark.parametrize("body", ["", "[]", "7", "{}", "<html>"])
def test_a_creation_that_is_answered_with_nothing_leaves_open_whether_it_was_done(wire, provider, account, body) -> None:
    wire.fail(status=200, body=body.encode(), match=lambda request: request.method == "POST" and "/d2l/" in request.path)
    wanted = provider.attributes(account("anna"))

    with pytest.raises(Unclear):
        users.create(provider.client, wanted, STUDENT, None, provider.settings)


def test_activation_is_done_when_the_site_says_so(provider, made, account, site) -> None:
    number = made(account("anna"))
    site.fail(200, body={"IsActive": True}, match=lambda method, path: path.endswith("/activation"))

    with pytest.raises(ProviderError, match="opened or closed"):
        provider.suspend(number)
