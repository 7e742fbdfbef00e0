"""Guides of plugins: a small part of Markdown, and nothing that could do harm (X-01)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall_webapp.markdown import inline, render


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h2>Title</h2>"),
        ("One\nline.\n\nAnother.", "<p>One line.</p><p>Another.</p>"),
        ("**bold** and *slanted* and `a*b*c`", "<p><strong>bold</strong> and <em>slanted</em> and <code>a*b*c</code></p>"),
        ("[site](https://moodle.org/a_b)", '<p><a href="https://moodle.org/a_b" rel="noreferrer">site</a></p>'),
        ("- one\n- two\n  more", "<ul><li>one</li><li>two more</li></ul>"),
        ("1. one\n\n   ```\n   a\n     b\n   ```\n2. two", '<ol><li>one<pre tabindex="0"><code>a\n  b</code></pre></li><li>two</li></ol>'),
        ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("```\n<b>\n```", '<pre tabindex="0"><code>&lt;b&gt;</code></pre>'),
        ("```\nnever closed", '<pre tabindex="0"><code>never closed</code></pre>'),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
    ],
)
def test_what_guides_need_is_rendered(text: str, html: str) -> None:
    assert render(text) == html


def test_a_table_has_a_head() -> None:
    html = render("| right | for |\n| --- | --- |\n| `a:b` | **all** |\n\nAfter.")

    assert "<thead><tr><th>right</th><th>for</th></tr></thead>" in html
    assert "<tbody><tr><td><code>a:b</code></td><td><strong>all</strong></td></tr></tbody>" in html
    assert html.endswith("<p>After.</p>")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](http://plain.example)",
        '[x](https://a.example"onmouseover=alert(1))',
        "[<img src=x onerror=alert(1)>](https://a.example)",
        "`<b>`",
        "**<i>**",
        "# <h1>",
        "| <td> |\n|---|\n| <script> |",
        "```\n</code></pre><script>\n```",
        "![x](https://a.example/y.png)",
    ],
)
def test_no_markup_of_the_text_survives(text: str) -> None:
    html = render(text)

    for tag in ("<script", "<img", "<b>", "<i>", "<h1", 'javascript:alert(1)"', "<td> "):
        assert tag not in html
    assert 'href="http://' not in html
    assert 'href="javascript' not in html


@given(st.text(alphabet=st.sampled_from("ab *`_[]()|-#\n1.<>&\"' :/"), max_size=300))
def test_any_text_is_rendered_without_loose_markup(text: str) -> None:
    html = render(text)

    assert html.count("<") == html.count(">")
    for tag in ("p", "ul", "ol", "li", "pre", "table", "strong", "em", "code"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == html.count(f"</{tag}>")


def test_long_lines_are_rendered_in_a_moment() -> None:
    for hostile in ("*" * 50_000, "[" * 50_000, "`" * 50_001, "**a" * 20_000, "[a](" * 20_000, "- " * 30_000, "# " + " #" * 30_000):
        assert render(hostile)
        assert inline(hostile) is not None
