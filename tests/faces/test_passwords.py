"""Every way of setting a password asks the same rules: pages, API, command line, one's own change, and the first of all (A-04, R52)."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from rolecall.accounts import passwords, sessions
from rolecall.accounts.own_password import change_own
from rolecall.cli import main
from rolecall.errors import Invalid
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.testing.factories import give_role, make_account, make_period, make_role, set_plain

_PRESENT = "a present-day umbrella"
#: A few of the list, in the ways people disguise them.
_COMMON = (
    "password",
    "Password1",
    "P@ssw0rd!",
    "qwerty123456",
    "sunshine2024!",
    "iloveyou",
    "12345678",
    "football99",
    "letmein123",
    "dragon!!!!!!",
)
#: Institution, product, and the words of the account: user name, e-mail, phone, code, names.
_OWN = ("SampleSchool1", "rolecall2026", "zora.kowalska", "zora@house", "306912345678", "KOWALSKA2026", "codeX-4711")
_SHORT = ("vqzkwmt",)
_GOOD = "quiet-Tuesday-marmalade"


def _by_page(faces, account, typed):
    answer = faces.submit("/act/password.change", ids=str(account), password=typed, confirm=typed, expected="1")
    assert answer.status_code in (303, 422), answer.text
    return answer.status_code == 303


def _by_api(faces, account, typed):
    body = {"accounts": [account], "params": {"password": typed, "confirm": typed}}
    headers = {"Authorization": f"Bearer {faces.token}"}
    answer = faces.flask.test_client().post("/api/v1/actions/password.change", json=body, headers=headers)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert "password" in answer.json["fields"], answer.json
    return answer.status_code == 200


def _by_command(faces, account, typed):
    words = ["act", "password.change", "--account", "zora.kowalska", "--set", f"password={typed}", "--set", f"confirm={typed}", "--json"]
    result = CliRunner().invoke(main, words, env=faces._environment)
    assert result.exit_code in (0, 2), result.output
    return result.exit_code == 0


def _by_oneself(faces, account, typed):
    with faces.app.db.read() as session:
        actor = sessions.actor_for(sessions.load(session, faces.own, now(session)))
        moment = now(session)
    try:
        change_own(
            faces.app.db, faces.app.keyring, actor=actor, account_id=account, current=_PRESENT, new=typed, session_digest=None, now=moment
        )
    except Invalid:
        return False
    return True


WAYS = {"page": _by_page, "api": _by_api, "command": _by_command, "oneself": _by_oneself}


@pytest.fixture
def zora(faces):
    """An account with a name, an address, a phone and a code of its own, that has a password and a session."""
    with faces.app.db.write() as session:
        account = make_account(
            session, "Zora", last_name="Kowalska", username="zora.kowalska", email="zora@house.example", phone="+30 691 234 5678",
            code="codeX-4711", password_hash=passwords.hash_password(_PRESENT),
        )  # fmt: skip
        give_role(session, account, make_role(session), make_period(session))
        faces.own = sessions.create(session, account.id, address="192.0.2.1", agent="test", now=now(session))
        return account.id


@pytest.mark.parametrize("way", WAYS)
def test_what_breaks_a_rule_is_refused_on_every_way(faces, zora, way):
    taken = [typed for typed in (*_COMMON, *_OWN, *_SHORT) if WAYS[way](faces, zora, typed)]

    assert taken == []
    with faces.app.db.read() as session:
        stored = session.scalar(select(Account.password_hash).where(Account.id == zora))
    assert passwords.verify(stored, _PRESENT)


@pytest.mark.parametrize("way", WAYS)
def test_a_good_one_is_taken_on_every_way(faces, zora, way):
    assert WAYS[way](faces, zora, _GOOD)

    with faces.app.db.read() as session:
        account = session.get_one(Account, zora)
    assert passwords.verify(account.password_hash, _GOOD)
    assert account.password_changed_at is not None


@pytest.mark.parametrize("typed", ["password", "SampleSchool1", "headmistress2026", "vqzkwmtbxpl"])
def test_the_first_administrator_s_is_asked_the_same(tmp_path, empty_database_url, typed):
    environment = {"ROLECALL_DATA": str(tmp_path / "data"), "ROLECALL_DATABASE_URL": empty_database_url}
    words = ["init", "--institution", "Sample School", "--owner", "headmistress", "--password-stdin"]

    result = CliRunner().invoke(main, words, input=typed + "\n", env=environment)

    assert result.exit_code != 0
    assert "password" in result.stderr


def test_a_phone_is_taken_on_every_face_only_while_it_is_allowed(faces, zora):
    refused = faces.api("POST", "actions/password.change", {"accounts": [zora], "params": {"from_phone": "yes"}}, status=409)
    with faces.app.db.write() as session:
        set_plain(session, "core", phone_first_password=True)

    by_api = faces.api("POST", "actions/password.change", {"accounts": [zora], "params": {"from_phone": True}})
    by_command = faces.command("act", "password.change", "--account", "zora.kowalska", "--set", "from_phone=yes")
    by_page = faces.submit("/act/password.change", ids=str(zora), from_phone="yes", expected="1")

    assert refused["code"] == "disabled"
    assert by_api["counts"]["done"] == by_command["counts"]["done"] == 1
    assert by_page.status_code == 303
    assert "306912345678" not in str((by_api, by_command)) + by_page.text
