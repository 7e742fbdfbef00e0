"""Sheets of eight slips, each in its person's language and direction, with nothing in them that could be markup (R28, X-01, X-03)."""

import re
from html.parser import HTMLParser

import pytest

from rolecall.accounts.slip_words import WORDS
from rolecall.accounts.slips import PasswordState
from rolecall.work.slips.sheets import PER_SHEET, document, sheets

#: What isolates a value, beside the element that does.
ISOLATES = str.maketrans("", "", "\u2068\u2069")


class Text(HTMLParser):
    """What somebody reads, without markup."""

    def __init__(self):
        super().__init__()
        self.parts = []

    def handle_data(self, data):
        self.parts.append(data)


def text_of(html):
    parser = Text()
    parser.feed(str(html))
    return " ".join("".join(parser.parts).translate(ISOLATES).split()).replace("\u00a0", " ")


def drawn(issuer, *slips):
    return str(sheets(slips, issuer))


def test_a_slip_says_how_to_sign_in(issuer, slip):
    found = text_of(sheets([slip()], issuer))

    for each in (
        "Harbour School", "Anna Smith", "Year 1 · 2026–27", "https://accounts.example.org", "anna1", "anna1@school.example",
        "kqm4tv-9xbhwd-63rpjc", "It counts until 2026-12-01 00:30.",
    ):  # fmt: skip
        assert each in found


def test_eight_are_on_a_sheet_and_each_role_begins_a_new_one(issuer, slip):
    slips = [*(slip() for _ in range(PER_SHEET + 1)), slip(role_id=2, role="Year 2"), slip(role_id=None, role=None)]

    found = drawn(issuer, *slips)

    parts = found.split('<section class="sheet">')[1:]
    assert [part.count('<li class="slip"') for part in parts] == [8, 1, 1, 1]
    assert [text_of(re.search("<h2>.*</h2>", part)[0]) for part in parts] == [
        "Year 1 Students, 2026–27 · 1/2", "Year 1 Students, 2026–27 · 2/2", "Year 2 Students, 2026–27 · 1/1",
        "No role Students, 2026–27 · 1/1",
    ]  # fmt: skip


@pytest.mark.parametrize("language", WORDS)
def test_each_person_reads_their_own_language(issuer, slip, language):
    words = WORDS[language]

    found = drawn(issuer, slip(language=language))

    assert f'<li class="slip" lang="{language}" dir="{words.direction}">' in found
    assert words.username in found
    assert words.credential in found


def test_who_has_no_language_reads_the_institutions(issuer, slip):
    assert '<li class="slip" lang="en"' in drawn(issuer, slip(language=None))
    assert '<li class="slip" lang="en"' in drawn(issuer, slip(language="tlh"))


def test_what_is_typed_runs_from_left_to_right_and_holds_no_mark_that_would_be_copied(issuer, slip):
    found = drawn(issuer, slip(language="ar"))

    assert f'<bdi dir="ltr">{issuer.address}</bdi>' in found
    assert '<bdi dir="ltr">anna1</bdi>' in found
    assert '<bdi dir="ltr" class="secret">kqm4tv-9xbhwd-63rpjc</bdi>' in found


@pytest.mark.parametrize("state", [PasswordState.GONE, PasswordState.OVER])
@pytest.mark.parametrize("language", WORDS)
def test_where_no_password_signs_in_the_slip_says_what_helps(issuer, slip, language, state):
    found = text_of(drawn(issuer, slip(language=language, state=state, password=None)))

    assert "“Reset password”" in found
    assert "“Reset and invite again”" in found
    assert "kqm4tv" not in found


def test_who_signs_in_at_a_provider_is_sent_there(issuer, slip):
    found = text_of(drawn(issuer, slip(state=PasswordState.ELSEWHERE, password=None, provider="Microsoft 365")))

    assert "Sign in with Microsoft 365" in found


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"must_change": True}, WORDS["en"].must_change),
        ({"active": False}, WORDS["en"].inactive),
        ({"role": None}, "There is no role for you in 2026–27 yet"),
        ({"must_verify_email": True}, WORDS["en"].unverified),
        ({"state": PasswordState.USED}, WORDS["en"].used),
    ],
)
def test_what_stands_in_the_way_is_said(issuer, slip, values, sentence):
    assert sentence not in text_of(drawn(issuer, slip()))
    assert sentence in text_of(drawn(issuer, slip(**values)))


def test_the_owner_needs_no_role(issuer, slip):
    assert "no role for you" not in text_of(drawn(issuer, slip(role=None, is_owner=True)))


def test_an_account_without_an_address_has_no_line_for_it(issuer, slip):
    assert WORDS["en"].email not in text_of(drawn(issuer, slip(email=None)))


@pytest.mark.parametrize(
    "payload",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{until}{provider}{0.__class__}", "%s${x}{{7*7}}", "</li></ol>"],
)
def test_whatever_somebody_is_called_is_text(issuer, slip, payload):
    whole = slip(
        name=payload, username=payload, email=payload, role=payload, password=payload, provider=payload, state=PasswordState.SIGNS_IN
    )
    elsewhere = slip(name=payload, provider=payload, password=None, state=PasswordState.ELSEWHERE, role=None)

    page = document([whole, elsewhere], issuer, title=payload)

    plain = document([slip(), slip(password=None, provider="x", state=PasswordState.ELSEWHERE, role=None)], issuer, title="x")
    assert re.findall("<[a-z]+", page) == re.findall("<[a-z]+", plain)
    assert text_of(page).count(payload) == 9


def test_a_document_needs_nothing_beside_it(issuer, slip):
    page = document([slip()], issuer, title="Slips")

    assert page.startswith("<!doctype html>")
    assert not re.search(r"\s(src|href|action)=|url\(|@import|<script", page)
    assert "@page { size: A4;" in page
