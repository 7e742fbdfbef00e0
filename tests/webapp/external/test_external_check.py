"""Trying a service that signs people in, before it is saved: for who may set it up, and nobody else makes us call (R54, F-15)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rolecall.errors import NotConnected
from rolecall.testing.issuer import Issuer
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work import changes, connection
from rolecall.work.application import Application


@pytest.fixture
def settings(application: Flask, wire: Wire, issuer: Issuer) -> dict[str, Any]:
    return {"issuer": wire.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"]}


def test_the_office_tries_it_from_the_form_and_reads_each_line(signed_in: Callable, settings: dict[str, Any], wire: Wire) -> None:
    office = signed_in(owner=True)
    assert "Test connection" in office.get("/integrations/oidc/settings").text

    good = office.post("/integrations/oidc/test", settings).text
    bad = office.post("/integrations/oidc/test", {**settings, "client_secret": "wrong"}).text

    assert "The connection to OpenID Connect works." in good
    assert f"It calls itself {wire.url}." in good
    assert "One thing does not work yet." in bad
    assert "Enter the client id and secret of the sign-in again" in bad


@pytest.mark.parametrize("role", ["integrations:view", "accounts:view", None])
def test_who_may_not_set_it_up_makes_us_call_nobody(
    signed_in: Callable, client: FlaskClient, token_of: Callable, settings: dict[str, Any], wire: Wire, role: str | None
) -> None:
    if role is None:
        answer = client.post("/integrations/oidc/test", data={"csrf_token": token_of(client), **settings})
        api = client.post("/api/v1/plugins/oidc/check", json={"settings": settings})
        assert (answer.location or "").startswith("/login") or answer.status_code == 401
        assert api.status_code == 401
    else:
        assert signed_in(role).post("/integrations/oidc/test", settings).status_code == 403

    assert wire.journal == []


def test_settings_that_do_not_work_are_not_saved_unless_they_are_wanted_all_the_same(
    school: School, core: Application, settings: dict[str, Any]
) -> None:
    with pytest.raises(NotConnected, match="not saved"):
        changes.set_plugin(core, school.actor, "oidc", values={**settings, "client_secret": "wrong"})
    changes.set_plugin(core, school.actor, "oidc", enabled=True, values={**settings, "client_secret": "wrong"}, untested=True)
    plugin = core.plugins.installed["oidc"]
    with core.db.read() as session:
        assert connection.is_unproved(session, plugin)

    changes.set_plugin(core, school.actor, "oidc", values=settings)

    with core.db.read() as session:
        assert not connection.is_unproved(session, plugin)


def test_what_is_no_part_of_the_connection_is_saved_while_the_service_is_out(
    school: School, core: Application, settings: dict[str, Any], wire: Wire
) -> None:
    changes.set_plugin(core, school.actor, "oidc", values=settings)
    wire.drop(next=None)

    changes.set_plugin(core, school.actor, "oidc", values={"button": "School ID", "authoritative_domains": ["school.example"]})

    assert not connection.works(connection.check(core, "oidc"))


def test_one_without_its_settings_says_so_and_nags_nobody(core: Application, application: Flask) -> None:
    lines = connection.check(core, "saml")

    assert [(line.label, line.ok) for line in lines] == [("Settings", False)]
    with core.db.read() as session:
        assert not connection.is_unproved(session, core.plugins.installed["saml"])


def test_signing_in_of_a_provider_is_tried_where_it_is_switched_on_and_its_accounts_do_not_wait_for_it(
    core: Application, application: Flask, issuer: Issuer, wire: Wire
) -> None:
    tenant = "6731de76-14a6-49ae-97bc-6eba6914391e"
    issuer.url = f"{wire.url}/{tenant}/v2.0"
    values = {
        "tenant": tenant, "client_id": "12345678-aaaa", "client_secret": "s", "domain": "school.example", "usage_location": "GR",
        "login_url": wire.url, "graph_url": wire.url,
    }  # fmt: skip

    off = connection.check(core, "o365", values)
    on = connection.check(core, "o365", {**values, "sign_in": True})

    told = {line.label: line for line in on if line.label.startswith("Signing in: ")}
    assert not any(line.label.startswith("Signing in: ") for line in off)
    assert told["Signing in: The issuer"].ok
    assert not any(line.required for line in told.values())
