"""``templates``: listed, shown, written from a file, taken back (R55)."""


def test_a_text_is_written_from_a_file_and_taken_back(cli, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("Guten Tag {first_name}", encoding="utf-8")

    cli("templates", "set", "email.changed", "de", "--subject", "Neu", "--body", str(file), code=0)
    shown = cli.json("templates", "get", "email.changed", "de")
    told = cli("templates", "get", "email.changed", "de", code=0)
    listed = cli.json("templates", "list")["items"]
    back = cli.json("templates", "set", "email.changed", "de", "--reset")

    assert (shown["subject"], shown["body"], shown["own"]) == ("Neu", "Guten Tag {first_name}\n", True)
    assert "{username}" in told.output
    assert ("email.changed", "de", True) in {(each["kind"], each["language"], each["own"]) for each in listed}
    assert back["own"] is False


def test_a_mistake_is_refused(cli):
    assert "one line" in cli("templates", "set", "email.changed", "de", "--subject", "a\nb", code=1).output
    cli("templates", "set", "email.changed", "de", code=2)
