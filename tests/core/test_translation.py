"""Marked texts: English to the program, the reader's language in a page."""

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from jinja2 import Environment
from markupsafe import Markup, escape

from rolecall import translation
from rolecall.accounts.sign_in import WRONG
from rolecall.errors import Refused
from rolecall.translation import gettext, joined, ngettext, speaking, translated

GREEK = "Το όνομα χρήστη ή ο κωδικός πρόσβασης δεν είναι σωστός."


def test_a_marked_text_is_english_wherever_it_is_no_page() -> None:
    text = gettext("{text} is not an e-mail address.", text="anna")

    with speaking("el"):
        assert text == "anna is not an e-mail address."
        assert f"{text}" == "anna is not an e-mail address."
        assert type(str(text)) is str
        assert json.loads(json.dumps(text)) == text
        assert {text: 1}["anna is not an e-mail address."] == 1


def test_a_constant_is_read_in_the_language_of_whoever_reads_it() -> None:
    assert escape(WRONG) == "The user name or the password is not right."
    with speaking("el"):
        assert (escape(WRONG), translated(WRONG)) == (GREEK, GREEK)
    with speaking("ar"):
        assert translated(WRONG) == "اسم المستخدم أو كلمة المرور غير صحيحة."
    assert escape(WRONG) == WRONG


def test_what_is_read_in_one_thread_is_not_heard_in_another() -> None:
    with speaking("el"), ThreadPoolExecutor(1) as other:
        assert other.submit(translated, WRONG).result() == WRONG


def test_a_language_inside_another_gives_way_to_it_again() -> None:
    with speaking("ar"):
        with speaking("el"):
            assert translation.spoken().tag == "el"

        assert translation.spoken().tag == "ar"
        translation.hush()
        assert translation.spoken().tag == "en"


@pytest.mark.parametrize(
    ("tag", "number", "expected"),
    [
        ("en", 1, "Too many attempts. Try again in a minute."),
        ("en", 3, "Too many attempts. Try again in 3 minutes."),
        ("el", 1, "Πάρα πολλές προσπάθειες. Δοκιμάστε ξανά σε ένα λεπτό."),
        ("el", 1500, "Πάρα πολλές προσπάθειες. Δοκιμάστε ξανά σε 1.500 λεπτά."),
        ("ar", 2, "محاولات كثيرة جدًا. حاول مرة أخرى بعد دقيقتين."),
        ("ar", 3, "محاولات كثيرة جدًا. حاول مرة أخرى بعد 3 دقائق."),
        ("ar", 11, "محاولات كثيرة جدًا. حاول مرة أخرى بعد 11 دقيقة."),
    ],
)
def test_a_number_has_the_form_of_the_language_and_is_written_as_there(tag: str, number: int, expected: str) -> None:
    text = ngettext("Too many attempts. Try again in a minute.", "Too many attempts. Try again in {count} minutes.", number)

    with speaking(tag):
        assert translated(text) == expected


def test_what_is_put_in_is_escaped_and_html_stays_html() -> None:
    hostile = gettext("The e-mail of this account is {address} already.", address="<script>")
    ours = gettext("The e-mail of this account is {address} already.", address=Markup("<bdi>a&amp;b</bdi>"))

    for tag in ("en", "el", "ar"):
        with speaking(tag):
            assert "&lt;script&gt;" in escape(hostile)
            assert "<bdi>a&amp;b</bdi>" in escape(ours)


def test_a_name_in_a_sentence_from_right_to_left_has_a_direction_of_its_own() -> None:
    text = gettext("{text} is not an e-mail address.", text="anna.k")

    with speaking("ar"):
        assert "\u2068anna.k\u2069" in translated(text)
    with speaking("el"):
        assert "\u2068" not in translated(text)


def test_a_text_inside_a_text_is_read_in_the_same_language() -> None:
    text = gettext("The {field} is longer than {count} characters.", field=gettext("first name"), count=1200)

    assert text == "The first name is longer than 1,200 characters."
    with speaking("el"):
        assert escape(text) == "Το πεδίο «όνομα» ξεπερνά τους 1.200 χαρακτήρες."


def test_an_error_is_its_sentence_with_what_to_do_in_the_language_of_the_page() -> None:
    error = Refused(gettext("This language is not offered."), hint=gettext("Choose one of the list."))

    with speaking("el"):
        assert str(error) == "This language is not offered. Choose one of the list."
        assert translated(str(error)) == "Αυτή η γλώσσα δεν προσφέρεται. Επιλέξτε μία από τη λίστα."


def test_sentences_without_a_mark_are_joined_as_they_are() -> None:
    assert joined("One.", "", "Two.") == "One. Two."
    assert not hasattr(joined("One.", "Two."), "translated")


def test_a_copy_is_marked_too() -> None:
    text = ngettext("Too many attempts. Try again in a minute.", "Too many attempts. Try again in {count} minutes.", 2)

    for again in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        with speaking("ar"):
            assert translated(again) == translated(text) != text


def test_a_text_without_a_translation_stays_english() -> None:
    with speaking("el"):
        assert translated(gettext("Nobody has translated {this}.", this="that")) == "Nobody has translated that."
        assert translated("Not marked.") == "Not marked."


def test_templates_read_what_they_are_given_in_the_language_of_the_page() -> None:
    environment = Environment(autoescape=True)
    template = environment.from_string("{{ text }}|{{ text ~ '<' }}|{{ [text, '<'] | join(' ') }}")

    with speaking("el"):
        assert template.render(text=WRONG) == f"{GREEK}|{GREEK}&lt;|{GREEK} &lt;"
