"""``rolecall runs secrets ID --pdf FILE``: a new file that only its owner can read; what cannot be written loses nothing (R28, R45)."""

import stat
from pathlib import Path

import pytest


@pytest.fixture
def run(school):
    """A run that printed everybody."""
    return str(school.json("act", "account.print", "--where", "type=student", "--yes")["id"])


def test_the_run_says_how_to_get_the_slips(school):
    said = school("act", "account.print", "--where", "type=student", "--yes", code=0).stdout

    assert "--pdf FILE" in said
    assert "3 slips" in said


def test_slips_are_written_once_into_a_file_of_ones_own(school, run, tmp_path):
    file = tmp_path / "slips.html"

    said = school.json("runs", "secrets", run, "--html", str(file))
    again = school.json("runs", "secrets", run, "--html", str(tmp_path / "again.html"), code=1)

    assert said == {"file": str(file), "slips": 3}
    page = file.read_text("utf-8")
    assert page.count('class="secret"') == 3
    assert "Βασίλης" in page
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert again["code"] == "gone"
    assert not (tmp_path / "again.html").exists()


def test_a_pdf_is_written(school, run, tmp_path, requires_service):
    requires_service("weasyprint")

    said = school("runs", "secrets", run, "--pdf", str(tmp_path / "slips.pdf"), code=0)

    assert "Wrote 3 slips" in said.stdout
    assert (tmp_path / "slips.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["there.html", "missing/slips.html"])
def test_what_cannot_be_written_leaves_the_passwords(school, run, tmp_path, name):
    (tmp_path / "there.html").write_text("kept")

    refused = school("runs", "secrets", run, "--html", str(tmp_path / name), code=1)

    assert name in refused.stderr
    assert (tmp_path / "there.html").read_text() == "kept"
    assert len(school.json("runs", "secrets", run)["items"]) == 3


def test_a_link_in_the_way_is_not_followed(school, run, tmp_path):
    target = tmp_path / "elsewhere.html"
    Path(tmp_path / "slips.html").symlink_to(target)

    school("runs", "secrets", run, "--html", str(tmp_path / "slips.html"), code=1)

    assert not target.exists()


def test_the_ways_exclude_each_other(school, run, tmp_path):
    result = school("runs", "secrets", run, "--csv", "--html", str(tmp_path / "slips.html"), code=2)

    assert "exclude" in result.stderr
    assert len(school.json("runs", "secrets", run)["items"]) == 3
