"""What the browser is given: small, ours, and scripts only where they are kept together."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient

import rolecall_webapp
from rolecall.testing.school import School

WEBAPP = Path(rolecall_webapp.__file__).parent
TEMPLATES = sorted((WEBAPP / "templates").rglob("*.html"))


def compressed(*names: str) -> int:
    return sum(len(gzip.compress((WEBAPP / "static" / name).read_bytes())) for name in names)


def test_scripts_and_styles_are_small() -> None:
    assert compressed("app.js", "htmx-2.0.11.min.js") <= 25_000
    assert compressed("app.css") <= 10_000
    assert len((WEBAPP / "static/app.css").read_text().splitlines()) <= 400
    assert len((WEBAPP / "static/app.js").read_text().splitlines()) <= 60


def test_only_parts_refresh_themselves() -> None:
    elsewhere = [path.name for path in TEMPLATES if path.parent.name != "_parts" and re.search(r"\shx-", path.read_text())]

    assert elsewhere == []


def test_no_template_holds_a_script_a_style_or_a_handler() -> None:
    inside = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", re.IGNORECASE)
    # Attributes that a macro puts together from our own words are the one thing that is marked as safe.
    ours = {"form.html"}

    found = [path.name for path in TEMPLATES if inside.search(path.read_text()) and path.name not in ours]

    assert found == []


def test_pages_ask_no_other_host(client: FlaskClient, signed_in: Callable) -> None:
    for page in (client.get("/login").text, signed_in("accounts:view").get("/accounts").text):
        assert not re.search(r'(src|href|action)="(https?:)?//', page)


def test_a_full_list_is_a_small_page(school: School, signed_in: Callable) -> None:
    school.students(50)

    page = signed_in("accounts:view", "act:account.deactivate").get("/accounts?type=student")

    assert len(gzip.compress(page.data)) <= 60_000
