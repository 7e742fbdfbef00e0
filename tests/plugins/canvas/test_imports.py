"""Many new users as one SIS import: what is sent, what becomes of each, and what happens when it does not end in time."""

import csv
import io
import threading

import pytest

from rolecall import Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, Permanent, Transient
from rolecall.testing.fixtures import database_for, open_school
from rolecall_canvas.imports import FirstLoad

NAMES = ("anna", "berta", "carla")
SIS = "/accounts/self/sis_imports"


@pytest.fixture
def settings():
    return {"sis_import_from": 3, "sis_import_wait": 5}


@pytest.fixture
def load(apply, change, account):
    """Creates three accounts at once."""

    def run(*others):
        return apply(*(change(Verb.CREATE, account(name)) for name in NAMES), *others)

    return run


def sent(wire) -> list[dict[str, str]]:
    """The rows of the last import."""
    request = [request for request in wire.journal if request.path.endswith("sis_imports")][-1]
    return list(csv.DictReader(io.StringIO(request.body.decode(), newline="")))


def posts(canvas) -> list[str]:
    return [each["path"] for each in canvas.journal if each["method"] == "POST"]


def test_new_users_go_in_one_file_that_deletes_nothing_and_each_has_its_id(load, canvas, wire, provider, account) -> None:
    results = load()

    assert posts(canvas) == [SIS]
    (query,) = [dict(each["query"]) for each in canvas.journal if each["method"] == "POST"]
    assert query == {"import_type": "instructure_csv", "extension": "csv", "skip_deletes": "true"}
    assert sent(wire)[0] == {
        "user_id": account("anna").key,
        "login_id": "anna",
        "full_name": "Anna Lab",
        "sortable_name": "Lab, Anna",
        "email": "anna@home.example",
        "password": "Passw0rd!x",
        "status": "active",
    }
    assert {name: (result.error, result.adopted, result.note) for name, result in results.items()} == dict.fromkeys(
        NAMES, (None, False, "")
    )
    for name in NAMES:
        assert provider.find(account(name)).external_id == results[name].external_id


def test_a_file_of_many_takes_one_look_for_each_and_a_few_calls_for_all(apply, change, account, canvas) -> None:
    for number in range(250):
        canvas.add_user(f"other{number}")

    results = apply(*(change(Verb.CREATE, account(f"user{number}")) for number in range(60)))

    assert {result.error for result in results.values()} == {None}
    assert len(canvas.journal) == 60 + 3, "an e-mail each; the file, its end, the newest users"


def test_fewer_go_one_by_one_and_other_changes_always_do(apply, change, account, canvas, made, load) -> None:
    number = made(account("dora"))
    apply(change(Verb.CREATE, account("emma")), change(Verb.SUSPEND, account("dora"), number))
    assert SIS not in posts(canvas)

    results = load(change(Verb.RESUME, account("dora"), number))

    assert results["dora"].error is None
    assert canvas.users["dora"]["state"] == "active"


class TestOtherSignIn:
    @pytest.fixture
    def settings(self):
        return {
            "sis_import_from": 3,
            "authentication_provider": "saml",
            "mapping": {"short_name": {"mode": "own", "template": "{first_name}"}, "sortable_name": {"mode": "ignore"}},
        }

    def test_no_password_is_in_the_file_and_the_provider_is(self, load, wire) -> None:
        load()

        assert sent(wire)[0] | {"user_id": ""} == {
            "user_id": "",
            "login_id": "anna",
            "full_name": "Anna Lab",
            "sortable_name": "",
            "email": "anna@home.example",
            "short_name": "Anna",
            "authentication_provider_id": "saml",
            "status": "active",
        }


def test_a_first_time_password_that_is_missing_is_left_empty(apply, change, account, wire) -> None:
    apply(*(change(Verb.CREATE, account(name), password=None) for name in NAMES))

    assert {row["password"] for row in sent(wire)} == {""}


def test_who_was_there_already_is_adopted_brought_in_step_and_opened(load, canvas, provider, account, made) -> None:
    number = made(account("anna", last_name="Old"))
    provider.suspend(number)
    free = canvas.add_user("b.lab", email="berta@home.example")
    by_login = canvas.add_user("carla", name="C")

    results = load()

    assert {name: (result.external_id, result.adopted) for name, result in results.items()} == {
        "anna": (number, True),
        "berta": (free, True),
        "carla": (by_login, True),
    }
    for name in NAMES:
        found = provider.find(account(name))
        assert (found.suspended, found.attributes["name"]) == (False, f"{name.title()} Lab")
    assert len(canvas.users) == 3


def test_what_is_set_once_is_not_written_over_by_the_file(apply, change, account, canvas, wire) -> None:
    canvas.add_user("anna", name="Annie")
    once = frozenset({"name"})

    results = apply(*(change(Verb.CREATE, account(name), once=once) for name in (*NAMES, "dora")))

    assert {result.error for result in results.values()} == {None}
    assert canvas.users["anna"]["name"] == "Annie"
    assert [row["login_id"] for row in sent(wire)] == ["berta", "carla", "dora"]


def test_who_was_deleted_comes_back_as_the_same_user(load, provider, account, made) -> None:
    number = made(account("anna"))
    provider.delete(number)

    assert load()["anna"].external_id == number


def test_a_row_that_canvas_leaves_out_has_its_own_reason_and_the_others_are_made(load, canvas) -> None:
    canvas.add_user("anna", sis_user_id="P-17")

    results = load()

    assert isinstance(results["anna"].error, Conflict)
    assert "P-17" in results["anna"].error.message
    assert results["berta"].error is results["carla"].error is None


def test_an_account_that_canvas_cannot_hold_is_not_in_the_file(apply, change, account, wire) -> None:
    changes = [change(Verb.CREATE, account(name)) for name in NAMES]

    results = apply(*changes, change(Verb.CREATE, account("dora", first_name="x" * 300)))

    assert isinstance(results["dora"].error, Permanent)
    assert [row["login_id"] for row in sent(wire)] == list(NAMES)


class TestSlow:
    @pytest.fixture
    def options(self):
        return {"import_looks": 3}

    def test_an_import_is_looked_at_until_its_end_with_growing_pauses(self, provider, change, account, canvas) -> None:
        slept: list[float] = []
        load = FirstLoad(provider.site, alone=provider.create_or_adopt, adopt=provider.adopt, sleep=slept.append)

        results = list(load.carry([change(Verb.CREATE, account(name)) for name in NAMES]))

        assert [result.error for result in results] == [None] * 3
        assert slept == [0.1, 0.2, 0.4]


class TestTooSlow:
    @pytest.fixture
    def options(self):
        return {"import_looks": 1_000}

    @pytest.fixture
    def settings(self):
        return {"sis_import_from": 3, "sis_import_wait": 0}

    @pytest.fixture
    def retry(self, apply, change, account):
        """Tries each alone, as the sync does after an unclear outcome."""
        return lambda: [apply(change(Verb.CREATE, account(name)))[name] for name in NAMES]

    def test_an_import_that_does_not_end_in_time_is_unclear_and_then_found(self, load, retry, canvas) -> None:
        results = load()

        assert all(isinstance(result.error, Ambiguous) for result in results.values())
        canvas.finish_imports()
        assert [(result.error, result.adopted) for result in retry()] == [(None, True)] * 3
        assert len(canvas.users) == 3

    def test_nobody_is_made_twice_when_it_ends_after_everybody_was_made_alone(self, load, retry, canvas) -> None:
        load()

        ids = [result.external_id for result in retry()]
        canvas.finish_imports()

        assert [result.external_id for result in retry()] == ids
        assert len(canvas.users) == len(canvas.state.users) == 3

    def test_nobody_is_made_twice_when_it_ends_between_the_look_and_the_creation(self, load, retry, canvas, wire) -> None:
        load()
        wire.run(canvas.finish_imports, match=lambda request: request.method == "POST")

        assert [result.error for result in retry()] == [None] * 3
        assert len(canvas.users) == len(canvas.state.users) == 3


def test_an_answer_that_is_lost_is_unclear_and_the_next_try_finds_everybody(load, wire, canvas) -> None:
    wire.drop(when="after", match=lambda request: request.path.endswith("sis_imports"))

    assert all(isinstance(result.error, Ambiguous) for result in load().values())
    assert [result.error for result in load().values()] == [None] * 3
    assert len(canvas.users) == 3


@pytest.mark.parametrize(("status", "kind"), [(500, Ambiguous), (404, Ambiguous), (429, Ambiguous), (401, Misconfigured)])
def test_an_import_that_cannot_be_looked_at_any_more_is_unclear(load, canvas, status, kind) -> None:
    canvas.fail(status, match=lambda method, path: path.startswith(f"{SIS}/"), next=None)

    assert all(isinstance(result.error, kind) for result in load().values())


def test_an_answer_about_an_import_that_says_nothing_is_waited_over(load, canvas) -> None:
    canvas.fail(200, body=["?"], match=lambda method, path: path.startswith(f"{SIS}/"))

    assert [result.error for result in load().values()] == [None] * 3


@pytest.mark.parametrize("outcome", ["failed", "failed_with_messages", "aborted"])
def test_after_an_import_that_failed_everybody_is_made_alone(load, canvas, outcome) -> None:
    canvas.import_outcome = outcome

    assert [result.error for result in load().values()] == [None] * 3
    assert len(canvas.users) == 3


def test_without_the_permission_nobody_is_made_and_it_is_a_matter_of_settings(load, canvas) -> None:
    canvas.permissions -= {"import_sis"}

    assert all(isinstance(result.error, Misconfigured) for result in load().values())
    assert canvas.users == {}


def test_when_canvas_asks_to_wait_nothing_more_is_sent(load, canvas) -> None:
    canvas.throttle(next=None)

    assert all(isinstance(result.error, Transient) and result.error.retry_after for result in load().values())
    assert len(canvas.journal) == 1


@pytest.mark.parametrize("created", ["", "yesterday", "2026-09-01T08:00:00"])
def test_where_canvas_does_not_say_when_users_are_adopted_and_nothing_is_lost(load, canvas, wire, created) -> None:
    def forget() -> None:
        for user in canvas.state.users.values():
            user["created_at"] = created

    wire.run(forget, match=lambda request: "order=desc" in request.target, next=None)

    assert [(result.error, result.adopted) for result in load().values()] == [(None, True)] * 3


def test_what_canvas_said_of_a_row_is_told_with_the_user_that_was_made_alone(load, canvas, account) -> None:
    said = f"Something about {account('anna').key}, skipping"
    state = {"id": 1, "workflow_state": "imported_with_messages", "processing_warnings": [["users.csv", said], [], "?"]}
    canvas.fail(200, body=state, match=lambda method, path: path.startswith(f"{SIS}/"))

    results = load()

    assert {name: result.note for name, result in results.items()} == {
        "anna": f"The SIS import left it out: {said}",
        "berta": "",
        "carla": "",
    }
    assert len(canvas.users) == 3


def test_what_the_import_left_otherwise_is_written_after_it(load, canvas, provider, account, wire) -> None:
    def blur() -> None:
        for user in canvas.state.users.values():
            user["sortable_name"] = "?"

    wire.run(blur, when="after", match=lambda request: "/sis_imports/" in request.path)

    load()

    assert {user["sortable_name"] for user in canvas.users.values()} == {"Lab, Anna", "Lab, Berta", "Lab, Carla"}


def test_two_loads_at_once_make_nobody_twice(canvas, provider, change, account) -> None:
    changes = [change(Verb.CREATE, account(name)) for name in NAMES]
    errors: list[object] = []

    def run() -> None:
        errors.extend(result.error for result in provider.apply(changes))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == [None] * 6
    assert len(canvas.users) == 3


class TestSchool:
    @pytest.fixture
    def options(self):
        return {"import_looks": 1_000}

    def test_a_school_is_brought_in_step_although_no_import_ends_in_time(self, canvas, wire, request, tmp_path) -> None:
        with open_school(database_for(request, tmp_path), tmp_path, allow=wire.host) as school:
            school.configure("canvas", {**canvas.settings, "sis_import_from": 3, "sis_import_wait": 0})
            ids = school.students(8)
            school.sync(*ids)
            school.work()
            assert len(canvas.state.imports) == 1
            waiting = [each for each in ids if school.pending(each)]
            canvas.finish_imports()
            for _ in range(10):
                school.hurry("canvas")
                school.work()

            assert waiting == ids
            assert [each for each in ids if school.pending(each)] == []
            assert len(canvas.state.users) == len(ids)
            assert len(canvas.state.imports) == 1
