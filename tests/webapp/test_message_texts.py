"""Texts of messages on pages and over the API: listed, written, tried on a real account, refused (R55)."""

import pytest

from rolecall.store.tables import AuditEntry
from rolecall.testing.factories import make_account

WHERE = "/templates/email.verification/el"
OWN = {"subject": "Γεια {first_name}", "body": "Άνοιξε {link}", "version": "0"}


@pytest.fixture
def editor(signed_in, core):
    with core.db.write() as session:
        make_account(session, "Anna", username="anna.k")
    return signed_in("templates:view", "templates:edit", "accounts:view")


def test_a_text_is_written_counts_and_is_taken_back(editor, core):
    assert "Link to verify the new e-mail" in editor.get("/templates").text

    saved = editor.post(WHERE, OWN)
    shown = editor.get("/templates").text
    again = editor.get(WHERE).text
    editor.post(f"{WHERE}/reset", {})

    assert saved.status_code == 303
    assert "Γεια {first_name}" in shown
    assert "Your own" in shown
    assert "Use the text that came with it" in again
    assert "Your own" not in editor.get("/templates").text
    with core.db.read() as session:
        changes = session.query(AuditEntry).filter_by(kind="template.edit").all()
        assert [each.payload["after"]["own"] for each in changes] == [True, False]


def test_it_is_tried_on_a_real_account_without_being_saved(editor):
    tried = editor.post(f"{WHERE}/preview", {"who": "anna.k", "subject": "Για {first_name}: {username}", "body": "Εδώ {link}"}).text

    assert "Για Anna: anna.k" in tried
    assert "‹link that verifies the address›" in tried
    assert "Για" not in editor.get("/templates").text
    assert "Nobody is found by that" in editor.post(f"{WHERE}/preview", {**OWN, "who": "nobody"}).text


def test_a_text_with_a_mistake_is_refused_at_its_field(editor):
    for where in (WHERE, f"{WHERE}/preview"):
        refused = editor.post(where, {**OWN, "body": "{nonsense}"})

        assert refused.status_code == 422
        assert "There is no placeholder {nonsense}" in refused.text
    assert editor.client.post(f"{WHERE}/preview", data={"body": "{"}, headers={"HX-Request": "true"}).status_code in (200, 400)


def test_who_wrote_meanwhile_is_not_overwritten(editor):
    editor.post(WHERE, OWN)

    late = editor.post(WHERE, {**OWN, "subject": "Other"})

    assert "changed by somebody else meanwhile" in late.text


def test_who_may_only_look_gets_no_form(signed_in):
    reader = signed_in("templates:view")

    page = reader.get(WHERE).text

    assert "<textarea" not in page
    assert reader.post(WHERE, OWN).status_code == 403


def test_what_there_is_not_is_not_found(editor):
    assert editor.get("/templates/no.such/el").status_code == 404
    assert editor.get("/templates/email.changed/E%20N").status_code == 404
