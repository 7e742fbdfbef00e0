"""Texts of messages: which one somebody reads, and that one that would not do is never kept (R55)."""

from datetime import UTC, datetime

import pytest

from rolecall.accounts import message_texts
from rolecall.accounts.actors import operator
from rolecall.builtin.messages import KINDS
from rolecall.errors import Invalid, Stale, Unknown
from rolecall.sdk.template import TemplateText, fill, html
from rolecall.store.tables import MessageText

KNOWN = {each.id: each for each in KINDS}
OWN = TemplateText(subject="Hello {first_name}", body="Open {link}")
NOW = datetime.now(UTC)


def save(session, text, kind="email.verification", language="el", version=None):
    before = message_texts.get(session, KNOWN, kind, language)
    return message_texts.save(session, before, text, version=version, actor=operator("office"), now=NOW)


@pytest.mark.parametrize(
    ("wanted", "default", "language"),
    [
        ("el", "de", "el"),
        ("el-GR", "de", "el"),
        ("DE", "fr", "de"),
        ("sv", "de", "de"),
        ("sv", "sv", "en"),
        (None, "fr", "fr"),
        (None, "", "en"),
    ],
)
def test_somebody_reads_their_language_or_the_institutions_or_english(db, wanted, default, language):
    with db.read() as session:
        found, text = message_texts.for_reader(session, KNOWN["email.changed"], wanted, default)

    assert (found, text) == (language, KNOWN["email.changed"].texts[language])


def test_the_institutions_own_text_counts_until_it_is_taken_back(db):
    with db.write() as session:
        assert save(session, OWN)
        assert save(session, OWN, language="sv")
        assert not save(session, OWN)
        assert message_texts.for_reader(session, KNOWN["email.verification"], "el", "en")[1].subject == "Hello {first_name}"
        assert message_texts.for_reader(session, KNOWN["email.verification"], "sv", "en")[0] == "sv"

        save(session, KNOWN["email.verification"].texts["el"])

        assert session.query(MessageText).count() == 1, "what equals the text that came with it is not kept"
        assert message_texts.for_reader(session, KNOWN["email.verification"], "el", "en")[1] == KNOWN["email.verification"].texts["el"]


@pytest.mark.parametrize(
    ("subject", "body", "where", "sentence"),
    [
        ("S", "no placeholder", "body", "{link} is missing"),
        ("S", "{link} {nonsense}", "body", "There is no placeholder {nonsense}"),
        ("S", "{link} {", "body", "not closed"),
        ("S {link}", "{link}", "subject", "in the text only"),
        ("S\nBcc: x", "{link}", "subject", "one line"),
        (" ", "{link}", "subject", "empty"),
        ("S", " ", "body", "empty"),
        ("S" * 201, "{link}", "subject", "200"),
        ("S", "{link}\0", "body", "can be read"),
        ("{first_name.__class__}", "{link}", "subject", "There is no placeholder"),
        ("S", "{link!r}", "body", "There is no placeholder"),
    ],
)
def test_a_text_that_would_not_do_is_refused_with_a_sentence(db, subject, body, where, sentence):
    with db.write() as session, pytest.raises(Invalid) as refused:
        save(session, TemplateText(subject=subject, body=body))

    assert sentence in " ".join(refused.value.fields[where])


def test_two_who_write_at_once_do_not_overwrite_each_other(db):
    with db.write() as session:
        save(session, OWN, version=0)
        with pytest.raises(Stale):
            save(session, TemplateText(subject="Other", body="{link}"), version=0)
        save(session, TemplateText(subject="Other", body="{link}"), version=1)

        assert message_texts.get(session, KNOWN, "email.verification", "el").version == 2


@pytest.mark.parametrize(
    ("kind", "language"), [("no.such", "en"), ("email.changed", "E N"), ("email.changed", "../en"), ("email.changed", "x" * 30)]
)
def test_what_there_is_not_is_said(db, kind, language):
    with db.read() as session, pytest.raises(Unknown):
        message_texts.get(session, KNOWN, kind, language)


def test_an_own_text_that_does_not_fit_any_more_gives_way(db):
    with db.write() as session:
        session.add(
            MessageText(kind="email.changed", language="en", subject="S", body="{gone}", version=1, changed_at=NOW, changed_by="office")
        )  # fmt: skip
        session.flush()

        assert message_texts.for_reader(session, KNOWN["email.changed"], "en", "en")[1] == KNOWN["email.changed"].texts["en"]


def test_what_is_put_in_is_never_a_template_again_and_never_html():
    text = TemplateText(subject="{first_name}\n!", body="{first_name}\n\nPhone: {phone}\nAt {link}\n\n\n\nBye")

    filled = fill(text, {"first_name": "{link}<b>", "link": "https://school.example/a?b=1&c=2", "phone": ""})

    assert filled.subject == "{link}<b> !"
    assert filled.body == "{link}<b>\n\nAt https://school.example/a?b=1&c=2\n\nBye"
    assert html(filled.body) == (
        '<p>{link}&lt;b&gt;</p>\n<p>At <a href="https://school.example/a?b=1&amp;c=2">https://school.example/a?b=1&amp;c=2</a></p>\n<p>Bye</p>'
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_kind_of_core_is_there_in_five_languages(kind):
    assert set(kind.texts) == {"en", "el", "ar", "fr", "de"}
