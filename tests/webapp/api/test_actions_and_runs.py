"""Doing things with accounts over the API, and the runs that come of it (R35-R39, P-04, Z-10)."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from rolecall.store.tables import Account, Period, Run, RunItem
from rolecall.testing.factories import make_account, make_accounts, make_period, make_person, make_role
from rolecall.work import jobs


def test_actions_are_exactly_what_is_registered(owner, core):
    listed = owner.get("/actions").json

    with core.db.read() as session:
        assert [each["id"] for each in listed["items"]] == list(core.plugins.view(session).actions)


def test_action_lists_the_choices_there_are_now(owner, school):
    school(make_role, "Main student")
    school(make_period)

    (assign,) = [each for each in owner.get("/actions").json["items"] if each["id"] == "roles.assign"]

    assert assign["params"]["properties"]["period"]["enum"] == ["2026"]
    assert "Main student" in assign["params"]["properties"]["role"]["enum"]
    assert assign["params"]["properties"]["mode"]["enum"] == ["add", "replace", "remove"]
    assert (assign["bulk"], assign["grade"], assign["permission"]) == (True, "plain", "act:roles.assign")


def test_action_says_what_it_requires_and_whether_it_is_allowed(program):
    clerk = program("accounts:view", "act:account.delete")

    by_id = {each["id"]: each for each in clerk.get("/actions").json["items"]}

    assert by_id["account.delete"]["allowed"]
    assert by_id["account.delete"]["confirm"]
    assert not by_id["account.activate"]["allowed"]
    assert by_id["account.activate"]["requires"][0]["message"]


def test_one_account_is_changed_and_the_run_answered(owner, core, school):
    anna = school(make_account, "Anna")

    answer = owner.post("/actions/account.deactivate", {"accounts": [anna], "reason": "left"})

    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["reason"], answer.json["counts"]["done"]) == ("done", "left", 1)
    assert owner.get(f"/accounts/{anna}").json["active"] is False
    (item,) = owner.get(f"/runs/{answer.json['id']}/items").json["items"]
    assert (item["account"]["id"], item["before"], item["after"]) == (anna, {"active": True}, {"active": False})


def test_one_account_that_it_does_not_apply_to_is_refused_with_the_sentence(owner, school):
    anna = school(make_account, "Anna", active=False)

    answer = owner.post("/actions/account.deactivate", {"accounts": [anna]})

    assert answer.status_code == 409
    assert answer.json["detail"]


def test_among_several_it_is_a_skipped_item(owner, school):
    anna, boris = school(make_account, "Anna", active=False), school(make_account, "Boris")

    run = owner.post("/actions/account.deactivate", {"accounts": [anna, boris]}).json

    assert (run["counts"]["done"], run["counts"]["skipped"]) == (1, 1)
    (skipped,) = owner.get(f"/runs/{run['id']}/items?outcome=skipped").json["items"]
    assert (skipped["account"]["id"], bool(skipped["message"])) == (anna, True)


def test_missing_consent_is_told_with_the_consequence(owner, school):
    anna = school(make_account, "Anna")

    without = owner.post("/actions/account.delete", {"accounts": [anna]})
    agreed = owner.post("/actions/account.delete", {"accounts": [anna], "agreed": True})

    assert (without.status_code, without.json["code"], agreed.status_code) == (409, "consent-required", 200)
    assert owner.get("/accounts?deleted=only").json["total"] == 1


def test_filter_chooses_and_the_expected_number_guards(owner, school):
    school(make_accounts, 3)

    wrong = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}, "expected": 2})
    right = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}, "expected": 3})

    assert (wrong.status_code, wrong.json["code"], wrong.json["count"]) == (409, "count-changed", 3)
    assert right.json["counts"]["done"] == 3


def test_dry_run_answers_the_plan_and_changes_nothing(owner, core, school):
    school(make_account, "Anna", active=False)
    school(make_account, "Boris")

    plan = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}, "dry_run": True}).json

    assert (plan["dry_run"], plan["total"], plan["will"]) == (True, 2, 1)
    assert plan["skipped"][0]["count"] == 1
    assert plan["examples"][0]["name"].startswith("Boris")
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_dry_run_with_wrong_parameters_is_refused(owner, school):
    anna = school(make_account, "Anna")

    answer = owner.post("/actions/roles.assign", {"accounts": [anna], "params": {"period": "1999"}, "dry_run": True})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"params": {"period": "1999", "role": "Main student"}},
        {"params": {"period": "2026", "role": "Nobody"}},
        {"params": {"period": "2026", "role": "Main student", "mode": "steal"}},
        {"params": {"period": "2026"}},
        {"params": {"period": ["2026"], "role": "Main student"}},
        {"params": {"period": "2026", "role": "Main student", "extra": 1}},
        {"params": []},
        {"params": None},
        {},
    ],
)
def test_wrong_parameters_are_refused_by_field(body, owner, school):
    anna = school(make_account, "Anna")
    school(make_role)

    answer = owner.post("/actions/roles.assign", {"accounts": [anna], **body})

    assert answer.status_code == 422
    assert answer.json["fields"]


@pytest.mark.parametrize(
    "selection",
    [
        {}, {"accounts": []}, {"accounts": [1], "filter": {}}, {"accounts": list(range(1, 5_002))}, {"accounts": ["1"]},
        {"accounts": [0]}, {"accounts": [1.5]}, {"accounts": [True]}, {"accounts": [2**31]}, {"accounts": "1"}, {"accounts": None},
        {"filter": {"tipe": "x"}}, {"filter": {"type": "pupil"}}, {"filter": {"type": 1}}, {"filter": []}, {"filter": {"q": "\x00"}},
        {"accounts": [1], "everybody": True},
    ],
)  # fmt: skip
def test_selection_that_cannot_be_meant_is_refused(selection, owner, core):
    answer = owner.post("/actions/account.deactivate", selection)

    assert answer.status_code == 422
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_unknown_ids_are_told(owner, school):
    anna = school(make_account, "Anna")

    assert owner.post("/actions/account.deactivate", {"accounts": [anna, 999]}).status_code == 404


def test_unknown_action_is_not_found(owner, core):
    answer = owner.flask.test_client().post(
        "/api/v1/actions/account.explode", json={"accounts": [1]}, headers={"Authorization": f"Bearer {owner.token}"}
    )

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_large_runs_are_left_to_the_worker(owner, core, school):
    school(make_accounts, 60)

    begun = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}})
    jobs.run_once(core)

    assert (begun.status_code, begun.json["state"]) == (202, "queued")
    assert owner.get(f"/runs/{begun.json['id']}").json["counts"] == {"waiting": 0, "done": 60, "skipped": 0, "failed": 0}


def test_items_are_paged(owner, core, school):
    school(make_accounts, 7)
    run = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}}).json

    seen, cursor = [], ""
    while cursor is not None:
        page = owner.get(f"/runs/{run['id']}/items?limit=3{cursor and '&cursor=' + cursor}").json
        seen += [each["n"] for each in page["items"]]
        cursor = page["next"]

    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert page["total"] == 7


def test_runs_are_listed_newest_first_and_filtered(owner, school):
    anna = school(make_account, "Anna")
    owner.post("/actions/account.deactivate", {"accounts": [anna]})
    owner.post("/actions/account.activate", {"accounts": [anna]})

    first = owner.get("/runs?limit=1").json
    second = owner.get(f"/runs?limit=1&cursor={first['next']}").json

    assert [each["action"] for each in first["items"] + second["items"]] == ["account.activate", "account.deactivate"]
    assert owner.get("/runs?action=account.activate&state=done&kind=action").json["total"] == 1


def test_run_is_stopped_and_resumed(owner, core, school):
    school(make_accounts, 60)
    run = owner.post("/actions/account.deactivate", {"filter": {"type": "student"}}).json["id"]

    stopped = owner.post(f"/runs/{run}/stop")
    again = owner.post(f"/runs/{run}/stop")
    resumed = owner.post(f"/runs/{run}/resume", {"failed": True})
    jobs.run_once(core)

    assert (stopped.json["state"], again.status_code, resumed.status_code) == ("stopped", 409, 202)
    assert owner.get(f"/runs/{run}").json["state"] == "done"


def test_run_is_taken_back(owner, school):
    anna, boris = school(make_account, "Anna"), school(make_account, "Boris")
    run = owner.post("/actions/account.deactivate", {"accounts": [anna, boris]}).json["id"]
    owner.post("/actions/account.activate", {"accounts": [boris]})

    undo = owner.post(f"/runs/{run}/undo").json

    assert (undo["kind"], undo["undoes"], undo["counts"]["done"], undo["counts"]["skipped"]) == ("undo", run, 1, 1)
    assert owner.get(f"/accounts/{anna}").json["active"] is True


def test_what_a_run_generated_is_answered_once_and_to_its_author_only(owner, program, school):
    anna, boris = school(make_account, "Anna"), school(make_account, "Boris")
    run = owner.post("/actions/password.reset", {"accounts": [anna, boris]}).json
    other = program("runs:view", "runs:edit")

    foreign = other.post(f"/runs/{run['id']}/secrets")
    first = owner.post(f"/runs/{run['id']}/secrets")
    second = owner.post(f"/runs/{run['id']}/secrets")

    assert (foreign.status_code, first.status_code, second.status_code) == (403, 200, 409)
    passwords = [each["secret"] for each in first.json["items"]]
    assert len(set(passwords)) == 2
    history = owner.get(f"/runs/{run['id']}/items").text + owner.get("/audit").text + owner.get(f"/runs/{run['id']}").text
    assert not [each for each in passwords if each in history]


def test_typed_password_is_in_no_answer(owner, core, school):
    anna = school(make_account, "Anna")
    secret = "seven-tall-giraffes-42"

    answer = owner.post("/actions/password.change", {"accounts": [anna], "params": {"password": secret, "confirm": secret}})

    assert answer.status_code == 200
    everything = answer.text + owner.get(f"/runs/{answer.json['id']}/items").text + owner.get("/audit").text
    assert secret not in everything
    assert "argon2" not in everything


def test_same_key_answers_the_same_run(owner, core, school):
    anna = school(make_account, "Anna")
    body, key = {"accounts": [anna]}, {"Idempotency-Key": "leavers-2026"}

    first = owner.post("/actions/account.deactivate", body, headers=key)
    second = owner.post("/actions/account.deactivate", body, headers=key)
    other = owner.post("/actions/account.deactivate", {"accounts": [anna], "reason": "x"}, headers=key)

    assert (first.status_code, second.status_code, other.status_code) == (200, 200, 422)
    assert first.json["id"] == second.json["id"]


def test_key_belongs_to_whoever_used_it(owner, program, school):
    anna, boris = school(make_account, "Anna"), school(make_account, "Boris")
    other, key = program("act:account.deactivate"), {"Idempotency-Key": "1"}

    mine = owner.post("/actions/account.deactivate", {"accounts": [anna]}, headers=key)
    theirs = other.post("/actions/account.deactivate", {"accounts": [boris]}, headers=key)

    assert mine.json["id"] != theirs.json["id"]


def test_key_is_forgotten_after_seven_days(owner, core, school):
    anna = school(make_account, "Anna")
    key = {"Idempotency-Key": "1"}
    first = owner.post("/actions/account.deactivate", {"accounts": [anna]}, headers=key).json["id"]
    with core.db.write() as session:
        session.execute(update(Run).values(created_at=datetime.now(UTC) - timedelta(days=8)))

    again = owner.post("/actions/account.activate", {"accounts": [anna]}, headers=key)

    assert (again.status_code, again.json["id"] != first) == (200, True)


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b", "schlüssel", "a\tb"])
def test_key_that_is_none_is_refused(key, owner, school):
    anna = school(make_account, "Anna")

    answer = owner.post("/actions/account.deactivate", {"accounts": [anna]}, headers={"Idempotency-Key": key})

    assert answer.status_code == 422


def in_parallel(times: int, work: Callable[[], object]) -> list[object]:
    """Do the same in so many threads that begin together."""
    barrier, found, lock = threading.Barrier(times), [], threading.Lock()

    def one() -> None:
        barrier.wait()
        answer = work()
        with lock:
            found.append(answer)

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_ten_repetitions_at_once_have_one_effect(owner, core, school):
    anna, boris = school(make_account, "Anna"), school(make_account, "Boris")
    body, key = {"accounts": [anna, boris]}, {"Idempotency-Key": "once"}

    answers = in_parallel(10, lambda: owner.post("/actions/account.deactivate", body, headers=key))

    assert {each.status_code for each in answers} <= {200, 202}
    assert len({each.json["id"] for each in answers}) == 1
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 1
        assert session.scalar(select(func.count()).select_from(RunItem)) == 2


def test_ten_openings_at_once_open_one_account(owner, core, school):
    nick, key = school(make_person, "Nick"), {"Idempotency-Key": "open"}

    answers = in_parallel(10, lambda: owner.post("/accounts", {"people": [nick]}, headers=key))

    assert {each.status_code for each in answers} <= {200, 202}
    assert len({each.json["id"] for each in answers}) == 1
    with core.db.read() as session:
        assert session.scalar(select(func.count()).where(Account.person_id == nick)) == 1


def test_roles_are_given_by_filter_for_a_period(owner, core, school):
    school(make_accounts, 3)
    school(make_role)

    run = owner.post(
        "/actions/roles.assign",
        {"filter": {"type": "student", "role": "none"}, "params": {"mode": "add", "period": "2026", "role": "Main student"}, "expected": 3},
    ).json

    assert run["counts"]["done"] == 3
    assert owner.get("/accounts?role=Main%20student").json["total"] == 3
    with core.db.read() as session:
        assert session.scalar(select(Period.code).where(Period.is_current)) == "2026"
