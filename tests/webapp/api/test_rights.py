"""Who may call what: the matrix of routes and permissions, as it is declared (Z-01, P-02, P-03, S-03)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from rolecall.accounts import sessions, tokens
from rolecall.sdk.words import AREAS, VERBS
from rolecall.store.tables import Account, ApiToken, Run
from rolecall.testing.factories import make_account
from rolecall_webapp.api import OPERATIONS
from rolecall_webapp.api.operation import Operation

DECLARED = [each for each in OPERATIONS if not each.public]
ACTION = "account.deactivate"


def address(operation: Operation) -> str:
    """An address of the route where everything that it names exists."""
    return re.sub(r"\{(\w+)\}", lambda match: {"action_id": ACTION, "plugin": "moodle"}.get(match[1], "1"), operation.path)


def permissions(operation: Operation) -> set[str]:
    """What the route asks for at that address."""
    return {each.format(action_id=ACTION) for each in operation.permissions} | ({operation.others} if operation.others else set())


@pytest.fixture
def somebody(core):
    """A person with an account that may do nothing, both with the number 1."""
    with core.db.write() as session:
        make_account(session, "Anna")


@pytest.fixture
def run(core, somebody, owner):
    """Somebody else's run, which has the number 1."""
    with core.db.write() as session:
        session.add(
            Run(kind="action", action=ACTION, actor="account:999", actor_label="Somebody", state="done", created_at=datetime.now(UTC))
        )


def send(program, operation):
    """Call the route with an empty body, where it takes one."""
    takes_body = operation.method != "GET" and operation.media == "application/json"
    return program(operation.method, address(operation), {} if takes_body else None)


def test_without_a_token_nothing_is_answered(stranger):
    answers = {each.name: send(stranger, each) for each in DECLARED}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert {answer.headers["WWW-Authenticate"] for answer in answers.values()} == {"Bearer"}
    assert {answer.json["code"] for answer in answers.values()} == {"unauthenticated"}


def test_without_one_of_its_permissions_no_route_does_anything(program, run):
    every = {f"{area}:{verb}" for area in AREAS for verb in VERBS} | {"act:account.delete"}
    answers = {
        (each.name, missing): send(program(*(every - {missing})), each) for each in DECLARED for missing in sorted(permissions(each))
    }

    assert {case: answer.status_code for case, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert {answer.json["code"] for answer in answers.values()} == {"forbidden"}


def test_with_its_permissions_and_no_other_every_route_is_open(program, run):
    more = {"undo_run": {f"act:{ACTION}"}}
    answers = {each.name: send(program(*permissions(each), *more.get(each.name, ())), each).status_code for each in DECLARED}

    # Only the author of a run may fetch what it generated, whatever anybody holds.
    assert [name for name, status in answers.items() if status in (401, 403)] == ["take_secrets"]


ODD_TOKENS = [
    "", " ", "Bearer", "Bearer ", "Bearer rct_", "Bearer null", "Bearer undefined", "bearer rct_" + "x" * 43,
    "Bearer rct_" + "x" * 5_000, "Basic cmN0XzpyY3Rf", "Token rct_abc", "Bearer rct_ab\x00c", "Bearer rct_αβγδεζηθικλμνξοπρστυ",
    "Bearer rct_'; DROP TABLE account; --",
]  # fmt: skip


def test_odd_tokens_are_no_tokens(stranger):
    sent = [each.encode("utf-8").decode("latin-1") for each in ODD_TOKENS]

    assert {stranger.get("/accounts", headers={"Authorization": each}).status_code for each in sent} == {401}


def test_two_tokens_are_no_token(application, owner):
    both = [("Authorization", f"Bearer {owner.token}"), ("Authorization", "Bearer rct_" + "x" * 43)]

    answer = application.test_client().get("/api/v1/accounts", headers=both)

    assert answer.status_code == 401


def test_scheme_is_read_in_any_case(owner, described):
    answer = owner.flask.test_client().get("/api/v1/accounts", headers={"Authorization": f"bearer {owner.token}"})

    assert answer.status_code == 200


def test_cookie_of_a_signed_in_browser_counts_for_nothing(signed_in):
    browser = signed_in(owner=True)

    answer = browser.get("/api/v1/accounts")

    assert answer.status_code == 401


def test_token_in_the_address_counts_for_nothing(owner, stranger):
    assert stranger.get(f"/accounts?access_token={owner.token}").status_code == 401


@pytest.mark.parametrize("change", [{"active": False}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_token_of_a_closed_account_is_worthless_at_once(change, owner, core):
    assert owner.get("/accounts").status_code == 200

    with core.db.write() as session:
        session.execute(update(Account).where(Account.id == owner.account_id).values(**change))

    assert owner.get("/accounts").status_code == 401


def test_revoked_token_is_worthless_at_once(owner, core):
    with core.db.write() as session:
        tokens.revoke(session, session.scalar(select(ApiToken.id)), now=datetime.now(UTC))

    assert owner.get("/accounts").status_code == 401


def test_token_that_is_over_is_worthless(owner, core):
    with core.db.write() as session:
        session.execute(update(ApiToken).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    assert owner.get("/accounts").status_code == 401


def test_use_of_a_token_is_noted(owner, core):
    owner.get("/accounts")

    with core.db.read() as session:
        assert session.scalar(select(ApiToken.last_used_at)) is not None


def test_whoever_must_choose_a_password_may_do_nothing(program):
    waiting = program(owner=True, must_change_password=True)

    assert {waiting.get(path).status_code for path in ("/accounts", "/runs/1", "/settings", "/actions")} == {403}


def test_run_of_ones_own_needs_no_permission(program, school):
    anna = school(make_account)
    helper = program(f"act:{ACTION}")
    run_id = helper.post(f"/actions/{ACTION}", {"accounts": [anna]}).json["id"]

    assert helper.get(f"/runs/{run_id}").status_code == 200
    assert helper.get(f"/runs/{run_id}/items").status_code == 200
    assert helper.get("/runs").status_code == 403


def test_nobody_grants_more_than_they_hold(program):
    delegate = program("roles:create", "roles:view")

    answer = delegate.post("/roles", {"name": "Mighty", "user_type": "administrator", "permissions": ["settings:edit"]})

    assert answer.status_code == 403


def test_every_origin_is_left_without_permission_to_read(owner):
    answer = owner.get("/accounts", headers={"Origin": "https://evil.example"})

    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


def test_session_of_the_pages_is_not_begun(owner, core):
    answer = owner.get("/accounts")

    assert "Set-Cookie" not in answer.headers
    with core.db.read() as session:
        assert sessions.of_account(session, owner.account_id, datetime.now(UTC)) == []
