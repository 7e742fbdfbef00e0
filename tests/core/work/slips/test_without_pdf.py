"""Where WeasyPrint is not installed everything else works, and what asks for a PDF says what to install (R28)."""

import sys

import pytest

from rolecall.errors import Refused
from rolecall.work.runs.secrets import fetch_secrets
from rolecall.work.slips import pdf
from rolecall.work.slips.handing import Printed, hand_out_slips


@pytest.fixture(autouse=True)
def _not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)


def test_it_says_what_to_install():
    assert "rolecall[pdf]" in (pdf.why_not() or "")


def test_asking_for_a_pdf_costs_nothing(office, printed):
    run_id = printed("en")

    with pytest.raises(Refused) as refused:
        hand_out_slips(office.app, office.actor, run_id, Printed.pdf, form="pdf")

    assert refused.value.code == "no-pdf"
    assert len(fetch_secrets(office.app, office.actor, run_id)) == 1
