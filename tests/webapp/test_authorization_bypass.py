"""Nothing gets around a permission: fields of ours, other spellings, steps left out, careless plugins (Z-03, Z-12 to Z-15)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from rolecall import hookimpl
from rolecall.accounts import sessions, tokens
from rolecall.accounts.actors import operator
from rolecall.accounts.roles import AREA_PERMISSIONS
from rolecall.config import load
from rolecall.plugins.state import set_enabled
from rolecall.sdk.action import action
from rolecall.store.tables import Account, Person, Role, RolePeriod, RolePermission, Run
from rolecall.testing.factories import make_account, make_clerk, make_period, make_person, make_role, make_status
from rolecall.work.application import Application
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start
from rolecall_webapp import create_app
from rolecall_webapp.api import OPERATIONS
from rolecall_webapp.api.operation import Operation

NOW = datetime.now(UTC)
#: What only we say of anything; ``roles`` and ``type`` stand for rights, ``external_id`` and ``pending`` for the sync.
OURS = (
    "type", "is_owner", "owner", "roles", "institution_id", "verified", "email_verified", "password", "password_hash", "id", "key",
    "created_at", "external_id", "pending", "version", "account_id", "actor", "accounts_count", "is_admin",
)  # fmt: skip
WRITES = [each for each in OPERATIONS if each.method in ("POST", "PATCH", "PUT") and not each.public and each.media == "application/json"]
NEEDS = {
    "add_person": {"list": "students", "code": "N1", "first_name": "New", "last_name": "One"},
    "add_role": {"name": "New", "user_type": "student"},
    "add_period": {"code": "2031", "name": "2031", "starts_on": "2031-09-01", "ends_on": "2032-06-30"},
    "add_status": {"label": "New", "type": "other"},
    "act": {"filter": {}},
    "open_accounts": {"list": "students"},
}


@pytest.fixture
def api(application: Flask, core: Application) -> Callable[..., object]:
    """A function that sends a request as an account with these permissions; ``owner`` has all of them."""
    made: dict[object, str] = {}

    def send(method: str, path: str, body: object = None, *, held: tuple[str, ...] = (), owner: bool = False, **more: object) -> object:
        if (held, owner) not in made:
            with core.db.write() as session:
                account = make_clerk(session, *held, is_owner=owner)
                made[held, owner], _ = tokens.create(session, account.id, name="test", now=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {made[held, owner]}", **more.pop("headers", {})}  # type: ignore[dict-item]
        return application.test_client().open(f"/api/v1{path}", method=method, headers=headers, json=body, **more)

    return send


def _address(each: Operation) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: {"action_id": "account.deactivate", "plugin": "moodle"}.get(match[1], "1"), each.path)


@pytest.mark.parametrize("each", WRITES, ids=lambda each: each.name)
def test_what_only_we_say_cannot_be_sent(api: Callable, core: Application, each: Operation) -> None:  # type: ignore[type-arg]
    with core.db.write() as session:
        make_person(session, "Anna")
        make_status(session)
    declared = set(each.body().fields) if each.body is not None else set()
    taken = {}
    for name in (name for name in OURS if name not in declared):
        answer = api(each.method, _address(each), {**NEEDS.get(each.name, {}), name: 1}, owner=True)
        if answer.status_code != 422:
            taken[name] = (answer.status_code, answer.text)

    assert taken == {}


def test_a_person_keeps_what_only_we_say(api: Callable, core: Application) -> None:  # type: ignore[type-arg]
    with core.db.write() as session:
        anna = make_account(session, "Anna")
        ids = anna.id, anna.person_id

    for name in OURS:
        api("PATCH", f"/people/{ids[1]}", {"first_name": "Anne", name: True}, owner=True)

    with core.db.read() as session:
        account, person = session.get_one(Account, ids[0]), session.get_one(Person, ids[1])
        assert (account.is_owner, account.type, account.email_verified, person.first_name) == (False, "student", False, "Anna")


METHODS = ("HEAD", "OPTIONS", "TRACE", "PUT", "get", "FOO")
#: Ways to spell a request that a careless gate reads otherwise than a careless router.
SPELLINGS: dict[str, Callable[[str], dict[str, object]]] = {
    **{
        f"{header}: {method}": lambda path, header=header, method=method: {"path": path, "method": "POST", "headers": {header: method}}
        for header, method in product(("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"), ("GET", "PATCH", "DELETE"))
    },
    "_method in the address": lambda path: {"path": f"{path}?_method=GET", "method": "POST"},
    **{f"method {method}": lambda path, method=method: {"path": path, "method": method} for method in METHODS},
    "upper case": lambda path: {"path": path.upper()},
    "one letter upper": lambda path: {"path": path[:-2] + path[-2:].upper()},
    "slash at the end": lambda path: {"path": f"{path}/"},
    "two slashes in front": lambda path: {"path": f"/{path}"},
    "two slashes inside": lambda path: {"path": path.replace("/", "//")},
    "%2f": lambda path: {"path": f"/{path[1:].replace('/', '%2f')}"},
    "%2f in front": lambda path: {"path": f"/%2f{path[1:]}"},
    "twice encoded": lambda path: {"path": f"/{path[1:].replace('/', '%252f')}"},
    "first letter encoded": lambda path: {"path": f"/%{ord(path[1]):02x}{path[2:]}"},
    ";": lambda path: {"path": f"{path};x=1"},
    ";/ inside": lambda path: {"path": f"/;{path}"},
    "dot": lambda path: {"path": f"/.{path}"},
    "dot dot from a public page": lambda path: {"path": f"/static/..{path}"},
    "dot dot encoded": lambda path: {"path": f"/static/%2e%2e{path}"},
    "backslash": lambda path: {"path": path.replace("/", "\\")},
    "suffix": lambda path: {"path": f"{path}.json"},
    "null": lambda path: {"path": f"{path}%00"},
    "space": lambda path: {"path": f"{path}%20"},
    "fragment": lambda path: {"path": f"{path}%23"},
    "X-Original-URL": lambda path: {"path": "/login", "headers": {"X-Original-URL": path, "X-Rewrite-URL": path}},
    "X-Forwarded-Prefix": lambda path: {"path": path, "headers": {"X-Forwarded-Prefix": "/login", "X-Script-Name": "/login"}},
    "X-Forwarded-User": lambda path: {"path": path, "headers": {"X-Forwarded-User": "admin", "Remote-User": "admin"}},
    "htmx": lambda path: {"path": path, "headers": {"HX-Request": "true", "X-Requested-With": "XMLHttpRequest"}},
    "asks for JSON": lambda path: {"path": path, "headers": {"Accept": "application/json"}},
}  # fmt: skip


@pytest.fixture
def weak(application: Flask, core: Application) -> FlaskClient:
    """The browser of somebody whose role allows nothing."""
    with core.db.write() as session:
        token = sessions.create(session, make_clerk(session).id, address=None, agent=None, now=datetime.now(UTC))
    client = application.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = token, True
    return client


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_request_opens_what_the_plain_one_does_not(
    application: Flask, core: Application, weak: FlaskClient, spelling: str
) -> None:
    with core.db.write() as session:
        make_account(session, "Zebedee")
    protected = {
        re.sub(r"<[^>]*>", "1", rule.rule) for rule in application.url_map.iter_rules()
        if getattr(application.view_functions[rule.endpoint], "rolecall_permission", None) not in (None, "public")
    }  # fmt: skip
    for path in sorted(protected):
        sent = SPELLINGS[spelling](path)
        answer = weak.open(**sent)

        assert answer.status_code not in (200, 201, 202, 204) or _harmless(answer, sent), (path, answer.status_code)
        assert "Zebedee" not in answer.text, path


def _harmless(answer, sent) -> bool:  # type: ignore[no-untyped-def]
    """The sign-in page, which anybody may see, and the list of methods."""
    return sent["path"] == "/login" or (sent.get("method") == "OPTIONS" and not answer.text)


def test_there_are_thirty_spellings() -> None:
    assert len(SPELLINGS) >= 30


def careless(context, accounts, params):  # type: ignore[no-untyped-def]
    """Close everybody, and make oneself the owner, without asking anybody."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(active=False))


@pytest.fixture
def careless_plugin(database_url: str, tmp_path: Path, core: Application):  # type: ignore[no-untyped-def]
    """The application with a plugin that forgot every check, and a page of its own without a declaration."""
    module = ModuleType("rolecall_careless")
    module.register_actions = hookimpl(lambda: [action("careless.go", label="Go", help="Go.", bulk=True)(careless)])  # type: ignore[attr-defined]
    config = load(
        {}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode(), strict="1"
    )
    with Application(config, plugins={"careless": module}) as application:
        with application.db.write() as session:
            make_period(session)
            set_enabled(session, application.plugins, "careless", True, now=NOW)
        flask = create_app(application)
        flask.add_url_rule("/careless", "careless", lambda: "everything", methods=["GET", "POST"])
        flask.add_url_rule("/api/v1/careless", "careless_api", lambda: "everything", methods=["GET", "POST"])
        yield application, flask


def _client(flask: Flask, core: Application, *held: str, owner: bool = False) -> tuple[FlaskClient, dict[str, str], int]:
    with core.db.write() as session:
        account = make_clerk(session, *held, is_owner=owner)
        cookie = sessions.create(session, account.id, address=None, agent=None, now=datetime.now(UTC))
        token, _ = tokens.create(session, account.id, name="test", now=datetime.now(UTC))
        account_id = account.id
    client = flask.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = cookie, True
    return client, {"Authorization": f"Bearer {token}"}, account_id


def test_a_page_without_a_declaration_is_closed_even_to_the_owner(careless_plugin) -> None:  # type: ignore[no-untyped-def]
    core, flask = careless_plugin
    client, headers, _ = _client(flask, core, owner=True)

    answers = [
        client.get("/careless"), client.post("/careless"), flask.test_client().get("/api/v1/careless", headers=headers),
        flask.test_client().get("/careless"), flask.test_client().get("/api/v1/careless"),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [403, 403, 403, 303, 401]
    assert not any("everything" in answer.text for answer in answers)


def test_a_careless_action_has_all_checks_of_every_action(careless_plugin) -> None:  # type: ignore[no-untyped-def]
    core, flask = careless_plugin
    with core.db.write() as session:
        anna = make_account(session, "Anna").id
        boss = make_clerk(session, "settings:edit").id
    client, headers, own = _client(flask, core, *AREA_PERMISSIONS[:4])
    _, holder, _ = _client(flask, core, "act:careless.go")

    def act(headers, *ids):  # type: ignore[no-untyped-def]
        return flask.test_client().post("/api/v1/actions/careless.go", json={"accounts": list(ids)}, headers=headers).status_code

    assert [act(headers, anna), client.get(f"/act/careless.go?ids={anna}").status_code] == [403, 403]
    assert client.post(f"/act/careless.go?ids={anna}").status_code in (400, 403)
    assert [act(holder, boss), act(holder, boss, anna)] == [403, 200]
    with core.db.read() as session:
        assert [session.get_one(Account, each).active for each in (anna, boss, own)] == [False, True, True]


def test_a_right_that_is_taken_away_is_gone_at_the_next_request(application: Flask, core: Application) -> None:
    client, headers, account_id = _client(application, core, "accounts:view")
    before = [client.get("/accounts").status_code, client.get("/api/v1/accounts", headers=headers).status_code]

    with core.db.write() as session:
        role = session.scalars(select(RolePeriod.role_id).where(RolePeriod.account_id == account_id)).one()
        session.query(RolePermission).filter_by(role_id=role).update({"permission": "people:view"})
    after = [client.get("/accounts").status_code, client.get("/api/v1/accounts", headers=headers).status_code]
    with core.db.write() as session:
        session.execute(update(Role).where(Role.id == role).values(active=False))
    gone = [client.get("/people").status_code, client.get("/api/v1/people", headers=headers).status_code]

    assert before[0] == 200
    assert (after, gone) == ([403, 403], [401, 401])


def test_a_limit_holds_from_the_next_request_on(application: Flask, core: Application) -> None:
    client, _, account_id = _client(application, core, "accounts:view")
    with core.db.write() as session:
        teacher = make_account(session, type="teacher").id
    assert client.get(f"/accounts/{teacher}").status_code == 200

    with core.db.write() as session:
        role = session.scalars(select(RolePeriod.role_id).where(RolePeriod.account_id == account_id)).one()
        session.execute(update(Role).where(Role.id == role).values(limited_to=["student"]))

    assert client.get(f"/accounts/{teacher}").status_code == 404


@pytest.fixture
def runs(core: Application) -> dict[str, int]:
    """Runs of somebody else by what they are."""
    with core.db.write() as session:
        anna = make_account(session, "Anna").id
        found = {}
        for name, kind, state, facts in (
            ("unread import", "import", "draft", {}), ("read import", "import", "draft", {"staged": True, "counts": {}, "held": []}),
            ("stopped import", "import", "stopped", {"staged": True, "counts": {}}), ("running action", "action", "running", {}),
        ):  # fmt: skip
            run = Run(
                kind=kind, action="people.import" if kind == "import" else "account.deactivate", actor="account:999", actor_label="Other",
                state=state, facts=facts, params={"source": "x"}, created_at=NOW,
            )  # fmt: skip
            session.add(run)
            session.flush()
            found[name] = run.id
    found["done action"] = start(core, operator("other"), Request(action="account.deactivate", selection=of_ids([anna])))
    found["passwords"] = start(core, operator("other"), Request(action="password.reset", selection=of_ids([anna])))
    return found


#: A step that is taken without the one before it, or by somebody else; and the answer for whoever holds everything but ownership.
STEPS = [
    ("unread import", "confirm", 409), ("stopped import", "confirm", 409), ("done action", "confirm", 409),
    ("running action", "confirm", 409),
    ("running action", "undo", 409), ("read import", "undo", 409), ("read import", "resume", 409), ("done action", "stop", 409),
    ("passwords", "secrets", 403), ("done action", "secrets", 403), ("done action", "resume", 409),
]  # fmt: skip


@pytest.mark.parametrize(("run", "step", "status"), STEPS)
def test_no_step_can_be_taken_without_the_one_before(api: Callable, runs: dict[str, int], run: str, step: str, status: int) -> None:  # type: ignore[type-arg]
    held = (*AREA_PERMISSIONS, "act:account.deactivate", "act:password.reset")

    assert api("POST", f"/runs/{runs[run]}/{step}", held=held).status_code == status


@pytest.mark.parametrize("step", ["confirm", "undo", "resume", "stop", "secrets"])
def test_no_step_of_somebody_elses_run_is_taken_with_the_right_for_ones_own(
    api: Callable, core: Application, runs: dict[str, int], step: str
) -> None:  # type: ignore[type-arg]
    held = ("people:create", "people:edit", "act:account.deactivate", "accounts:view")

    answers = {run: api("POST", f"/runs/{number}/{step}", held=held).status_code for run, number in runs.items()}

    assert answers == dict.fromkeys(runs, 403)
    with core.db.read() as session:
        assert session.get_one(Run, runs["read import"]).state == "draft"


@pytest.mark.parametrize(
    ("action_id", "body"),
    [("account.delete", {}), ("account.delete", {"agreed": False}), ("external.disconnect", {"params": {}}), ("account.to_admin", {})],
)
def test_no_consent_is_left_out(api: Callable, core: Application, action_id: str, body: dict[str, object]) -> None:  # type: ignore[type-arg]
    with core.db.write() as session:
        make_role(session, "Administrator", user_type="administrator")
        anna = make_account(session, "Anna", type="staff", sso_provider="o365").id

    answer = api("POST", f"/actions/{action_id}", {"accounts": [anna], **body}, owner=True)

    assert (answer.status_code, answer.json["code"]) == (409, "consent-required")
