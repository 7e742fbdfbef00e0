"""Rights that reach students only: no page, route or command shows or changes anybody else, or tells that there is more (Z-09, Z-10)."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from flask import Flask

from rolecall.accounts import audit, roles, sessions, tokens
from rolecall.accounts.actors import operator
from rolecall.cli import main
from rolecall.sdk.words import LISTS
from rolecall.store import accounts_query
from rolecall.store.filters import CORE_FILTERS
from rolecall.store.tables import Account, Delivery, Link, Match, Person, PluginState, SignIn
from rolecall.testing.factories import give_role, make_account, make_class, make_clerk, make_period, make_person, make_role
from rolecall.work.application import Application
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start

NOW = datetime.now(UTC)
EVERYTHING = [*roles.AREA_PERMISSIONS, "act:account.deactivate", "act:account.username", "act:roles.assign"]
HIDDEN = "Zebedee"


class Office:
    """A clerk for students with every right, in a browser and as a program, and the school around them."""

    def __init__(self, flask: Flask, core: Application) -> None:
        self.flask, self.core = flask, core
        with core.db.write() as session:
            period = make_period(session)
            session.merge(PluginState(plugin="moodle", enabled=True, is_provider=True))
            self.anna = self._account(session, "Anna", "student")
            self.hidden = self._account(session, HIDDEN, "teacher")
            self.boss = self._account(session, f"{HIDDEN}boss", "administrator")
            self.person = make_person(session, HIDDEN, list="teachers").id
            for account_id in (self.anna, self.hidden):
                account = session.get_one(Account, account_id)
                give_role(session, account, make_role(session, "Any", user_type=account.type), period)
            clerk = make_clerk(session, *EVERYTHING, limited_to=["student"], first_name="Clara")
            self.clerk, self.username = clerk.id, clerk.username
            self.hidden_person = session.get_one(Account, self.hidden).person_id
            members = {self.hidden_person: "teacher", self.person: "teacher", session.get_one(Account, self.anna).person_id: "student"}
            self.class_id = make_class(session, period=period, members=members).id
            cookie = sessions.create(session, clerk.id, address=None, agent=None, now=datetime.now(UTC))
            self.token, _ = tokens.create(session, clerk.id, name="reach", now=datetime.now(UTC))
            audit.append(session, actor=operator("office"), kind="account.purge", payload={"of": HIDDEN}, account_id=self.hidden)
            facts = {"provider": "moodle", "verdict": "adoptable", "remote": {"username": HIDDEN}, "found_at": NOW}
            hidden = Match(external_id="7", account_id=self.hidden, **facts)
            session.add_all([hidden, Match(external_id="8", **facts)])
            session.flush()
            self.line = hidden.id
            self.message = self._message(session, self.hidden)
            self.entry = audit.append(session, actor=operator("office"), kind="person.edit", payload={"of": HIDDEN}).seq
        self.client = flask.test_client()
        with self.client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = cookie, True

    @staticmethod
    def _message(session, account_id: int) -> int:  # type: ignore[no-untyped-def]
        """A message that bounced, about which something could be done."""
        delivery = Delivery(
            kind="invitation.account", channel="email", account_id=account_id, address=f"{HIDDEN}@home.example", dedupe_key="hidden",
            state="bounced", error=f"No mailbox of {HIDDEN}.", created_at=NOW,
        )  # fmt: skip
        session.add(delivery)
        session.flush()
        return delivery.id

    @staticmethod
    def _account(session, name: str, user_type: str) -> int:  # type: ignore[no-untyped-def]
        account = make_account(session, name, type=user_type)
        session.add(
            Link(account_id=account.id, provider="moodle", wanted=1, synced=0, changed_at=NOW, goal="present", error=f"about {name}")
        )
        session.add(SignIn(account_id=account.id, at=NOW, method="password", result="ok"))
        return account.id

    def get(self, path: str):  # type: ignore[no-untyped-def]
        return self.client.get(path)

    def post(self, path: str, data: dict[str, object]):  # type: ignore[no-untyped-def]
        page = self.client.get("/login").get_data(as_text=True)
        csrf = page.split('name="csrf_token" value="')[1].split('"')[0]
        return self.client.post(path, data={"csrf_token": csrf, **data})

    def api(self, method: str, path: str, body: object = None):  # type: ignore[no-untyped-def]
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.flask.test_client().open(f"/api/v1{path}", method=method, headers=headers, json=body)

    def run(self, action: str, account_id: int, **params: object) -> int:
        """What somebody else did, as the number of the run."""
        return start(self.core, operator("other"), Request(action=action, selection=of_ids([account_id]), params=params))


@pytest.fixture
def office(application: Flask, core: Application) -> Office:
    return Office(application, core)


def test_no_page_shows_whom_the_rights_do_not_reach(office: Office, application: Flask) -> None:
    run = office.run("account.username", office.hidden, username=f"{HIDDEN.lower()}2")
    numbers = {
        "account_id": office.hidden, "person_id": office.hidden_person, "run_id": run, "seq": office.entry, "role_id": 1, "period_id": 1,
        "match_id": office.line, "name": "moodle", "action_id": "account.deactivate", "people_list": "students",
        "status_id": 1, "token": "x", "class_id": office.class_id, "method": "oidc",
        "kind": "invitation", "language": "en", "message_id": office.message,
    }  # fmt: skip
    shown = {}
    for rule in application.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith(("api.", "static", "endpoints.")):
            path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: str(numbers[match[1]]), rule.rule)
            if path.startswith("/act/"):
                path += f"?ids={office.hidden}"
            answer = office.get(path)
            if HIDDEN.lower() in answer.text.lower() or answer.status_code >= 500:
                shown[path] = answer.status_code

    assert shown == {}


def test_no_route_of_the_api_answers_whom_the_rights_do_not_reach(office: Office) -> None:
    run = office.run("account.username", office.hidden, username=f"{HIDDEN.lower()}2")
    paths = office.flask.test_client().get("/api/v1/openapi.json").json["paths"]
    numbers = {"account_id": office.hidden, "person_id": office.hidden_person, "run_id": run, "plugin": "moodle"} | {
        "class_id": office.class_id, "message_id": office.message,
    }  # fmt: skip
    shown = {}
    for path in (path for path, methods in paths.items() if "get" in methods):
        filled = re.sub(r"\{(\w+)\}", lambda match: str(numbers.get(match[1], 1)), path)
        answer = office.api("GET", filled)
        if HIDDEN.lower() in answer.text.lower() or answer.status_code >= 500:
            shown[filled] = answer.status_code

    assert shown == {}


@pytest.mark.parametrize("below", ["", "/roles", "/external", "/logins", "/timeline", "/access"])
def test_an_account_that_is_not_reached_is_as_unknown_as_one_that_does_not_exist(office: Office, below: str) -> None:
    answers = [office.get(f"/accounts/{number}{below}") for number in (office.hidden, office.clerk, 999_999)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    told = {re.sub(r"\d+", "N", answer.text.split("<main")[1].split("</main")[0]) for answer in answers}
    assert len(told) == 1
    assert office.get(f"/accounts/{office.anna}{below}").status_code == 200


def test_the_api_answers_alike_for_what_is_not_reached_and_what_is_not_there(office: Office) -> None:
    pairs = [
        ("GET", "/accounts/{}", office.hidden, None), ("GET", "/accounts/{}/timeline", office.hidden, None),
        ("GET", "/accounts/{}/logins", office.hidden, None), ("GET", "/people/{}", office.hidden_person, None),
        ("PATCH", "/people/{}", office.hidden_person, {"phone": "+306900000001"}),
        ("PATCH", "/people/{}", office.person, {"active": False}),
        ("GET", "/messages/{}", office.message, None), ("POST", "/messages/{}/again", office.message, None),
        ("POST", "/messages/{}/sent", office.message, None),
    ]  # fmt: skip
    for method, path, number, body in pairs:
        answers = [office.api(method, path.format(each), body) for each in (number, 999_999)]

        told = [re.sub(rf"\b{each}\b", "N", answer.text) for each, answer in zip((number, 999_999), answers, strict=True)]
        assert told[0] == told[1], path
        assert answers[0].status_code == 404, path


def _values() -> list[tuple[str, str]]:
    values = {
        "type": ["teacher", "administrator", "all"], "role": ["none", "Any"], "period": ["2026"], "active": ["yes", "no"],
        "verified": ["yes", "no"], "login": ["ever", "never"], "pending": ["yes", "no"], "invited": ["yes", "no"],
        "domain": ["example.org", "school.example", "home.example"],
        "external": ["yes", "no", "moodle"], "deleted": ["yes", "only", "no"], "run": ["1", "1:done"], "q": [HIDDEN, HIDDEN[:2], "@", "a"],
        "protected": ["yes", "no"],
    }  # fmt: skip
    assert set(values) == {each.id for each in CORE_FILTERS}
    return [(word, value) for word, found in values.items() for value in found]


def test_no_filter_tells_of_anybody_else(office: Office) -> None:
    office.run("account.username", office.hidden, username=f"{HIDDEN.lower()}2")
    found = {}
    for word, value in _values():
        document = office.api("GET", f"/accounts?{word}={value}").json
        found[word, value] = ({each["id"] for each in document["items"]} | {document["total"]}) - {office.anna, 0, 1}

    assert {case: told for case, told in found.items() if told} == {}


def test_no_order_and_no_page_tells_of_anybody_else(office: Office) -> None:
    for sort in accounts_query.SORTS:
        document = office.api("GET", f"/accounts?sort={sort}&limit=1").json

        assert ([each["id"] for each in document["items"]], document["total"], document["next"]) == ([office.anna], 1, None)


def test_a_list_that_is_narrowed_to_others_is_empty_like_any(office: Office) -> None:
    page = office.get("/accounts?type=teacher").text

    assert "No account matches" in page
    assert HIDDEN not in page


def test_a_comparison_is_decided_for_whom_the_rights_reach(office: Office) -> None:
    listed = office.api("GET", "/plugins/moodle/matches").json
    answers = [office.api("POST", f"/plugins/moodle/matches/{line}", {"decision": "ignore"}) for line in (office.line, 999_999)]

    assert (listed["items"], listed["total"]) == ([], 0)
    assert office.api("GET", "/plugins/moodle/compare").json["counts"]["adoptable"] == 0
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    assert office.api("POST", "/plugins/moodle/matches", {"decision": "accept"}).json == {"decided": 0}


def test_exports_have_whom_the_rights_reach(office: Office) -> None:
    for path in ("/accounts/export", "/audit/export"):
        answer = office.post(path, {})

        assert answer.status_code == 200, path
        assert HIDDEN not in answer.text, path
    assert "Anna" in office.post("/accounts/export", {}).text


@pytest.mark.parametrize("body", ["accounts", "mixed", "filter"])
def test_actions_touch_whom_the_rights_reach_alone(office: Office, body: str) -> None:
    selections = {
        "accounts": {"accounts": [office.hidden]}, "mixed": {"accounts": [office.anna, office.hidden]}, "filter": {"filter": {}},
    }  # fmt: skip

    answer = office.api("POST", "/actions/account.deactivate", selections[body])

    assert answer.status_code == (200 if body == "filter" else 404)
    with office.core.db.read() as session:
        assert session.get_one(Account, office.hidden).active
        assert session.get_one(Account, office.boss).active
        assert session.get_one(Account, office.anna).active == (body != "filter")
    if body == "filter":
        assert answer.json["counts"]["done"] == 1


def test_people_of_other_lists_are_neither_added_nor_given_accounts(office: Office) -> None:
    added = {each: office.api("POST", "/people", {"list": each, "code": "N1", "first_name": "New", "last_name": "One"}) for each in LISTS}
    opened = [office.api("POST", "/accounts", {"list": "teachers"}), office.api("POST", "/accounts", {"people": [office.person]})]

    assert {each for each, answer in added.items() if answer.status_code == 201} == {"students"}
    assert {answer.status_code for each, answer in added.items() if each != "students"} == {403}
    assert [answer.status_code for answer in opened] == [403, 422]


def test_pending_changes_and_retries_are_of_whom_the_rights_reach(office: Office) -> None:
    document = office.api("GET", "/pending").json
    with office.core.db.write() as session:
        session.query(Link).update({"blocked": True})

    retried = office.api("POST", "/pending/retry", {}).json
    named = office.api("POST", "/pending/retry", {"accounts": [office.hidden]}).json

    assert (document["total"], [each["account"]["id"] for each in document["items"]]) == (1, [office.anna])
    assert (retried["links"], named["links"]) == (1, 0)


def test_the_command_line_has_the_same_reach_for_an_account(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in office.core.config.values.items():
        if value.value is not None:
            monkeypatch.setenv(f"ROLECALL_{key.upper()}", str(value.value))

    def said(*words: str) -> str:
        result = CliRunner().invoke(main, [*words, "--as", office.username, "--json"])
        return result.stdout + result.stderr

    with office.core.db.read() as session:
        username = session.get_one(Account, office.hidden).username
        code = session.get_one(Person, office.hidden_person).code

    assert json.loads(said("accounts", "list"))["total"] == 1
    assert "no account" in said("doctor", username)
    assert "no account" in said("act", "account.deactivate", "--account", username)
    assert "Nobody has the code" in said("people", "set", code, "--phone", "+306900000001")
    for words in (["people", "list"], ["audit", "list"], ["runs"], ["sync"], ["tokens"], ["messages", "list"]):
        assert HIDDEN not in said(*words), words


def test_who_reaches_everybody_sees_everybody(office: Office, signed_in: Callable) -> None:  # type: ignore[type-arg]
    browser = signed_in("accounts:view", "people:view")

    assert HIDDEN in browser.get("/accounts").text
    assert browser.get(f"/accounts/{office.hidden}").status_code == 200


def test_the_chain_of_the_audit_is_checked_whole_by_who_sees_a_part_of_it(office: Office) -> None:
    answer = office.post("/audit/verify", {})

    assert answer.status_code == 303
    assert "entries are as they were written" in office.get("/audit").text
