"""The action that writes profile names in Latin letters.

Owns what is applied and what is only proposed. How a name is spelt is known to ``store.latin``.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from rolecall.accounts.requirements import NAME_NOT_BY_HAND, NOT_DELETED
from rolecall.builtin.restoring import restore_fields
from rolecall.sdk.action import Action, Batch, Context, action
from rolecall.store.folding import scripts
from rolecall.store.latin import LANGUAGES, to_latin
from rolecall.store.tables import Account

#: Alphabets whose letters say how a name is read. Arabic and Hebrew leave vowels out, Chinese characters are read in several languages.
_SURE = frozenset({"LATIN", "GREEK", "CYRILLIC"})
#: Length of the columns that hold names.
_LONGEST = 200


@action(
    "account.latin_names", label="Write names in Latin letters", group="account", bulk=True, batch=1_000,
    requires=(NOT_DELETED, NAME_NOT_BY_HAND), undo=restore_fields,
    help="The profile name is spelt in plain Latin letters by the language of the person; their record stays as it is. For Arabic, Hebrew "
    "and other writing that does not tell how a name is read, the result only proposes a spelling.",
)  # fmt: skip
def write_in_latin(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Write profile names in Latin letters, where the letters say how; propose a spelling where they do not (R43)."""
    default = context.setting("default_language")
    fallback = default if default in LANGUAGES else None
    spelt = []
    for account in accounts:
        names = (account.first_name, account.last_name)
        language = account.person.language or fallback
        first, last = (" ".join(to_latin(name, language).split()) for name in names)
        if (first, last) == names:
            context.skip(account.id, "The name is in Latin letters already.", code="already-latin")
        elif not scripts("".join(names)) <= _SURE:
            proposal = f"Proposed: {f'{first} {last}'.strip()}; apply it with Update profile name, corrected as the person writes it."
            context.skip(account.id, proposal, code="proposal")
        elif (names[0] and not first) or (names[1] and not last) or max(len(first), len(last)) > _LONGEST:
            context.skip(account.id, "The name cannot be written in Latin letters; use Update profile name.", code="no-spelling")
        else:
            spelt.append({"id": account.id, "first_name": first, "last_name": last})
    if spelt:
        context.session.execute(update(Account), spelt)


ACTIONS: tuple[Action, ...] = (write_in_latin,)
