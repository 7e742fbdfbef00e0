"""A first-time password is nowhere but where it is handed out: not at rest, not in a page, an answer of the API or a log (R46)."""

import io
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect, make_url, text

from rolecall.accounts import passwords, sign_in
from rolecall.cli import main
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.testing.factories import give_role, make_period, make_role, set_plain

_TYPED = "canary-Zeisig-orchard-77"
_ROWS = "list,code,first_name,last_name,email,phone\nteachers,T1,Tina,Teacher,tina@home.example,+30 691 234 5678\n"
_COMMANDS = (
    ["accounts", "list", "--json"], ["accounts", "list", "--csv"], ["people", "list", "--json"], ["runs", "--json"],
    ["audit", "list", "--json"], ["audit", "export"], ["settings", "get", "--json"], ["doctor", "anna", "--json"],
)  # fmt: skip


@pytest.fixture
def log():
    """Everything that any logger says, however little it matters."""
    said, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(said), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)


def _first(faces, account):
    with faces.app.db.read() as session:
        sealed = session.get_one(Account, account).sealed_password
    return faces.app.keyring.open(sealed, passwords.sealed_place(account))


def _at_rest(faces):
    """Every byte of the database, as it is kept or as its server gives it."""
    url = make_url(str(faces.app.db.url))
    if url.get_backend_name() == "sqlite":
        yield from (file.read_bytes() for file in Path(url.database).parent.glob(Path(url.database).name + "*"))
    with faces.app.db.read() as session:
        for table in inspect(faces.app.db.engine).get_table_names():
            for row in session.execute(text(f'SELECT * FROM "{table}"')):
                yield from (bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row)


def _pages(faces, ids):
    """Every page and every answer of the API that can be asked for without changing anything."""
    for rule in faces.flask.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        choices = [{}]
        for name in rule.arguments:
            values = ("password.reset", "password.change") if name == "action_id" else ids
            choices = [choice | {name: value} for choice in choices for value in values]
        for choice in choices:
            with faces.flask.test_request_context():
                adapter = faces.flask.create_url_adapter(None) or faces.flask.url_map.bind("localhost")
            address = adapter.build(rule.endpoint, choice)
            headers = {"Authorization": f"Bearer {faces.token}"} if address.startswith("/api/") else {}
            client = faces.flask.test_client() if headers else faces.browser
            answer = client.get(address, headers=headers, base_url="http://localhost")
            yield address, answer.status_code, answer.get_data() + str(answer.headers).encode()


def test_a_first_password_is_seen_only_by_whom_it_is_handed_to(faces, log, capfd):
    with faces.app.db.write() as session:
        set_plain(session, "core", keep_first_password=True)
        period, role = make_period(session), make_role(session)
        for account in (faces.anna, faces.sam):
            give_role(session, session.get_one(Account, account), role, period)
    faces.submit("/act/password.reset", ids=str(faces.anna), expected="1")
    run = faces.api("POST", "actions/password.reset", {"accounts": [faces.sam], "params": {}})
    canaries = {_first(faces, faces.anna), _first(faces, faces.sam)}
    with faces.app.db.read() as session:
        moment = now(session)
    for typed in (*canaries, _TYPED):
        sign_in.sign_in(
            faces.app.db, faces.app.keyring, identifier="anna", password=typed, address="192.0.2.9", agent="Firefox", now=moment
        )
    faces.api("POST", "actions/password.change", {"accounts": [faces.anna], "params": {"password": _TYPED, "confirm": _TYPED}})
    faces.submit("/act/password.change", ids=str(faces.anna), password=_TYPED, confirm="another", expected="1")
    faces.submit("/password/check", password=_TYPED)
    canaries.add(_TYPED)

    seen = {address: body for address, status, body in _pages(faces, (faces.anna, faces.sam, run["id"])) if status == 200}
    for words in _COMMANDS:
        result = CliRunner().invoke(main, words, env=faces._environment)
        assert result.exit_code in (0, 1), result.output
        seen[" ".join(words)] = result.output.encode()

    assert len(seen) > 60
    assert any(b"anna" in value for value in _at_rest(faces)), "the scan sees what is there"
    hidden = [canary.encode() for canary in canaries]
    assert [where for where, body in seen.items() if any(canary in body for canary in hidden)] == []
    assert [value[:80] for value in _at_rest(faces) if any(canary in value for canary in hidden)] == []
    output = capfd.readouterr()
    assert not any(canary in log.getvalue() + output.out + output.err for canary in canaries)
    handed = faces.api("POST", f"runs/{run['id']}/secrets")
    assert _first(faces, faces.sam) in str(handed)
    assert _first(faces, faces.sam) not in str(faces.api("GET", f"runs/{run['id']}/items"))


def test_an_opened_account_s_first_password_is_nowhere_either(faces, log, tmp_path):
    (tmp_path / "people.csv").write_text(_ROWS)
    faces.command("people", "import", str(tmp_path / "people.csv"), "--yes")
    faces.command("accounts", "open", "--list", "teachers")
    with faces.app.db.read() as session:
        tina = session.query(Account).filter(Account.first_name == "Tina").one().id
    canary = _first(faces, tina).encode()

    seen = {address: body for address, status, body in _pages(faces, (tina, 1)) if status == 200}

    assert f"/accounts/{tina}" in seen
    assert [where for where, body in seen.items() if canary in body] == []
    assert not any(canary in value for value in _at_rest(faces))
    assert canary.decode() not in log.getvalue()
