"""Plans of many changes: few calls, an outcome for each, and only the guilty fail."""

from collections.abc import Callable
from typing import Any

import pytest

from rolecall import AccountSnapshot, Change, Result, RoleSnapshot, Secret, Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.testing.wire import Wire
from rolecall_moodle.client import flatten
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


def test_fifty_accounts_are_made_with_few_calls(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls):
    plan = [change(Verb.CREATE, account(f"user{n}", roles=MAIN)) for n in range(50)]

    results = apply(*plan)

    assert errors(results) == {}
    assert {name: result.external_id for name, result in results.items()} == {name: str(user["id"]) for name, user in moodle.users.items()}
    assert len(moodle.cohorts["rolecall:2026:student:Main"]) == 50
    assert calls().count(CREATE) == 1
    assert len(calls()) <= 7


def test_no_call_has_more_fields_than_a_careful_host_takes(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.max_input_vars = 1000
    plan = [change(Verb.CREATE, account(f"user{n}", roles=MAIN)) for n in range(300)]

    results = apply(*plan)

    assert errors(results) == {}
    assert len(moodle.users) == 300
    assert max(len(entry["fields"]) for entry in moodle.journal) <= 903


def test_one_bad_row_does_not_keep_the_others_out(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    plan = [change(Verb.CREATE, account(f"user{n}")) for n in range(20)]
    plan.append(change(Verb.CREATE, account("weak"), password=Secret("abc")))
    plan.append(change(Verb.CREATE, account("longmail", email="l" * 95 + "@x.example")))

    results = apply(*plan)

    assert set(errors(results)) == {"weak", "longmail"}
    assert kind(results["weak"].error, Permanent)
    assert "special character" in str(results["weak"].error)
    assert len(moodle.users) == 20


def test_bad_row_that_only_moodle_recognises_is_permanent(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "ben")]
    bad = change(Verb.CREATE, account("carl"))
    bad.wanted["lang"] = "xx"  # type: ignore[index] # a language that the site does not have

    results = apply(*plan, bad)

    assert set(errors(results)) == {"carl"}
    assert kind(results["carl"].error, Permanent)
    assert set(moodle.users) == {"anna", "ben"}


def test_passwords_that_moodle_mails_are_never_mailed_for_nothing(
    moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    moodle.add_user(username="x", firstname="X", lastname="Y", email="BEN@school.example", idnumber="SIS-9")
    plan = [change(Verb.CREATE, account(name), password=None) for name in ("anna", "ben", "carl")]

    results = apply(*plan)

    assert set(errors(results)) == {"ben"}
    assert moodle.mails == ["anna@school.example", "carl@school.example"]


def test_existing_users_are_adopted_in_one_update(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply, calls: Calls):
    moodle.add_user(username="anna", firstname="Old", lastname="Lab", email="anna@school.example")
    moodle.add_user(username="b.k", firstname="Ben", lastname="Lab", email="ben@school.example", suspended=True)
    moodle.add_user(username="c.k", firstname="Carl", lastname="Lab", email="CARL@school.example", idnumber="key-carl")

    results = apply(*(change(Verb.CREATE, account(name, roles=MAIN)) for name in ("anna", "ben", "carl")))

    assert errors(results) == {}
    assert all(result.adopted for result in results.values())
    assert {name: (user["firstname"], user["idnumber"], user["suspended"]) for name, user in moodle.users.items()} == {
        "anna": ("Anna", "key-anna", False),
        "ben": ("Ben", "key-ben", False),
        "carl": ("Carl", "key-carl", False),
    }
    assert moodle.cohorts["rolecall:2026:student:Main"] == {"anna", "ben", "carl"}
    assert calls().count("user_update_users") == 1
    assert CREATE not in calls()


def test_user_who_comes_back_leaves_the_cohorts_of_former_roles(
    provider: MoodleProvider, moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    before = account(roles=(RoleSnapshot(period="2025", role="Main"), *MAIN))
    provider.create(before, provider.attributes(before), Secret("Passw0rd!x"))

    results = apply(change(Verb.CREATE, account("anna", roles=MAIN)))

    assert results["anna"].adopted
    assert moodle.users["anna"]["groups"] == {"rolecall:2026:student:Main"}


def test_user_with_somebody_elses_key_is_left_alone(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.add_user(username="anna", firstname="Other", lastname="Lab", email="o@school.example", idnumber="SIS-7")

    results = apply(change(Verb.CREATE, account()), change(Verb.CREATE, account("ben")))

    assert errors(results) == {"anna": Conflict}
    assert "SIS-7" in str(results["anna"].error)
    assert moodle.users["anna"]["firstname"] == "Other"


def test_two_accounts_never_adopt_the_same_user(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.add_user(username="anna", firstname="A", lastname="Lab", email="shared@school.example")

    results = apply(
        change(Verb.CREATE, account("anna", email="a@x.example")), change(Verb.CREATE, account("ben", email="shared@school.example"))
    )

    assert len(errors(results)) == 1
    assert kind(results["ben"].error, Conflict)


def test_two_users_with_the_key_block_only_their_account(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    for name in ("x", "y"):
        moodle.add_user(username=name, firstname="X", lastname="Y", email=f"{name}@x.example", idnumber="key-anna")

    results = apply(change(Verb.CREATE, account()), change(Verb.CREATE, account("ben")))

    assert errors(results) == {"anna": Conflict}


def test_lost_race_is_found_and_adopted(moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    def overtake() -> None:
        moodle.add_user(username="anna", firstname="Anna", lastname="Lab", email="anna@school.example", idnumber="key-anna")

    wire.run(overtake, match=asks(CREATE))

    results = apply(change(Verb.CREATE, account()))

    assert results["anna"].adopted
    assert results["anna"].external_id == str(moodle.users["anna"]["id"])


def test_lost_reply_is_ambiguous_and_the_next_attempt_adopts(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "ben")]
    wire.drop(when="after", match=asks(CREATE))

    first = apply(*plan)
    second = apply(*plan)

    assert all(kind(result.error, Ambiguous) for result in first.values())
    assert errors(second) == {}
    assert {result.external_id for result in second.values()} == {str(user["id"]) for user in moodle.users.values()}


def test_server_that_dies_over_one_row_takes_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "poison", "ben", "carl")]
    wire.fail(next=None, status=500, match=asks(CREATE, having=b"poison"))

    results = apply(*plan)

    assert kind(results["poison"].error, Transient)
    assert set(errors(results)) == {"poison"}
    assert set(moodle.users) == {"anna", "ben", "carl"}


def test_server_that_garbles_one_row_takes_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "poison", "ben")]
    wire.garbage(next=None, match=asks(CREATE, having=b"poison"))

    results = apply(*plan)

    assert kind(results["poison"].error, Ambiguous)
    assert set(errors(results)) == {"poison"}


def test_reply_that_died_after_the_creation_makes_nobody_twice(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    def crash(name: str, phase: str) -> None:
        if name == "core_user_create_users" and phase == "after_commit":
            moodle.on_request = lambda *_: None
            raise ValueError

    moodle.on_request = crash

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben")))

    assert errors(results) == {}
    assert all(result.adopted for result in results.values())
    assert len(moodle.users) == 2
    wire.errors.clear()


def test_ill_server_is_left_in_peace_after_two_faults(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.fail(next=None, status=500, match=asks(CREATE))

    results = apply(*(change(Verb.CREATE, account(f"user{n}")) for n in range(20)))

    assert len(errors(results)) == 20
    assert sum(asks(CREATE)(request) for request in wire.journal) == 3


def test_single_account_over_which_the_server_dies_is_tried_again_later(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.fail(next=None, status=500, match=asks(CREATE))

    assert kind(apply(change(Verb.CREATE, account()))["anna"].error, Transient)


def test_single_after_a_fault_is_refused_for_its_own_reason(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    wire.fail(status=502, match=asks(CREATE))

    results = apply(change(Verb.CREATE, account()), change(Verb.CREATE, account("weak"), password=Secret("abc")))

    assert set(errors(results)) == {"weak"}
    assert kind(results["weak"].error, Permanent)


def test_closed_site_stops_the_whole_plan_with_its_wish(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    moodle.maintenance = "cli"

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"), change(Verb.DELETE, account("carl"), "8"))

    assert len(wire.journal) == 1
    for result in results.values():
        assert isinstance(result.error, Transient)
        assert result.error.retry_after is not None
        assert result.error.retry_after.total_seconds() == 300


def test_refused_token_stops_the_whole_plan(moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.revoke_token(moodle.settings["token"])

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"))

    assert all(kind(result.error, Misconfigured) for result in results.values())
    assert len(wire.journal) == 1


def test_what_was_never_sent_is_not_in_doubt(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.drop(when="mid", match=asks(CREATE))

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"))

    assert kind(results["anna"].error, Ambiguous)
    assert kind(results["ben"].error, Transient)


def test_answer_for_fewer_users_than_sent_is_not_believed(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    answer = b'[{"id": 11, "username": "anna"}, {"id": 12, "username": "ben"}]'
    wire.garbage(body=answer, content_type="application/json", match=asks(CREATE))

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben", "carl")))

    assert results["anna"].external_id == "11"
    assert results["anna"].error is None
    assert set(errors(results)) == {"ben", "carl"}
    assert all(kind(results[name].error, Ambiguous) for name in ("ben", "carl"))


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"null",
        b"[1, 2]",
        b"[]",
        b'[{"id": NaN, "username": "anna"}]',
        b'[{"username": "anna"}]',
        b'[{"id": true, "username": "anna"}]',
        b'[{"id": -1, "username": "anna"}]',
        b'[{"id": 99999999999999999999999, "username": "anna"}]',
        b'[{"id": 5, "username": "somebody"}]',
        b'[{"id": 5, "username": "anna"}, {"id": 5, "username": "anna"}]',
        b'[{"id": 5, "username": "anna"}, {"id": 6, "username": "anna"}]',
        b"<html>Log in</html>",
        b"",
        b"[" * 100_000,
    ],
)
def test_hostile_answer_to_a_creation_is_ambiguous(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply, answer: bytes):
    wire.garbage(body=answer, content_type="application/json", match=asks(CREATE))

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert kind(result.error, Ambiguous)
    assert result.external_id is None


def test_request_that_php_cut_is_recognised(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.max_input_vars = 100
    plan = [change(Verb.CREATE, account(f"user{n}")) for n in range(30)]

    cut = apply(*plan)
    moodle.max_input_vars = 5000
    again = apply(*plan)

    assert all(kind(result.error, Misconfigured) for result in cut.values())
    assert "max_input_vars" in str(cut["user0"].error)
    assert errors(again) == {}
    assert len(moodle.users) == 30
    assert {user["idnumber"] for user in moodle.users.values()} == {f"key-user{n}" for n in range(30)}


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


def test_bug_in_the_plugin_is_reported_for_each_change(account: MakeAccount, change: MakeChange, apply: Apply):
    broken = change(Verb.CREATE, account("anna"))
    broken.wanted["username"] = None  # type: ignore[index] # what no account can have

    results = apply(broken, change(Verb.CREATE, account("ben")))

    assert results["anna"].error is not None


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


def test_mailed_creation_over_which_the_server_dies_does_not_keep_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    wire.fail(next=None, status=500, match=asks(CREATE, having=b"poison"))

    results = apply(*(change(Verb.CREATE, account(name), password=None) for name in ("anna", "poison", "ben")))

    assert set(errors(results)) == {"poison"}
    assert set(moodle.users) == {"anna", "ben"}


def test_account_that_spoils_the_look_up_does_not_keep_the_others(
    moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    half = "\ud800@school.example"

    results = apply(
        change(Verb.CREATE, account("anna")),
        change(Verb.CREATE, account("half", email=half)),
        change(Verb.CREATE, account("ben")),
    )

    assert set(errors(results)) == {"half"}
    assert kind(results["half"].error, Permanent)
    assert set(moodle.users) == {"anna", "ben"}


def test_account_that_spoils_the_look_up_after_a_fault_fails_alone(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    refused = b'{"exception": "x", "errorcode": "invalidparameter", "message": "Invalid"}'
    wire.fail(status=500, match=asks(CREATE))
    wire.garbage(next=None, body=refused, match=lambda request: b"values%5B0%5D=key-ben&moodle" in request.body)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben", "carl")))

    assert set(errors(results)) == {"ben"}
    assert set(moodle.users) == {"anna", "carl"}


def test_refusal_stays_when_the_holder_cannot_be_looked_up(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    refused = b'{"exception": "x", "errorcode": "invalidparameter", "message": "Invalid"}'
    wire.garbage(body=refused, match=asks(CREATE))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(body=refused, match=asks("user_get_users_by_field"))

    assert kind(apply(change(Verb.CREATE, account()))["anna"].error, Permanent)


def test_empty_plan_is_no_work(provider: MoodleProvider, calls: Calls):
    assert list(provider.apply([])) == []
    assert calls() == []


def test_form_fields_are_written_as_php_reads_them():
    value = {"users": [{"id": 5, "suspended": True, "preferences": [{"type": "a", "value": False}]}], "empty": []}

    assert list(flatten(value)) == [
        ("users[0][id]", "5"),
        ("users[0][suspended]", "1"),
        ("users[0][preferences][0][type]", "a"),
        ("users[0][preferences][0][value]", "0"),
    ]
