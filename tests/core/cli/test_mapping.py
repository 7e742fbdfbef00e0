"""``rolecall plugins mapping`` and what ``configure`` takes and refuses of an integration (R54)."""

import pytest


def test_mapping_is_shown_tried_and_set_from_the_command_line(cli):
    cli("plugins", "configure", "o365", "tenant=school.example", "client_id=6731de76-14a6", "client_secret=x", "domain=school.example",
        "usage_location=GR", "--without-test", code=0)  # fmt: skip

    shown = cli("plugins", "mapping", "o365", "mapping.displayName.template={code}", "--account", "ada", code=0).stdout
    cli("plugins", "configure", "o365", "mapping.displayName.template={last_name}, {first_name}", "mapping.surname.mode=once", code=0)
    kept = cli.json("plugins", "mapping", "o365")
    cli("plugins", "configure", "o365", "mapping.displayName=", code=0)
    own = cli.json("plugins", "mapping", "o365")

    assert "{code}" in shown
    assert "would be" in shown
    assert "Saved, it would change 0 accounts there." in shown
    known = {each["name"]: each for each in kept["items"]}
    assert (known["displayName"]["template"], known["surname"]["mode"]) == ("{last_name}, {first_name}", "once")
    assert {each["name"]: each["own"] for each in own["items"]}["displayName"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mapping.displayname.mode=once"], "Did you mean displayName?"),
        (["mapping.displayName.colour=red"], "Write mapping.displayName.template=TEXT"),
        (["mapping.displayName.mode=never"], "has the mode 'never'"),
        (["mapping.displayName.template={nobody}"], "There is no placeholder {nobody}."),
    ],
)
def test_mistakes_in_a_mapping_are_said(cli, words, sentence):
    for command in ("mapping", "configure"):
        assert sentence in cli("plugins", command, "o365", *words).stderr


def test_a_connection_that_does_not_work_is_not_saved_unless_it_is_wanted(cli):
    given = ("plugins", "configure", "moodle", "base_url=https://moodle.invalid", f"token={'0' * 32}")

    refused = cli(*given, code=1)
    cli(*given, "--without-test", code=0)
    enabled = cli("plugins", "enable", "moodle", code=0)

    assert "Moodle does not work with these settings, so they are not saved." in refused.stderr
    assert "Its connection never worked with these settings" in enabled.stdout
