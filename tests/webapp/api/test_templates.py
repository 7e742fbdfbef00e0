"""Texts of messages over the API (R55)."""


def test_texts_are_listed_written_and_taken_back(owner):
    listed = owner.get("/templates").json["items"]
    written = owner.patch(
        "/templates", {"kind": "email.changed", "language": "sv", "subject": "Hej", "body": "Hej {first_name}", "version": 0}
    )
    stale = owner.patch("/templates", {"kind": "email.changed", "language": "sv", "subject": "X", "body": "Y", "version": 0})
    back = owner.patch("/templates", {"kind": "email.changed", "language": "sv", "subject": None, "body": None})

    assert {(each["kind"], each["language"]) for each in listed} >= {("email.changed", "en"), ("email.verification", "ar")}
    assert (written.json["own"], written.json["version"], written.json["body"]) == (True, 1, "Hej {first_name}\n")
    assert stale.status_code == 409
    assert (back.json["own"], back.json["version"]) == (False, 0)


def test_a_mistake_is_refused_with_the_sentence_at_its_field(owner):
    refused = owner.patch("/templates", {"kind": "email.verification", "language": "en", "subject": "S", "body": "No link"})
    halved = owner.patch("/templates", {"kind": "email.verification", "language": "en", "subject": "S", "body": None})
    unknown = owner.patch("/templates", {"kind": "no.such", "language": "en", "subject": "S", "body": "B"})

    assert refused.status_code == 422
    assert "{link} is missing" in refused.text
    assert (halved.status_code, unknown.status_code) == (422, 404)
