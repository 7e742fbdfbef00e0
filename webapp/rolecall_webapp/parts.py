"""The parts a page is made of, as values: a view fills them, one macro per part draws them.

Owns what a part needs to know. Knows nothing of what is shown, so accounts, runs and settings look alike without trying.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from rolecall.sdk.fields import FormField
from rolecall.translation import gettext as _

if TYPE_CHECKING:
    from rolecall_webapp.plots import Plot

#: How a state looks beside its word; the icon tells it without colour.
LOOKS = ("ok", "wait", "bad", "off", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A word with an icon: ``ok``, ``wait``, ``bad``, ``off`` or ``info``."""

    word: str
    look: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in one cell or beside one label. ``href`` makes the text a link, ``note`` is a quiet second line.

    ``at`` is shown relative to now, with the exact time in the title; ``plain`` is text of ours, which needs no isolation
    from the direction of its surroundings. ``whole`` is selected as a whole, because it is there to be copied.
    """

    text: str = ""
    href: str | None = None
    note: str = ""
    states: Sequence[State] = ()
    at: datetime | None = None
    numeric: bool = False
    plain: bool = False
    whole: bool = False


def cell(text: object, **more: Any) -> Cell:
    """Make a cell of anything that can be written; none is an empty cell."""
    return Cell(text="" if text is None else text if isinstance(text, str) else str(text), **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A column's heading. ``sort`` is the address that sorts by it, ``order`` is ascending or descending when it is sorted by now."""

    label: str
    sort: str | None = None
    order: str | None = None
    numeric: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row. ``key`` is the value of its checkbox and ``name`` whom the box ticks; ``off`` marks what is not active."""

    cells: Sequence[Cell]
    key: int | None = None
    name: str = ""
    off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link with a sentence of help."""

    label: str
    href: str
    help: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Why there is nothing to see: ``nothing`` yet, no ``match``, or no ``permission``; and what to do about it."""

    shape: ClassVar[str] = "empty"
    kind: str = "nothing"
    text: str = _("There is nothing here yet.")
    hint: str = ""
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """Where in a long list this page is. The addresses are none at the ends."""

    first: int
    last: int
    total: int
    previous: str | None = None
    next: str | None = None
    sizes: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption (read aloud, not shown)."""

    shape: ClassVar[str] = "table"
    caption: str
    heads: Sequence[Head]
    rows: Sequence[Row]
    title: str = ""
    empty: Empty = Empty()
    pager: Pager | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Labels with their values."""

    shape: ClassVar[str] = "facts"
    facts: Sequence[tuple[str, Cell]]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence that stands out, with what to do about it."""

    shape: ClassVar[str] = "note"
    text: str
    look: str = "info"
    hint: str = ""
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a check: what was tried, whether it worked, what it said and how to mend it."""

    label: str
    ok: bool
    detail: str = ""
    fix: str = ""
    #: Whether everything else waits for it.
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The lines of a check."""

    shape: ClassVar[str] = "lines"
    lines: Sequence[Line]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that was looked at: how it is, what it means, and what can be done about it."""

    label: str
    text: str
    state: State
    note: str = ""
    buttons: Sequence["Button"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What was looked at, under a verdict. With ``folds`` it is a box that opens and closes, and is ``open`` at first or not."""

    shape: ClassVar[str] = "checks"
    checks: Sequence[Check]
    title: str = ""
    state: State | None = None
    folds: bool = False
    open: bool = False
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Paragraphs; ``code`` keeps its lines and offers itself for copying."""

    shape: ClassVar[str] = "prose"
    paragraphs: Sequence[str] = ()
    code: str = ""
    title: str = ""
    #: Whether lines end in paragraphs where they end in the text.
    keeps_lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich:
    """Text that came from Markdown, as the markup that our own renderer made of it."""

    shape: ClassVar[str] = "rich"
    markup: Markup
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One of several things beside each other: its name, how it is, a few sentences, and what can be done."""

    title: str
    href: str | None = None
    kicker: str = ""
    states: Sequence[State] = ()
    text: Sequence[str] = ()
    buttons: Sequence["Button"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """Cards in rows, as many beside each other as fit."""

    shape: ClassVar[str] = "cards"
    cards: Sequence[Card]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something that can be done: a link, or with ``post`` a form of its own with hidden ``values``.

    ``why_not`` shows it disabled with the sentence beside it.
    """

    label: str
    href: str
    post: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    why_not: str | None = None
    #: plain, main or danger
    look: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buttons:
    """Groups of buttons, each with its heading; an empty heading is not shown."""

    shape: ClassVar[str] = "buttons"
    groups: Sequence[tuple[str, Sequence[Button]]]
    title: str = ""
    #: Shown only when its title is opened.
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number that is a link."""

    label: str
    number: int
    href: str
    look: str = "info"
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """Tiles in a row."""

    shape: ClassVar[str] = "tiles"
    tiles: Sequence[Tile]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a service is: its state, what is to be done and by whom, figures, plots, and the table with what they draw."""

    shape: ClassVar[str] = "watch"
    title: str
    href: str
    state: State
    advice: str
    who: str
    figures: Sequence[tuple[str, Cell]]
    plots: "Sequence[Plot]"
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far something is. While ``poll`` is an address it is asked again after ``every`` seconds."""

    shape: ClassVar[str] = "progress"
    done: int
    total: int
    sentence: str
    poll: str | None = None
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """What is asked before something is done: with the grade ``agree`` a box to tick (field ``agreed``), with ``retype`` also the
    ``number`` to type (field ``typed``).
    """

    grade: str
    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that is posted to ``action``. ``errors`` are sentences by field name; those under "" are about the whole form."""

    shape: ClassVar[str] = "form"
    action: str
    fields: Sequence[FormField]
    button: str
    title: str = ""
    help: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    cancel: str | None = None
    confirm: Confirm | None = None
    #: Sentences beside fields, by name: where a value comes from, when a secret was set.
    notes: Mapping[str, str] = field(default_factory=dict)
    #: Fields shown and not editable, by name.
    locked: Sequence[str] = ()
    #: Fields with a button that gives them their default again, by name, and the address that is told which one.
    resets: Sequence[str] = ()
    reset: str = ""
    danger: bool = False
    #: Adds a file chooser called ``file`` with this label.
    file: str | None = None
    #: ``get`` for forms that only ask.
    method: str = "post"
    #: More buttons that send the same form elsewhere: their labels and addresses.
    also: Sequence[tuple[str, str]] = ()
    #: Where the form is sent while one types; what is shown there under the id "tried" takes the place of what is here.
    live: str | None = None
    #: Where the strength of a new password is asked while it is typed (R52).
    strength: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab, which is an address."""

    label: str
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An applied filter, and the address without it."""

    label: str
    remove: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterField:
    """One field of a filter bar: a choice where there are ``options``, else text; ``search`` is the wide one that is typed into."""

    id: str
    label: str
    value: str = ""
    options: Sequence[tuple[str, str]] = ()
    default: str = "all"
    #: What the choice of nothing is called.
    blank: str = "All"
    help: str = ""
    advanced: bool = False
    search: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterBar:
    """What a list is asked by. ``hidden`` keeps what is not a filter: the sort, the page size, the columns."""

    action: str
    fields: Sequence[FilterField]
    hidden: Mapping[str, str] = field(default_factory=dict)
    #: Whether the rows have boxes to tick, which are out of use while the list is fetched again.
    selects: bool = False


#: Anything that a page stacks.
Part = Table | Watch | Facts | Note | Lines | Checks | Prose | Rich | Cards | Buttons | Tiles | Progress | Form | Empty
