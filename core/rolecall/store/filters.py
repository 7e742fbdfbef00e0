"""The filter words that the address bar, the API and the command line share, as SQL over the list rows (R8-R14).

Owns core's words, how a filter is written, and what is said of a word that does not exist. Knows nothing of pages; a plugin's filters come
in as the same objects.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from unicodedata import category

from sqlalchemy import ColumnElement, and_, exists, false, literal, not_, or_, select, true
from sqlalchemy.orm import Session, aliased

from rolecall.errors import Invalid
from rolecall.sdk.fields import FormContext, Option
from rolecall.sdk.lists import Filter, FilterContext
from rolecall.sdk.words import OUTCOMES, USER_TYPES
from rolecall.store.folding import canonical, email_key, fold
from rolecall.store.tables import Account, Link, Listing, Period, PluginState, Role, RolePeriod, RunItem

#: Longer values are no search and no name (X-10).
LONGEST_VALUE = 200
#: From this length on a search finds text anywhere; shorter, only where words begin (R12).
SUBSTRING_FROM = 3

_YES_NO: tuple[Option, ...] = (("yes", "Yes"), ("no", "No"))
_PAIR = re.compile(r"""\s*(?P<word>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"']*))(?=\s|$)""")


def compile(  # noqa: A001 - always used as filters.compile
    filters: Mapping[str, Filter] | Iterable[Filter], words: Mapping[str, str], context: FilterContext
) -> list[ColumnElement[bool]]:
    """Turn filter words into clauses over ``listing`` and, for plugins that need it, ``account``; all of them must hold.

    A word that is absent, empty or ``all`` does not narrow; a filter's default applies where its word is absent.

    :raises Invalid: for an unknown word or value, naming what comes nearest.
    """
    known = _by_id(filters)
    check_words(known, words)
    clauses = []
    for each in known.values():
        value = words.get(each.id, "").strip() or each.default
        if not value or (value == "all" and each.choices is not None):
            continue
        clause = each.clause(value, context)
        if clause is not None:
            clauses.append(clause)
    return clauses


def check_words(filters: Mapping[str, Filter] | Iterable[Filter], words: Mapping[str, str]) -> None:
    """Refuse unknown words, and values that no filter could mean.

    :raises Invalid: naming what comes nearest.
    """
    known = _by_id(filters)
    for word, value in words.items():
        if word not in known:
            raise Invalid(f"{_shown(word)} is not a filter.{_nearest(word, known)}", hint=f"The filters are {', '.join(known)}.")
        if not isinstance(value, str):
            raise Invalid(f"The value of {word} is not a text.")
        if len(value) > LONGEST_VALUE:
            raise Invalid(f"The value of {word} is too long.", hint=f"Use at most {LONGEST_VALUE} characters.")
        if known[word].id != "q" and any(category(character) in {"Cc", "Cs"} for character in value):
            raise Invalid(f"The value of {word} contains a character that cannot be shown.")


def normalise(words: Mapping[str, str], filters: Mapping[str, Filter] | Iterable[Filter] = ()) -> dict[str, str]:
    """Return the words that narrow, without what is empty, ``all`` or the default: the shortest way to write the same filter."""
    known = _by_id(filters or CORE_FILTERS)
    given = {word: value.strip() for word, value in words.items()}
    return {word: value for word, value in given.items() if value and value != (known[word].default if word in known else "all")}


def parse_where(text: str) -> dict[str, str]:
    """Read ``type=student role="Main student"`` as filter words; a value with spaces stands in quotes.

    :raises Invalid: saying where it stops being readable, or which word stands twice.
    """
    words: dict[str, str] = {}
    at = 0
    text = text.strip()
    if len(text) > 10 * LONGEST_VALUE:
        raise Invalid("The filter is too long.", hint=f"Use at most {10 * LONGEST_VALUE} characters.")
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise Invalid(
                f"The filter cannot be read at “{_shown(text[at : at + 30].strip(), quotes=False)}”.",
                hint='Write word=value, with spaces between them, and quotes around values with spaces: role="Main student".',
            )
        word = match["word"]
        if word in words:
            raise Invalid(f"The filter has {word} twice.", hint="Each word narrows once.")
        words[word] = next(value for value in (match["double"], match["single"], match["bare"]) if value is not None)
        at = match.end()
    return words


def chosen_period(session: Session, words: Mapping[str, str]) -> int | None:
    """Return the id of the period that the words choose: the current one unless they name another; none where there is none.

    :raises Invalid: when no period has that code.
    """
    code = words.get("period", "").strip()
    if code in {"", "all"}:
        return session.scalar(select(Period.id).where(Period.is_current.is_(True)))
    found = session.scalar(select(Period.id).where(Period.code_key == _key(code, "period")))
    if found is None:
        codes = session.scalars(select(Period.code).order_by(Period.starts_on.desc())).all()
        raise Invalid(f"There is no period {_shown(code)}.{_nearest(code, codes)}", hint=_listed("The periods are", codes))
    return found


def search_clause(column: ColumnElement[str], text: str) -> ColumnElement[bool] | None:
    """A search in a folded text: anywhere, or where words begin when it is short; ``%`` and ``_`` are ordinary characters (R12, X-08)."""
    folded = fold(text[:LONGEST_VALUE])
    if not folded:
        return None
    escaped = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if len(folded) >= SUBSTRING_FROM:
        return column.like(f"%{escaped}%", escape="\\")
    return (literal(" ") + column).like(f"% {escaped}%", escape="\\")


def choose(word: str, value: str, choices: Iterable[str]) -> str:
    """Return the choice that a value means, in any case.

    :raises Invalid: naming what comes nearest.
    """
    known = list(choices)
    folded = value.casefold()
    for choice in known:
        if choice.casefold() == folded:
            return choice
    raise Invalid(f"{_shown(value)} is not a value of {word}.{_nearest(folded, known)}", hint=_listed("It can be", known))


def _type(value: str, _: FilterContext) -> ColumnElement[bool]:
    return Listing.type == choose("type", value, USER_TYPES)


def _role(value: str, context: FilterContext) -> ColumnElement[bool]:
    held = exists().where(
        RolePeriod.account_id == Listing.account_id, RolePeriod.period_id == context.period_id, RolePeriod.enabled.is_(True)
    )
    if value.casefold() == "none":
        return true() if context.period_id is None else not_(held.correlate(Listing))
    roles = context.session.scalars(select(Role.id).where(Role.name_key == _key(value, "role"))).all()
    if not roles:
        names = context.session.scalars(select(Role.name).distinct().order_by(Role.name)).all()
        raise Invalid(f"There is no role {_shown(value)}.{_nearest(value, names)}", hint=_listed("The roles are none,", names))
    return false() if context.period_id is None else held.where(RolePeriod.role_id.in_(roles)).correlate(Listing)


def _period(value: str, context: FilterContext) -> None:
    chosen_period(context.session, {"period": value})


def _active(value: str, _: FilterContext) -> ColumnElement[bool]:
    return Listing.active.is_(_is_yes("active", value))


def _verified(value: str, _: FilterContext) -> ColumnElement[bool]:
    return Listing.verified.is_(_is_yes("verified", value))


def _domain(value: str, _: FilterContext) -> ColumnElement[bool]:
    domain = value.strip().removeprefix("@")
    try:
        ending = email_key(f"x@{domain}")[1:]
    except Invalid:
        raise Invalid(f"{_shown(value)} is not a domain.", hint="Write what stands behind the @, such as school.example.") from None
    other = aliased(Account)
    there = or_(other.email_key.endswith(ending, autoescape=True), other.former_email_key.endswith(ending, autoescape=True))
    return exists().where(other.id == Listing.account_id, there).correlate(Listing)


def _invited(value: str, _: FilterContext) -> ColumnElement[bool]:
    return Listing.invited.is_(_is_yes("invited", value))


def _login(value: str, _: FilterContext) -> ColumnElement[bool]:
    return Listing.logged_on.is_(choose("login", value, ("ever", "never")) == "ever")


def _pending(value: str, _: FilterContext) -> ColumnElement[bool]:
    behind = Link.synced < Link.wanted
    if _is_yes("pending", value):
        return Listing.account_id.in_(select(Link.account_id).where(behind))
    return not_(exists().where(Link.account_id == Listing.account_id, behind).correlate(Listing))


def _external(value: str, context: FilterContext) -> ColumnElement[bool]:
    if value.casefold() in {"yes", "no"}:
        return Listing.external.is_(_is_yes("external", value))
    provider = choose("external", value, ["yes", "no", *_providers(context.session)])
    linked = exists().where(
        Link.account_id == Listing.account_id, Link.provider == provider, Link.external_id.is_not(None), Link.goal != "released"
    )
    # An alias: the list's own statement need not join the account for it.
    other = aliased(Account)
    signed_in_by = exists().where(other.id == Listing.account_id, other.sso_provider == provider)
    return and_(Listing.external.is_(True), or_(linked.correlate(Listing), signed_in_by.correlate(Listing)))


def _deleted(value: str, _: FilterContext) -> ColumnElement[bool] | None:
    chosen = choose("deleted", value, ("no", "yes", "only"))
    return None if chosen == "yes" else Listing.deleted.is_(chosen == "only")


def _protected(value: str, _: FilterContext) -> ColumnElement[bool]:
    # An alias: the list's own statement need not join the account for it.
    other = aliased(Account)
    marked = Listing.account_id.in_(select(other.id).where(other.protected))
    return marked if _is_yes("protected", value) else not_(marked)


def _run(value: str, _: FilterContext) -> ColumnElement[bool]:
    number, _colon, outcome = value.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid(f"{_shown(value)} is not a run.", hint="Write its number, or the number with an outcome: 12:failed.")
    items = select(RunItem.account_id).where(RunItem.run_id == int(number), RunItem.account_id.is_not(None))
    if outcome:
        items = items.where(RunItem.outcome == choose("run", outcome, OUTCOMES))
    return Listing.account_id.in_(items)


def _q(value: str, _: FilterContext) -> ColumnElement[bool] | None:
    return search_clause(Listing.search.expression, value)


def _is_yes(word: str, value: str) -> bool:
    return choose(word, value, ("yes", "no")) == "yes"


def _key(value: str, what: str) -> str:
    return canonical(value, what=what, words=True)


def _providers(session: Session) -> list[str]:
    known = session.scalars(select(PluginState.plugin).union(select(Link.provider).distinct()))
    return sorted({*known, *_installed_plugins()} - {"core"})


@cache
def _installed_plugins() -> frozenset[str]:
    """Installed plugins, enabled or not: naming one that nobody uses yet is a filter without hits and not a mistake."""
    return frozenset(each.name for each in entry_points(group="rolecall.plugins"))


def _types(_: FormContext) -> Sequence[Option]:
    return list(USER_TYPES.items())


def _roles(context: FormContext) -> Sequence[Option]:
    names = context.session.scalars(select(Role.name).where(Role.active.is_(True)).group_by(Role.name).order_by(Role.name))
    return [("none", "No role"), *((name, name) for name in names)]


def _periods(context: FormContext) -> Sequence[Option]:
    rows = context.session.execute(select(Period.code, Period.name).order_by(Period.is_current.desc(), Period.starts_on.desc()))
    return [(row.code, row.name) for row in rows]


def _external_choices(context: FormContext) -> Sequence[Option]:
    linked = context.session.scalars(select(Link.provider).distinct().order_by(Link.provider))
    enabled = context.session.scalars(select(PluginState.plugin).where(PluginState.enabled.is_(True), PluginState.is_provider.is_(True)))
    return [*_YES_NO, *((name, name) for name in sorted({*linked, *enabled}))]


def _yes_no(_: FormContext) -> Sequence[Option]:
    return _YES_NO


#: The words of the accounts list, in the order of its filter bar. ``period`` chooses which period ``role`` asks about.
CORE_FILTERS: tuple[Filter, ...] = (
    Filter(id="type", label="Type", clause=_type, choices=_types),
    Filter(id="role", label="Role", clause=_role, choices=_roles, help="In the chosen period."),
    Filter(id="period", label="Period", clause=_period, choices=_periods, help="The current one unless chosen."),
    Filter(id="active", label="Active", clause=_active, choices=_yes_no),
    Filter(id="verified", label="Verified e-mail", clause=_verified, choices=_yes_no),
    Filter(
        id="login",
        label="Signed in",
        clause=_login,
        choices=lambda _: [("ever", "Has signed in"), ("never", "Never")],
        group="advanced",
    ),
    Filter(id="pending", label="Pending changes", clause=_pending, choices=_yes_no),
    Filter(
        id="domain",
        label="E-mail domain",
        clause=_domain,
        default="",
        group="advanced",
        help="What stands behind the @ of the account's e-mail, or of the one that signs in until a new one is verified.",
    ),
    Filter(id="invited", label="Invited", clause=_invited, choices=_yes_no, group="advanced"),
    Filter(id="external", label="External provider", clause=_external, choices=_external_choices, group="advanced"),
    Filter(
        id="deleted",
        label="Deleted",
        clause=_deleted,
        choices=lambda _: [("no", "Hide"), ("yes", "Show too"), ("only", "Only deleted")],
        default="no",
        group="advanced",
    ),
    Filter(
        id="protected",
        label="Protected",
        clause=_protected,
        choices=_yes_no,
        group="advanced",
        help="Closed at a provider only when somebody asks for the account by itself.",
    ),
    Filter(
        id="run",
        label="Run",
        clause=_run,
        default="",
        group="advanced",
        help="Accounts that a run was about: its number, or with an outcome 12:failed.",
    ),
    Filter(id="q", label="Search", clause=_q, default="", help="Name, user name, e-mail, code or phone."),
)


def _by_id(filters: Mapping[str, Filter] | Iterable[Filter]) -> Mapping[str, Filter]:
    return filters if isinstance(filters, Mapping) else {each.id: each for each in filters}


def _shown(text: str, *, quotes: bool = True) -> str:
    printable = "".join(character if character.isprintable() else "�" for character in text[:60])
    return f"“{printable}”" if quotes else printable


def _nearest(text: str, known: Iterable[str]) -> str:
    by_key = {each.casefold(): each for each in known}
    near = get_close_matches(text[:60].casefold(), by_key, 1)
    return f" Did you mean “{by_key[near[0]]}”?" if near else ""


def _listed(start: str, known: Sequence[str]) -> str:
    return f"{start} {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}." if known else "There are none yet."
