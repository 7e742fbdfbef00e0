"""How strong a password is, in one word, for whoever is typing it (R52).

Owns the word. Which passwords are refused is decided by ``passwords``; what it takes is at least acceptable.
"""

from dataclasses import dataclass

from rolecall.accounts.passwords import Rules
from rolecall.store.folding import fold
from rolecall.translation import gettext as _

#: Level -> word. Level 0 is not taken.
WORDS = (_("Not accepted"), _("Acceptable"), _("Good"), _("Strong"))
#: Characters that do not follow from the one before, from which on a password is good, and strong (A-02: 15 where it stands alone).
_GOOD, _STRONG = 11, 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How strong a password is: its level in :data:`WORDS`, and the sentences of the rules that it breaks."""

    level: int
    broken: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The level in words."""
        return WORDS[self.level]


def strength_of(password: str, rules: Rules) -> Strength:
    """Judge a password by the rules of its account and by how many of its characters say something new.

    A repetition or a step along the alphabet says nothing new, and a few characters in turns say little.
    """
    if broken := rules.broken_by(password):
        return Strength(level=0, broken=tuple(broken))
    folded = fold(password)
    news = sum(abs(ord(this) - ord(before)) > 1 for before, this in zip(" " + folded, folded, strict=False))
    news = min(news, 2 * len(set(folded)))
    return Strength(level=1 + (news >= _GOOD) + (news >= _STRONG))
