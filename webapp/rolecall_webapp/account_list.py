"""The accounts list as parts: what the address asks for, the filter bar, the sentence, chips, columns and rows.

Everything comes from the registry: a plugin's filter or column appears without a line here. Asks core for rows; decides no rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from flask import url_for
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from rolecall.errors import Invalid
from rolecall.plugins.registry import View
from rolecall.sdk.lists import Filter, FilterContext
from rolecall.store import accounts_query, filters
from rolecall.store.accounts_query import AccountRow
from rolecall.work.runs.forms import Form
from rolecall_webapp.frame import other_period
from rolecall_webapp.parts import Cell, Chip, FilterBar, FilterField, Head, Link, Pager, Row, State, Table

SIZES = (25, 50, 100, 200)
_PLAIN = {"sort", "page", "size", "cols"}
#: How a link's state looks.
LINK_LOOKS = {"done": "ok", "blocked": "bad", "retrying": "wait", "running": "wait", "queued": "wait"}
#: Providers in step that the list still names: more of them would make each row as high as there are providers.
NAMED = 2
#: Core's own columns with what they are sorted by; the name always stands first.
FIXED = {
    "type": ("Type", "type"),
    "role": ("Role", None),
    "email": ("E-mail", "email"),
    "state": ("State", None),
    "external": ("External", None),
    "last_login": ("Last sign-in", "last_login"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for: filter words that narrow, order, page and columns."""

    words: Mapping[str, str]
    sort: str = "name"
    page: int = 1
    size: int = accounts_query.LIMIT
    #: None for the standard ones.
    columns: tuple[str, ...] | None = None

    @property
    def query(self) -> dict[str, str]:
        """The shortest query string that asks for the same."""
        query = dict(self.words)
        if self.sort != "name":
            query["sort"] = self.sort
        if self.size != accounts_query.LIMIT:
            query["size"] = str(self.size)
        if self.columns is not None:
            query["cols"] = ",".join(self.columns)
        if self.page > 1:
            query["page"] = str(self.page)
        return query

    @property
    def address(self) -> str:
        """The address of this list."""
        query = urlencode(self.query)
        return url_for("accounts.index") + (f"?{query}" if query else "")


def read(args: MultiDict[str, str], view: View) -> Asked:
    """Read an address.

    :raises Invalid: for a word or value that nothing here knows.
    """
    given = {name: value for name, value in args.items() if name not in _PLAIN}
    if not given.get("period") and (elsewhere := other_period()):
        # Said in so many words, so that an action on all that match is about those that are listed (R59).
        given["period"] = elsewhere
    filters.check_words(view.filters, given)
    page, size = _number(args, "page", 1), _number(args, "size", accounts_query.LIMIT)
    if size > SIZES[-1]:
        raise Invalid(f"A page has at most {SIZES[-1]} rows.")
    columns = None
    if "cols" in args:
        chosen = {part for value in args.getlist("cols") for part in value.split(",")}
        columns = tuple(each for each in (*FIXED, *view.columns) if each in chosen)
    accounts_query.sorting(args.get("sort") or "name")
    return Asked(words=filters.normalise(given, view.filters), sort=args.get("sort") or "name", page=page, size=size, columns=columns)


def clauses(session: Session, view: View, asked: Asked, now: datetime) -> tuple[list[ColumnElement[bool]], int | None]:
    """The clauses of the filter, and the period it looks at."""
    period_id = filters.chosen_period(session, asked.words)
    context = FilterContext(session=session, period_id=period_id, now=now)
    return filters.compile(view.filters, asked.words, context), period_id


def bar(session: Session, view: View, asked: Asked) -> FilterBar:
    """The filter bar; one that needs no choices and was not used is left to the address."""
    context = Form(session=session, view=view)
    fields = [_field(each, context, asked.words.get(each.id, "")) for each in view.filters.values()]
    kept = replace(asked, words={}, page=1).query
    return FilterBar(action=url_for("accounts.index"), fields=sorted(fields, key=lambda each: not each.search), hidden=kept, selects=True)


def chips(asked: Asked, filter_bar: FilterBar) -> list[Chip]:
    """The applied filters, each with the address without it."""
    return [
        Chip(
            label=f"{each.label}: {_spoken(each)}",
            remove=replace(asked, words={word: value for word, value in asked.words.items() if word != each.id}, page=1).address,
        )
        for each in filter_bar.fields
        if each.id in asked.words and (each.id, each.value) != ("period", other_period())
    ]


def sentence(total: int, asked: Asked, filter_bar: FilterBar) -> str:
    """The filter and its count in one sentence."""
    accounts = "1 account" if total == 1 else f"{total:,} accounts"
    said = [f"{each.label[0].lower()}{each.label[1:]} is {_spoken(each)}" for each in filter_bar.fields if each.id in asked.words]
    if not said:
        return accounts
    return f"{accounts} where {said[0] if len(said) == 1 else ', '.join(said[:-1]) + ' and ' + said[-1]}"


def shown_columns(view: View, asked: Asked) -> dict[str, str]:
    """The columns to show, id to label, in their order; the name is not among them, it is always there."""
    labels = {each: label for each, (label, _) in FIXED.items()} | {each.id: each.label for each in view.columns.values()}
    if asked.columns is not None:
        return {each: labels[each] for each in asked.columns}
    return {each: label for each, label in labels.items() if each in FIXED or view.columns[each].shown}


def all_columns(view: View) -> dict[str, str]:
    """Every column that can be chosen, id to label."""
    return {each: label for each, (label, _) in FIXED.items()} | {each.id: each.label for each in view.columns.values()}


def table(session: Session, view: View, asked: Asked, found: accounts_query.Page) -> Table:
    """The rows as a table with its pages."""
    columns = shown_columns(view, asked)
    ids = [row.id for row in found.rows]
    extra = {each: view.columns[each].values(session, ids) for each in columns if each in view.columns}
    labels = {provider_id: provider.label for provider_id, provider in view.providers.items()}
    rows = [
        Row(
            cells=[_name(row), *(_cell(each, row, extra, labels) for each in columns)],
            key=row.id,
            name=row.name or row.username,
            off=row.deleted or not row.active,
        )
        for row in found.rows
    ]
    heads = [
        _head("Name", "name", asked),
        *(_head(label, FIXED[each][1] if each in FIXED else None, asked) for each, label in columns.items()),
    ]
    return Table(caption="Accounts", heads=heads, rows=rows, pager=_pager(asked, found.total))


def state_of(row: AccountRow) -> list[State]:
    """The state of an account in words."""
    protected = [State(word="Protected", look="info")] if row.protected else []
    if row.deleted:
        return [State(word="Deleted", look="off"), *protected]
    states = [State(word="Active", look="ok") if row.active else State(word="Not active", look="off"), *protected]
    if row.must_change_password:
        states.append(State(word="New password due", look="wait"))
    return states


def link_states(row: AccountRow, labels: Mapping[str, str]) -> list[State]:
    """One word per provider."""
    return [
        State(word=f"{labels.get(link.provider, link.provider)}: {link.state}", look=LINK_LOOKS.get(link.state, "info"))
        for link in row.links
    ]


def link_summary(row: AccountRow, labels: Mapping[str, str]) -> list[State]:
    """One word per provider while they are few; of more, those in step are counted, and what waits is still named."""
    states = link_states(row, labels)
    others = [each for each in states if each.look != "ok"]
    done = len(states) - len(others)
    if done <= NAMED:
        return states
    return [State(word=f"{done} providers: done", look="ok"), *others]


def text_of(column: str, row: AccountRow, extra: Mapping[str, Mapping[int, str]], exact: Callable[[datetime], str]) -> str:
    """A column as an export writes it: the exact time, every word spelt out."""
    simple = {
        "name": row.name,
        "username": row.username,
        "email": row.email or "",
        "type": row.type,
        "role": row.role or "",
        "state": ", ".join(each.word.lower() for each in state_of(row)),
        "last_login": exact(row.last_login_at) if row.last_login_at else "",
        "pending": "yes" if row.pending else "no",
        "external": ", ".join(f"{link.provider}: {link.external_id or link.state}" for link in row.links),
    }
    return simple[column] if column in simple else extra[column].get(row.id, "")


def _field(each: Filter, context: Form, value: str) -> FilterField:
    options = [(key, label) for key, label in each.choices(context)] if each.choices else []
    search = each.id == "q"
    advanced = each.group == "advanced" or (each.choices is None and not search)
    return FilterField(
        id=each.id,
        label=each.label,
        value=value,
        options=options,
        default=each.default,
        # The period is the one word that does not narrow by itself: it says where the role is looked for.
        blank=(other_period() or "Current") if each.id == "period" else "All",
        help=each.help,
        advanced=advanced,
        search=search,
    )


def _spoken(each: FilterField) -> str:
    return dict(each.options).get(each.value, f"“{each.value}”" if not each.options else each.value)


def _name(row: AccountRow) -> Cell:
    return Cell(text=row.name or row.username, href=url_for("accounts.overview", account_id=row.id), note=row.username)


def _cell(column: str, row: AccountRow, extra: Mapping[str, Mapping[int, str]], labels: Mapping[str, str]) -> Cell:
    match column:
        case "type":
            return Cell(text=row.type.capitalize(), note="Global Owner" if row.is_owner else "", plain=True)
        case "role":
            if row.role is None:
                return Cell(states=[State(word="No role", look="off")])
            return Cell(text=row.role, note="" if row.role_enabled else "disabled in this period")
        case "email":
            verified = State(word="verified", look="ok") if row.email_verified else State(word="not verified", look="off")
            return Cell(text=row.email, states=[verified]) if row.email else Cell()
        case "state":
            return Cell(states=state_of(row))
        case "external":
            return Cell(states=link_summary(row, labels))
        case "last_login":
            return Cell(at=row.last_login_at) if row.last_login_at else Cell(text="never", plain=True)
    return Cell(text=extra[column].get(row.id, ""))


def _head(label: str, sort: str | None, asked: Asked) -> Head:
    if sort is None:
        return Head(label=label)
    now = {sort: "ascending", f"-{sort}": "descending"}.get(asked.sort)
    return Head(label=label, sort=replace(asked, sort=f"-{sort}" if now == "ascending" else sort, page=1).address, order=now)


def _pager(asked: Asked, total: int) -> Pager:
    first = (asked.page - 1) * asked.size + 1
    last = min(asked.page * asked.size, total)
    sizes: Sequence[Link] = [Link(label=str(n), href=replace(asked, size=n, page=1).address, current=n == asked.size) for n in SIZES]
    return Pager(
        first=min(first, last),
        last=last,
        total=total,
        previous=replace(asked, page=asked.page - 1).address if asked.page > 1 else None,
        next=replace(asked, page=asked.page + 1).address if last < total else None,
        sizes=sizes,
    )


def _number(args: MultiDict[str, str], name: str, default: int) -> int:
    text = args.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000_000:
        raise Invalid(f"{name.capitalize()} must be a whole number from 1 on.")
    return int(text)
