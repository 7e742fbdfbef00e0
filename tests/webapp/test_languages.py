"""Pages in the language of whoever reads them: which one that is, how it is chosen, and that a page is of one language."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rolecall.accounts import settings
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.store.tables import Account, Person
from rolecall.work.application import Application

SIGN_IN = {"en": "Sign in", "el": "Σύνδεση", "ar": "تسجيل الدخول"}
#: Latin words that pages of any language have.
NAMES = {
    "Authenticator", "Deutsch", "English", "Français", "FreeOTP", "Google", "Microsoft", "QR", "Rolecall", "UTC", "accounts:view", "mail",
}  # fmt: skip


def language_of(page: str) -> tuple[str, str]:
    """The language and direction that a page says it has."""
    found = re.search(r'<html lang="([^"]+)" dir="([^"]+)">', page)
    assert found is not None
    return found[1], found[2]


def latin_words(page: str) -> set[str]:
    """The words of a page that are written in Latin letters, names apart: what is read, and what is read out."""
    body = page[page.index("<body") :]
    spoken = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', body)
    shown = re.sub(r"<(script|style|time|code|bdi)\b.*?</\1>", " ", body, flags=re.DOTALL)
    text = unescape(" ".join([re.sub(r"<[^>]*>", " ", shown), *spoken]))
    return set(re.findall(r"[A-Za-zç:]{2,}", text)) - NAMES


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("el", ("el", "ltr")), ("el-GR,el;q=0.9,en;q=0.5", ("el", "ltr")), ("ar-EG", ("ar", "rtl")), ("fr, en;q=0.5", ("en", "ltr")),
        ("fr", ("en", "ltr")), ("*", ("en", "ltr")), ("xx;;q=1,,", ("en", "ltr")), (None, ("en", "ltr")),
    ],
)  # fmt: skip
def test_the_browser_says_what_its_owner_reads(client: FlaskClient, header: str | None, expected: tuple[str, str]) -> None:
    page = client.get("/login", headers={"Accept-Language": header} if header else {}).text

    assert language_of(page) == expected
    assert f"<h1>{SIGN_IN[expected[0]]}</h1>" in page


def test_the_institution_decides_for_browsers_that_say_nothing(client: FlaskClient, core: Application) -> None:
    assert language_of(client.get("/login").text) == ("en", "ltr")
    with core.db.write() as session:
        settings.write(session, "core", CoreSettings, {"default_language": "el-GR"}, actor=WORKER, keyring=core.keyring)

    assert language_of(client.get("/login").text) == ("el", "ltr")
    assert language_of(client.get("/login", headers={"Accept-Language": "fr"}).text) == ("el", "ltr")
    assert language_of(client.get("/login", headers={"Accept-Language": "ar"}).text) == ("ar", "rtl")


def test_a_choice_on_the_sign_in_page_is_kept_and_leads_back(client: FlaskClient, token_of: Callable[[FlaskClient], str]) -> None:
    chosen = client.post("/language", data={"csrf_token": token_of(client), "language": "el", "next": "/login?next=/me"})

    assert (chosen.status_code, chosen.location) == (303, "/login?next=/me")
    (cookie,) = [each for each in chosen.headers.getlist("Set-Cookie") if each.startswith("rolecall-language=el;")]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    page = client.get(chosen.location, headers={"Accept-Language": "ar"}).text
    assert language_of(page) == ("el", "ltr")
    assert 'value="/login?next=/me"' in page


@pytest.mark.parametrize("sent", [{"language": "fr"}, {"language": ""}, {}, {"language": "../el"}])
def test_a_language_that_is_not_offered_is_refused(
    client: FlaskClient, token_of: Callable[[FlaskClient], str], sent: dict[str, str]
) -> None:
    answer = client.post("/language", data={"csrf_token": token_of(client), **sent}, headers={"Accept-Language": "el"})

    assert answer.status_code == 422
    assert "Αυτή η γλώσσα δεν προσφέρεται." in answer.text
    assert "rolecall-language" not in answer.headers.get("Set-Cookie", "")


def test_a_choice_leads_nowhere_else_and_needs_the_form(client: FlaskClient, token_of: Callable[[FlaskClient], str]) -> None:
    elsewhere = client.post("/language", data={"csrf_token": token_of(client), "language": "el", "next": "https://evil.example/"})

    assert elsewhere.location == "/"
    assert client.post("/language", data={"language": "ar"}).status_code == 400


@pytest.mark.parametrize("kept", ["fr", "", "el; drop", "\u0391"])
def test_a_cookie_of_no_use_is_none(client: FlaskClient, kept: str) -> None:
    client.set_cookie("rolecall-language", kept)

    assert language_of(client.get("/login").text) == ("en", "ltr")


def test_a_refusal_is_in_words_that_the_visitor_reads(client: FlaskClient, token_of: Callable[[FlaskClient], str]) -> None:
    wrong = client.post(
        "/login", data={"csrf_token": token_of(client), "username": "nobody", "password": "no"}, headers={"Accept-Language": "el"}
    )

    assert wrong.status_code == 401
    assert "Το όνομα χρήστη ή ο κωδικός πρόσβασης δεν είναι σωστός." in wrong.text
    # A page that was posted cannot be opened again in another language.
    assert '<input type="hidden" name="next" value="/login">' in wrong.text


def test_too_many_attempts_are_told_with_a_number(client: FlaskClient, token_of: Callable[[FlaskClient], str]) -> None:
    sent = {"csrf_token": token_of(client), "username": "nobody", "password": "no"}
    answers = [client.post("/login", data=sent, headers={"Accept-Language": "ar"}) for _ in range(11)]

    assert answers[-1].status_code == 429
    assert "محاولات كثيرة جدًا. حاول مرة أخرى بعد 5 دقائق." in answers[-1].text


def test_what_a_record_says_counts_until_its_owner_chooses(signed_in: Callable, core: Application) -> None:
    browser = signed_in()
    with core.db.write() as session:
        session.get_one(Person, session.get_one(Account, browser.account_id).person_id).language = "el"
    assert language_of(browser.get("/me").text) == ("el", "ltr")

    chosen = browser.post("/me/language", {"language": "ar"}, follow_redirects=True)

    assert language_of(chosen.text) == ("ar", "rtl")
    assert "حُفظت لغتك." in chosen.text
    browser.post("/logout")
    assert language_of(browser.get("/login").text) == ("ar", "rtl")


def test_a_language_that_pages_do_not_have_gives_way_to_the_browsers(signed_in: Callable, core: Application) -> None:
    browser = signed_in()
    with core.db.write() as session:
        session.get_one(Account, browser.account_id).language = "fr"

    assert language_of(browser.get("/me", headers={"Accept-Language": "el"}).text) == ("el", "ltr")


@pytest.mark.parametrize("language", ["el", "ar"])
@pytest.mark.parametrize(
    "path",
    [
        "/login", "/forgot", "/one-time", "/set-password", "/verify", "/me", "/me/sessions", "/me/sign-ins", "/me/name",
        "/me/email", "/me/language", "/me/second-factor", "/password", "/again", "/nothing-here", "/accounts",
    ],
)  # fmt: skip
def test_a_page_for_everybody_has_no_english_left(signed_in: Callable, path: str, language: str) -> None:
    page = signed_in().get(path, headers={"Accept-Language": language}).text

    assert language_of(page)[0] == language
    assert latin_words(page) == set()


def test_a_page_that_is_not_translated_as_a_whole_is_english_from_end_to_end(signed_in: Callable) -> None:
    page = signed_in(owner=True).get("/settings", headers={"Accept-Language": "ar"}).text

    assert language_of(page) == ("en", "ltr")
    assert re.search(r"[\u0600-\u06ff]", page) is None


def test_programs_are_answered_in_english(signed_in: Callable, client: FlaskClient) -> None:
    answer = client.get("/api/v1/accounts", headers={"Accept-Language": "el"})

    assert answer.json["detail"] == "A valid bearer token is needed."
    assert answer.json["title"] == "You are not signed in"


def test_nothing_of_one_visitor_is_left_for_the_next(application: Flask, client: FlaskClient) -> None:
    client.get("/login", headers={"Accept-Language": "ar"})
    client.get("/nothing-here", headers={"Accept-Language": "ar"})

    assert language_of(client.get("/login").text) == ("en", "ltr")
    assert client.get("/healthz").json == {"status": "ok"}
