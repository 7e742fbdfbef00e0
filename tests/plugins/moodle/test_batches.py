"""Plans of many changes: few calls, an outcome for each, and only the guilty fail."""

from collections.abc import Callable
from typing import Any

from rolecall import AccountSnapshot, Change, Result, RoleSnapshot, Secret, Verb
from rolecall.errors import Ambiguous, Conflict, Permanent
from rolecall.testing.wire import Wire
from rolecall_moodle.client import flatten
from rolecall_moodle.fake import FakeMoodle
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


def test_bug_in_the_plugin_is_reported_for_each_change(account: MakeAccount, change: MakeChange, apply: Apply):
    broken = change(Verb.CREATE, account("anna"))
    broken.wanted["username"] = None  # type: ignore[index] # what no account can have

    results = apply(broken, change(Verb.CREATE, account("ben")))

    assert results["anna"].error is not None


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
