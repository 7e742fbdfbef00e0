"""Users and logins: made, found, adopted, changed, closed, deleted, brought back and walked."""

from dataclasses import replace

import pytest

from rolecall import Secret, Verb
from rolecall.errors import Conflict, NotFound, Permanent
from rolecall_canvas.errors import Taken


def test_a_user_is_made_with_login_key_and_an_address_that_gets_no_mail(made, account, canvas) -> None:
    anna = account()

    made(anna)

    user = canvas.users["anna"]
    assert (user["name"], user["sortable_name"], user["email"]) == ("Anna Lab", "Lab, Anna", "anna@home.example")
    assert user["sis_user_id"] == anna.key
    assert canvas.state.mailed == []
    (form,) = [each["form"] for each in canvas.journal if each["method"] == "POST"]
    assert form["enable_sis_reactivation"] == form["force_validations"] == form["communication_channel[skip_confirmation]"] == "true"
    assert form["pseudonym[send_confirmation]"] == "false"
    assert form["pseudonym[password]"] == "***"


def test_without_an_address_there_is_no_channel_and_no_letter_of_a_login_is_large(made, account, canvas) -> None:
    made(account("ANNA", email=None))

    assert canvas.users["anna"]["email"] is None


class TestOtherSignIn:
    @pytest.fixture
    def settings(self):
        return {
            "authentication_provider": "saml",
            "force_validations": False,
            "sis_prefix": "rc-",
            "mapping": {
                "unique_id": {"mode": "own", "template": "{username}@School.example"},
                "short_name": {"mode": "own", "template": "{first_name}"},
            },
        }

    def test_where_people_sign_in_elsewhere_no_password_is_sent_and_logins_are_mapped(self, made, account, canvas, provider) -> None:
        anna = account()

        number = made(anna)

        (form,) = [each["form"] for each in canvas.journal if each["method"] == "POST"]
        assert "pseudonym[password]" not in form
        assert (form["pseudonym[authentication_provider_id]"], form["force_validations"]) == ("saml", "false")
        assert canvas.users["anna@school.example"]["short_name"] == "Anna"
        found = provider.find(anna)
        assert (found.external_id, found.key, found.attributes) == (number, anna.key, provider.attributes(anna))
        assert canvas.users["anna@school.example"]["sis_user_id"] == f"rc-{anna.key}"

    def test_a_login_of_nothing_is_refused_in_words(self, apply, account, change) -> None:
        result = apply(change(Verb.CREATE, account(username="x" * 101)))

        assert isinstance(result["x" * 101].error, Permanent)


def test_who_is_found_by_login_is_adopted_and_gets_our_key(made, account, canvas, provider) -> None:
    number = canvas.add_user("Anna", name="A. Lab")
    anna = account()

    assert made(anna) == number

    assert provider.find(anna).attributes == provider.attributes(anna) | {"short_name": "A. Lab"}
    assert canvas.users["Anna"]["sis_user_id"] == anna.key


def test_who_is_found_by_address_alone_is_adopted_and_signs_in_with_our_name(made, account, canvas) -> None:
    number = canvas.add_user("a.lab", email="Anna@home.example")
    canvas.add_user("other", email="anna@home.example.org")

    assert made(account()) == number

    assert "anna" in canvas.users


def test_an_adopted_user_keeps_what_is_set_once(apply, change, account, canvas) -> None:
    canvas.add_user("anna", name="Annie", sortable_name=None)

    apply(change(Verb.CREATE, account(), once=frozenset({"name", "sortable_name"})))

    assert (canvas.users["anna"]["name"], canvas.users["anna"]["sortable_name"]) == ("Annie", "Lab, Anna")


def test_an_address_that_belongs_to_somebody_with_another_key_does_not_matter(made, account, canvas) -> None:
    other = canvas.add_user("mother", email="anna@home.example", sis_user_id="P-17")

    assert made(account()) != other


def test_an_address_that_several_have_waits_for_a_person(apply, change, account, canvas) -> None:
    for login in ("a.lab", "b.lab"):
        canvas.add_user(login, email="anna@home.example")

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Conflict)
    assert "Several users" in error.message


def test_a_login_of_somebody_elses_is_left_alone(apply, change, account, canvas, calls) -> None:
    canvas.add_user("anna", sis_user_id="P-17")

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Conflict)
    assert "P-17" in error.message
    assert calls() == []


def test_a_login_that_is_taken_between_the_look_and_the_creation_is_adopted(made, account, canvas, wire) -> None:
    wire.run(lambda: canvas.add_user("anna"), match=lambda request: request.method == "POST")

    number = made(account())

    assert canvas.users["anna"]["id"] == int(number)


class TestSeveralLogins:
    @pytest.fixture
    def anna(self, canvas, account):
        anna = account()
        number = canvas.add_user("private", email=anna.email)
        canvas.state.add_login(int(number), "anna", anna.key)
        return replace(anna, version=int(number))

    def test_the_one_with_our_key_is_read_and_written(self, anna, canvas, provider) -> None:
        number = str(anna.version)

        provider.update(number, {"unique_id": "annika"})

        assert {"private", "annika"} == set(canvas.users)
        assert provider.find(replace(anna, username="annika")).attributes["unique_id"] == "annika"

    def test_all_of_them_are_suspended_and_opened(self, anna, canvas, provider) -> None:
        provider.suspend(str(anna.version))
        assert {user["state"] for user in canvas.users.values()} == {"suspended"}
        assert provider.find(anna).suspended

        provider.resume(str(anna.version))
        assert not provider.find(anna).suspended

    def test_where_nobody_can_tell_which_is_ours_nothing_is_changed(self, canvas, account, apply, change, calls) -> None:
        number = canvas.add_user("one", email="berta@home.example")
        canvas.state.add_login(int(number), "two")

        error = apply(change(Verb.CREATE, account("berta")))["berta"].error

        assert isinstance(error, Conflict)
        assert "one, two" in error.message
        assert calls() == []


def test_only_what_differs_is_sent(made, account, provider, canvas, calls) -> None:
    number = made(account())
    before = len(calls())

    provider.update(number, {"name": "Anna Kowalska", "email": "new@home.example"})
    provider.update(number, {"email": None, "name": "Anna Kowalska"})
    provider.update(number, {"email": None})

    assert calls()[before:] == [f"PUT /users/{number}"] * 2
    assert canvas.users["anna"]["email"] == "new@home.example"
    assert canvas.users["anna"]["name"] == "Anna Kowalska"


def test_a_new_login_that_is_taken_changes_nothing_else(made, account, provider, canvas) -> None:
    number = made(account())
    canvas.add_user("annika")

    with pytest.raises(Taken):
        provider.update(number, {"unique_id": "annika", "name": "Annika Lab"})

    assert canvas.users["anna"]["name"] == "Anna Lab"


@pytest.mark.parametrize("number", ["9999", "nonsense"])
def test_who_is_gone_is_not_found(provider, number) -> None:
    for call in (
        lambda: provider.update(number, {"unique_id": "x"}),
        lambda: provider.update(number, {"name": "x"}),
        lambda: provider.suspend(number),
        lambda: provider.resume(number),
        lambda: provider.delete(number),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_user_without_any_login_is_gone(provider, canvas) -> None:
    number = canvas.add_user("anna")
    next(iter(canvas.state.logins.values()))["workflow_state"] = "deleted"

    with pytest.raises(NotFound):
        provider.update(number, {"unique_id": "annika"})


def test_who_was_deleted_is_brought_back_as_the_same_user(made, account, provider, canvas) -> None:
    anna = account()
    number = made(anna)
    provider.delete(number)
    assert canvas.users == {}

    assert made(replace(anna, username="annika")) == number

    assert set(canvas.users) == {"annika"}


class TestCanvasThatDoesNotReactivate:
    @pytest.fixture
    def options(self):
        return {"reactivates": False}

    def test_a_deleted_user_that_holds_our_key_is_restored(self, made, account, provider, calls) -> None:
        anna = account()
        number = made(anna)
        provider.delete(number)

        assert made(anna) == number
        assert f"PUT /accounts/self/users/{number}/restore" in calls()

    def test_a_key_that_nobody_can_find_is_a_conflict(self, made, account, provider, apply, change, canvas) -> None:
        anna = account()
        number = made(anna)
        provider.delete(number)
        canvas.fail(200, body=[], match=lambda method, path: path == "/accounts/self/users" and method == "GET", next=None)

        assert isinstance(apply(change(Verb.CREATE, anna))["anna"].error, Taken)


class TestCanvasThatKeepsOldNames:
    @pytest.fixture
    def options(self):
        return {"keeps_old_names": True}

    def test_who_comes_back_gets_the_names_of_today(self, made, account, provider, canvas) -> None:
        anna = account()
        number = made(anna)
        provider.delete(number)

        assert made(replace(anna, username="annika", person=replace(anna.person, first_name="Annika"))) == number

        assert canvas.users["annika"]["name"] == "Annika Lab"


class TestLoginByAddress:
    @pytest.fixture
    def settings(self):
        return {"mapping": {"unique_id": {"mode": "own", "template": "{email}"}}}

    def test_an_account_without_what_its_login_is_made_of_is_refused_before_anything_is_asked(self, apply, change, account, canvas) -> None:
        error = apply(change(Verb.CREATE, account(email=None)))["anna"].error

        assert isinstance(error, Permanent)
        assert "login" in error.message
        assert canvas.journal == []


def test_our_user_whose_new_login_is_taken_by_another_waits_for_a_person(made, account, apply, change, canvas, calls) -> None:
    anna = account()
    made(anna)
    canvas.add_user("annika")

    error = apply(change(Verb.CREATE, replace(anna, username="annika")))["annika"].error

    assert isinstance(error, Taken)
    assert not any("restore" in call for call in calls())


class TestWalk:
    @pytest.fixture
    def options(self):
        return {"page_size": 2, "repeats": True}

    def test_every_user_comes_once_with_whether_it_is_suspended(self, made, account, provider, canvas) -> None:
        ours = {name: made(account(name)) for name in ("anna", "berta")}
        others = [canvas.add_user(f"other{number}", sis_user_id=f"P-{number}") for number in range(3)]
        provider.suspend(ours["berta"])

        walked = list(provider.accounts())

        assert [remote.external_id for remote in walked] == [*ours.values(), *others]
        by_id = {remote.external_id: remote for remote in walked}
        assert [by_id[ours[name]].suspended for name in ("anna", "berta")] == [False, True]
        assert by_id[others[0]].key == "P-0"
        assert by_id[ours["anna"]].attributes == provider.attributes(account()) | {"short_name": "Anna Lab"}


def test_a_creation_without_a_password_has_none(provider, account, canvas) -> None:
    anna = account()

    made = provider.create(anna, provider.attributes(anna), None)

    assert made.key == anna.key
    assert next(iter(canvas.state.logins.values()))["password"] is None


def test_a_password_is_never_in_the_journal(provider, account, canvas) -> None:
    anna = account()

    provider.create(anna, provider.attributes(anna), Secret("Kqm4tv-9xbhwd"))

    assert "Kqm4tv" not in str(canvas.journal)
