"""The pretended tenant answers as Graph's reference says, where the plugin does not lead it there by itself."""

import json
import subprocess
import sys

import pytest
from werkzeug.test import Client

from rolecall_o365.client import EVENTUAL, Part
from rolecall_o365.fake.app import STUDENT_SKU

NEW = {
    "accountEnabled": True,
    "displayName": "Anna",
    "mailNickname": "anna",
    "userPrincipalName": "anna@school.example",
    "passwordProfile": {"password": "Passw0rd!x"},
}
GROUP = {"displayName": "Choir", "mailEnabled": False, "mailNickname": "choir", "securityEnabled": True}


@pytest.fixture
def ask(provider):
    """Sends one call as a part of a batch and returns its status."""

    def send(method, path, body=None, headers=None):
        return provider.tenant.graph.batch([Part(method=method, path=path, body=body, headers=headers or {})])[0].status

    return send


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": ""},
        {"passwordProfile": {"password": "short"}},
        {"passwordProfile": {"password": "onlysmallletters"}},
        {"passwordProfile": {"password": "Пароль123!"}},
        {"userPrincipalName": "anna@elsewhere.example"},
        {"userPrincipalName": "an na@school.example"},
        {"aboutMe": "x"},
    ],
)
def test_a_user_is_refused_as_there(ask, tenant, change) -> None:
    assert ask("POST", "/users", NEW) == 201
    assert ask("PATCH", f"/users/{tenant.add_user(userPrincipalName='eve@school.example')}", change) == 400


def test_unknown_filters_and_paths_are_refused(ask) -> None:
    assert ask("GET", "/users?$filter=city%20eq%20%27x%27") == 400
    assert ask("GET", "/users?$filter=onPremisesExtensionAttributes/extensionAttribute1%20eq%20%27x%27") == 400
    assert (
        ask("GET", "/users?$filter=onPremisesExtensionAttributes/extensionAttribute1%20eq%20%27x%27&$count=true", headers=EVENTUAL) == 200
    )
    assert ask("GET", "/groups?$filter=id%20eq%20%27x%27") == 400
    assert ask("GET", "/organization") == 400


def test_licences_need_a_country_a_known_sku_and_only_direct_ones_can_be_taken(ask, tenant) -> None:
    number = tenant.add_user(userPrincipalName="anna@school.example")
    add = {"addLicenses": [{"skuId": STUDENT_SKU, "disabledPlans": []}], "removeLicenses": []}

    assert ask("POST", f"/users/{number}/assignLicense", add) == 400
    tenant.state.users[number]["usageLocation"] = "GR"
    assert ask("POST", f"/users/{number}/assignLicense", {"addLicenses": [{"skuId": number}], "removeLicenses": []}) == 400
    assert ask("POST", f"/users/{number}/assignLicense", {"addLicenses": [], "removeLicenses": [STUDENT_SKU]}) == 400
    assert ask("POST", f"/users/{number}/assignLicense", add) == 200


def test_things_that_are_not_there_are_404(ask) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"

    for path in (f"/users/{nobody}", f"/groups/{nobody}/members", f"/teams/{nobody}", f"/education/classes/{nobody}"):
        assert ask("GET", path) == 404
    assert ask("POST", f"/directory/deletedItems/{nobody}/restore") == 404


def test_a_team_needs_an_owner_and_a_group_a_proper_nickname(ask, tenant) -> None:
    assert ask("POST", "/groups", GROUP) == 201
    (group,) = tenant.state.groups
    assert ask("PUT", f"/groups/{group}/team", {}) == 400
    assert ask("POST", "/groups", GROUP | {"mailNickname": "with space"}) == 400
    assert ask("GET", "/education/classes") == 200


def test_a_directory_synchronised_user_takes_no_change_but_of_its_state(ask, tenant) -> None:
    number = tenant.add_user(userPrincipalName="anna@school.example", onPremisesSyncEnabled=True)

    assert ask("PATCH", f"/users/{number}", {"givenName": "Berta"}) == 400
    assert ask("PATCH", f"/users/{number}", {"accountEnabled": False}) == 204


def test_people_see_a_page_and_programs_the_journal(made, account, tenant, wire) -> None:
    made(account("anna", first_name="<b>Anna"))

    page = wire.http.get(f"{wire.url}/_journal").json()
    assert page[-1]["status"] in (201, 204)
    assert "Passw0rd" not in json.dumps(page)


def test_the_page_escapes_what_it_shows_and_shows_no_more_than_people_read(tenant) -> None:
    for number in range(501):
        tenant.add_user(userPrincipalName=f"u{number}@school.example", displayName="<b>Anna")
    client = Client(tenant)

    text = client.get("/").get_data(as_text=True)
    assert "&lt;b&gt;Anna" in text
    assert "and 1 more" in text
    assert client.get("/elsewhere").status_code == 404


def test_more_than_twenty_parts_are_refused(tenant, provider) -> None:
    parts = [{"id": str(number), "method": "GET", "url": "/users"} for number in range(21)]

    assert tenant._batch(parts)["error"]["code"] == "BadRequest"


def test_it_runs_as_a_process_and_says_how_to_reach_it() -> None:
    with subprocess.Popen([sys.executable, "-m", "rolecall_o365.fake"], stdout=subprocess.PIPE, text=True) as process:
        settings = json.loads(process.stdout.readline())
        process.terminate()

    assert settings["graph_url"].startswith("http://127.0.0.1:")
