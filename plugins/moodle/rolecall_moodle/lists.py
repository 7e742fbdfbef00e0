"""What the accounts list shows of Moodle: a filter by how an account stands there, and a column with its Moodle id."""

from rolecall import LINK_WORDS, Column, Filter, linked_as, remote_ids

FILTERS = (
    Filter(
        id="moodle",
        label="Moodle",
        choices=lambda _context: tuple(LINK_WORDS.items()),
        clause=lambda word, _context: linked_as("moodle", word),
        group="advanced",
        help="How an account stands at Moodle.",
    ),
)

COLUMNS = (Column(id="moodle_id", label="Moodle id", values=lambda session, ids: remote_ids(session, "moodle", ids)),)
