"""The PDF is made of the document alone: no address and no file is fetched for it (R28, O-03)."""

import http.server
import re
import sys
import threading
import zlib
from contextlib import suppress

import pytest

from rolecall.accounts.slips import PasswordState
from rolecall.errors import Busy, Refused, RolecallError
from rolecall.work.slips import pdf, sheets


@pytest.fixture(autouse=True)
def _library(requires_service):
    requires_service("weasyprint")


@pytest.fixture
def answers():
    """A server's address, and the list of what it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def pages(made):
    """How many pages a PDF has; what describes them is compressed in it."""
    assert made.startswith(b"%PDF-")
    inside = b""
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL):
        with suppress(zlib.error):
            inside += zlib.decompress(part)
    return len(re.findall(rb"/Type ?/Page\b", made + inside))


@pytest.mark.parametrize("language", ["en", "el", "ar"])
def test_a_full_sheet_is_one_page(issuer, slip, language):
    slips = [slip(language=language, must_change=True, name="Βασίλης Παπαδόπουλος الأحمد") for _ in range(sheets.PER_SHEET)]

    made = pdf.make_pdf(sheets.document(slips, issuer, title="Slips"))

    assert pages(made) == 1


def test_what_does_not_fit_goes_onto_the_next_page(issuer, slip):
    slips = [
        slip(
            language="de",
            state=PasswordState.OVER,
            must_verify_email=True,
            active=False,
            role=None,
            name="N" * 200,
            email=f"{'e' * 200}@example.org",
        )
        for _ in range(sheets.PER_SHEET)
    ]

    made = pdf.make_pdf(sheets.document(slips, issuer, title="Slips"))

    assert pages(made) == 4


def test_nothing_is_fetched_from_a_network(answers):
    address, asked = answers
    html = f'<link rel="stylesheet" href="{address}/a.css"><img src="{address}/b.png"><p style="background: url({address}/c.png)">Slip</p>'

    with pytest.raises(RolecallError, match="must not"):
        pdf.make_pdf(html)

    assert asked == []


def test_nothing_is_fetched_from_the_machine(tmp_path):
    secret = tmp_path / "keys.txt"
    secret.write_text("kept")

    with pytest.raises(RolecallError, match="must not"):
        pdf.make_pdf(f'<link rel="attachment" href="{secret.as_uri()}"><p>Slip</p>')


def test_one_pdf_is_made_at_a_time():
    with pdf.turn, pytest.raises(Busy) as busy:
        pdf.make_pdf("<p>Slip</p>")

    assert busy.value.retry_after
    assert pdf.make_pdf("<p>Slip</p>").startswith(b"%PDF-")


def test_a_library_whose_own_libraries_are_missing_is_named_with_the_packages(tmp_path, monkeypatch):
    (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load library libpango')")
    monkeypatch.delitem(sys.modules, "weasyprint")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(Refused) as refused:
        pdf.make_pdf("<p>Slip</p>")

    assert "libpango-1.0-0" in refused.value.message
