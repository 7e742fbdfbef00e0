"""Updates, closings and cohorts of many: they travel together and fail alone."""

from collections.abc import Callable
from typing import Any

from rolecall import AccountSnapshot, Change, Result, RoleSnapshot, Secret, Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent
from rolecall.testing.wire import Wire
from rolecall_moodle.cohorts import group_key
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle
from rolecall_moodle.provider import MoodleProvider

MakeAccount = Callable[..., AccountSnapshot]
MakeChange = Callable[..., Change]
Apply = Callable[..., dict[str, Result]]
Calls = Callable[[], list[str]]

CREATE = "user_create_users"
MAIN = (RoleSnapshot(period="2026", role="Main"),)


def asks(function: str, *, having: bytes = b"") -> Callable[[Any], bool]:
    """Match calls of a function whose form holds some text."""
    return lambda request: f"wsfunction=core_{function}&".encode() in request.body and having in request.body


def errors(results: dict[str, Result]) -> dict[str, type[BaseException]]:
    """Return the kinds of errors by user name; those that went well are absent."""
    return {name: type(result.error) for name, result in results.items() if result.error is not None}


def kind(error: object, expected: type[BaseException]) -> bool:
    """Tell whether a result's error is of a kind."""
    return isinstance(error, expected)


def made(provider: MoodleProvider, account: AccountSnapshot) -> str:
    """Create an account at the site and return its id there."""
    return provider.create(account, provider.attributes(account), Secret("Passw0rd!x")).external_id


def test_updates_of_many_travel_together_and_fail_alone(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls
):
    people = [account(name) for name in ("anna", "ben", "carl", "dora", "eva")]
    numbers = [made(provider, person) for person in people]
    provider.delete(numbers[1])
    before = len(calls())
    after: list[dict[str, Any]] = [
        {"firstname": "Annika"},
        {"firstname": "X"},
        {"email": "anna@school.example"},
        {"username": "anna"},
        {"lastname": "Y"},
    ]

    results = apply(*(change(Verb.UPDATE, p, n, after=a) for p, n, a in zip(people, numbers, after, strict=True)))

    assert errors(results) == {"ben": NotFound, "carl": Conflict, "dora": Conflict}
    assert moodle.users["anna"]["firstname"] == "Annika"
    assert moodle.users["eva"]["lastname"] == "Y"
    assert calls()[before:] == ["user_update_users", "user_get_users_by_field"]


def test_whole_update_that_is_refused_is_done_one_by_one(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    people = [account(name) for name in ("anna", "ben")]
    numbers = [made(provider, person) for person in people]

    results = apply(
        change(Verb.UPDATE, people[0], numbers[0], after={"firstname": "Annika"}),
        change(Verb.UPDATE, people[1], numbers[1], after={"lang": "xx"}),
    )

    assert set(errors(results)) == {"ben"}
    assert kind(results["ben"].error, Permanent)
    assert moodle.users["anna"]["firstname"] == "Annika"


def test_update_that_moodle_cannot_hold_is_not_sent(account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls):
    results = apply(change(Verb.UPDATE, account(), "7", after={"firstname": "F" * 101}))

    assert kind(results["anna"].error, Permanent)
    assert calls() == []


def test_update_whose_answer_is_lost_is_ambiguous_and_may_be_repeated(
    provider: MoodleProvider, moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    anna = account()
    plan = change(Verb.UPDATE, anna, made(provider, anna), after={"firstname": "Annika"})
    wire.drop(when="after", match=asks("user_update_users"))

    assert kind(apply(plan)["anna"].error, Ambiguous)
    assert errors(apply(plan)) == {}
    assert moodle.users["anna"]["firstname"] == "Annika"


def test_warning_about_a_stranger_is_sorted_out_one_by_one(
    provider: MoodleProvider, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    people = [account(name) for name in ("anna", "ben")]
    plan = [change(Verb.UPDATE, person, made(provider, person), after={"lastname": "New"}) for person in people]
    answer = b'{"warnings": [{"itemid": 4711, "warningcode": "odd", "message": "odd"}]}'
    wire.garbage(body=answer, content_type="application/json", match=asks("user_update_users"))

    assert errors(apply(*plan)) == {}


def test_unknown_warning_blocks_with_moodles_words(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    answer = b'{"warnings": [{"itemid": 7, "warningcode": "usernotupdatedodd", "message": "<b>Odd</b>"}]}'
    wire.garbage(body=answer, content_type="application/json", match=asks("user_update_users"))

    result = apply(change(Verb.UPDATE, account(), "7", after={"lastname": "New"}))["anna"]

    assert kind(result.error, Permanent)
    assert "Odd" in str(result.error)
    assert "<b>" not in str(result.error)


def test_too_long_a_value_in_an_update_is_permanent(provider: MoodleProvider, account: MakeAccount, change: MakeChange, apply: Apply):
    anna = account()

    results = apply(change(Verb.UPDATE, anna, made(provider, anna), after={"username": "anna2", "idnumber": "k" * 300}))

    assert kind(results["anna"].error, Permanent)


def test_suspend_resume_and_delete_of_many(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls
):
    people = [account(name) for name in ("anna", "ben", "carl")]
    numbers = [made(provider, person) for person in people]
    apply(*(change(Verb.SUSPEND, person, number) for person, number in zip(people, numbers, strict=True)))
    assert all(user["suspended"] for user in moodle.users.values())

    apply(*(change(Verb.RESUME, person, number, after={"lastname": "Back"}) for person, number in zip(people, numbers, strict=True)))
    assert {(user["suspended"], user["lastname"]) for user in moodle.users.values()} == {(False, "Back")}

    provider.delete(numbers[0])
    results = apply(*(change(Verb.DELETE, person, number) for person, number in zip(people, numbers, strict=True)))
    assert errors(results) == {}
    assert results["anna"].note == "It was already gone."
    assert moodle.users == {}


def test_one_user_who_cannot_be_deleted_does_not_keep_the_others(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    anna = account()

    results = apply(change(Verb.DELETE, anna, made(provider, anna)), change(Verb.DELETE, account("robot"), "3"))

    assert set(errors(results)) == {"robot"}
    assert kind(results["robot"].error, Permanent)
    assert moodle.users == {}


def test_closing_without_an_id_closes_only_what_is_ours(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    anna, ben, carl = account("anna"), account("ben"), account("carl")
    made(provider, anna)
    made(provider, carl)
    moodle.add_user(username="ben", firstname="Ben", lastname="Lab", email="b@x.example")

    results = apply(change(Verb.SUSPEND, anna), change(Verb.SUSPEND, ben), change(Verb.DELETE, carl))

    assert errors(results) == {}
    assert moodle.users["anna"]["suspended"] is True
    assert moodle.users["ben"]["suspended"] is False
    assert "carl" not in moodle.users
    assert results["ben"].note


def test_link_with_an_id_that_is_none_is_not_found(account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls):
    results = apply(*(change(verb, account(f"u{verb}"), "seven") for verb in (Verb.UPDATE, Verb.SUSPEND, Verb.RESUME, Verb.DELETE)))

    assert set(errors(results).values()) == {NotFound}
    assert calls() == []


def test_change_of_roles_sends_only_the_difference(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls
):
    keys = {role: group_key("2026", "student", role) for role in ("Main", "Choir", "Drama")}
    anna = account(roles=tuple(RoleSnapshot(period="2026", role=role) for role in ("Main", "Choir")))
    number = made(provider, anna)
    before = len(calls())

    results = apply(
        change(
            Verb.UPDATE,
            anna,
            number,
            before={"groups": frozenset({keys["Main"], keys["Choir"], "BY-HAND"})},
            after={"groups": frozenset({keys["Main"], keys["Drama"]})},
        )
    )

    assert errors(results) == {}
    assert moodle.users["anna"]["groups"] == {keys["Main"], keys["Drama"]}
    assert [name for name in calls()[before:] if "members" in name] == ["cohort_add_cohort_members", "cohort_delete_cohort_members"]


def test_roles_of_a_deleted_user_are_not_found_and_the_others_go_on(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    people = [account(name) for name in ("anna", "ben", "carl", "dora")]
    numbers = [made(provider, person) for person in people]
    old, new = group_key("2025", "student", "Main"), group_key("2026", "student", "Main")
    provider.ensure_groups([old])
    provider.delete(numbers[1])
    provider.delete(numbers[3])
    added: dict[str, Any] = {"after": {"groups": frozenset({new})}}
    removed: dict[str, Any] = {"before": {"groups": frozenset({old})}, "after": {"groups": frozenset()}}

    results = apply(
        change(Verb.UPDATE, people[0], numbers[0], **added),
        change(Verb.UPDATE, people[1], numbers[1], **added),
        change(Verb.UPDATE, people[2], numbers[2], **removed),
        change(Verb.UPDATE, people[3], numbers[3], **removed),
    )

    assert errors(results) == {"ben": NotFound, "dora": NotFound}
    assert moodle.users["anna"]["groups"] == {new}


def test_created_user_keeps_its_id_when_its_cohorts_fail(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.change_token(moodle.settings["token"], rights=ALL_RIGHTS - {"moodle/cohort:manage", "moodle/cohort:assign"})

    result = apply(change(Verb.CREATE, account(roles=MAIN)))["anna"]

    assert kind(result.error, Misconfigured)
    assert result.external_id == str(moodle.users["anna"]["id"])


def test_refused_update_of_one_is_nobody_elses_trouble(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    anna, ben, carl = account("anna"), account("ben"), account("carl", roles=MAIN)
    numbers = [made(provider, person) for person in (anna, ben)]

    results = apply(
        change(Verb.UPDATE, anna, numbers[0], after={"lang": "xx"}),
        change(Verb.DELETE, ben, numbers[1]),
        change(Verb.CREATE, carl),
    )

    assert set(errors(results)) == {"anna"}
    assert set(moodle.users) == {"anna", "carl"}
