"""A small part of Markdown as HTML: what set-up guides of plugins need, and nothing that could do harm.

Headings, paragraphs, lists, code, tables, emphasis and links to https. Everything is escaped first, so no markup of the text's own
survives; what is not understood stays as it was written.
"""

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]\[]+)\]\((https://[^\s()<>&]+)\)")
_STRONG = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_EMPHASIS = re.compile(r"\*(?=\S)([^*]+?)(?<=\S)\*")
_HEADING = re.compile(r"(#{1,4})\s+(.+)")
_ITEM = re.compile(r"(?P<indent>\s*)(?P<mark>[-*]|\d{1,3}\.)\s+(?P<text>.+)")
_FENCE = re.compile(r"\s*```")
#: Longer texts are no guides.
_LONGEST = 200_000


def render(text: str) -> Markup:
    """Return the HTML of a guide."""
    lines = text[:_LONGEST].replace("\r\n", "\n").expandtabs(4).split("\n")
    return Markup("").join(_blocks(lines))


def inline(text: str) -> Markup:
    """Return the HTML of a line: code, strong, emphasis, links."""
    parts = _CODE.split(text)
    # Every second part stood between backticks: nothing in it means anything.
    return Markup("").join(Markup("<code>{}</code>").format(part) if number % 2 else _spans(part) for number, part in enumerate(parts))


def _spans(text: str) -> Markup:
    html = str(escape(text))
    html = _LINK.sub(r'<a href="\2" rel="noreferrer">\1</a>', html)
    html = _STRONG.sub(r"<strong>\1</strong>", html)
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", html))  # noqa: S704 - escaped above, before anything was added


def _blocks(lines: Sequence[str]) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif heading := _HEADING.fullmatch(line.strip()):
            # The page has the h1 and the part's own title; a guide's headings are below them.
            level = min(len(heading[1]) + 1, 4)
            yield Markup("<h{0}>{1}</h{0}>").format(level, inline(heading[2]))
            at += 1
        elif _FENCE.match(line):
            end = next((n for n in range(at + 1, len(lines)) if _FENCE.match(lines[n])), len(lines))
            yield Markup('<pre tabindex="0"><code>{}</code></pre>').format("\n".join(_dedented(lines[at + 1 : end])))
            at = end + 1
        elif line.lstrip().startswith("|"):
            end = _end(lines, at, lambda each: each.lstrip().startswith("|"))
            yield _table(lines[at:end])
            at = end
        elif _ITEM.fullmatch(line):
            end = _end_of_list(lines, at)
            yield _list(lines[at:end])
            at = end
        else:
            end = _end(lines, at, _goes_on)
            yield Markup("<p>{}</p>").format(inline(" ".join(each.strip() for each in lines[at:end])))
            at = end


def _goes_on(line: str) -> bool:
    return bool(line.strip()) and not (
        _ITEM.fullmatch(line) or _FENCE.match(line) or _HEADING.fullmatch(line.strip()) or line.lstrip().startswith("|")
    )


def _end(lines: Sequence[str], at: int, belongs) -> int:  # type: ignore[no-untyped-def]
    end = at + 1
    while end < len(lines) and belongs(lines[end]):
        end += 1
    return end


def _end_of_list(lines: Sequence[str], at: int) -> int:
    """A list ends where a line begins at the margin that is no item, after an empty line or not."""
    margin = _indent(lines[at])
    end, fenced = at + 1, False
    while end < len(lines):
        line = lines[end]
        fenced ^= bool(_FENCE.match(line))
        item = _ITEM.fullmatch(line)
        if not fenced and line.strip() and _indent(line) <= margin and not (item and _indent(line) == margin):
            break
        end += 1
    return end


def _list(lines: Sequence[str]) -> Markup:
    margin = _indent(lines[0])
    items: list[list[str]] = []
    for line in lines:
        match = _ITEM.fullmatch(line)
        if match and len(match["indent"]) == margin:
            items.append([match["text"]])
        else:
            items[-1].append(line)
    tag = "ol" if lines[0].strip()[0].isdigit() else "ul"
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), Markup("").join(_item(each) for each in items))  # noqa: S704 - one of two words


def _item(lines: Sequence[str]) -> Markup:
    rest = _dedented(lines[1:])
    first = [lines[0]]
    while rest and _goes_on(rest[0]):
        first.append(rest.pop(0).strip())
    return Markup("<li>{}{}</li>").format(inline(" ".join(first)), Markup("").join(_blocks(rest)))


def _table(lines: Sequence[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    body = [row for row in rows[1:] if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]

    def cells(row: Sequence[str], tag: Markup) -> Markup:
        return Markup("<tr>{}</tr>").format(Markup("").join(Markup("<{0}>{1}</{0}>").format(tag, inline(cell)) for cell in row))

    head, rest = cells(rows[0], Markup("th")), Markup("").join(cells(row, Markup("td")) for row in body)
    return Markup('<div class="scroll" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>').format(head, rest)


def _dedented(lines: Sequence[str]) -> list[str]:
    indents = [_indent(line) for line in lines if line.strip()]
    margin = min(indents, default=0)
    return [line[margin:] for line in lines]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
