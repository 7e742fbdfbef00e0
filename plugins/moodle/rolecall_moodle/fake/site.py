"""The site as a function sees it: its switches, and who calls with which rights."""

from __future__ import annotations

from dataclasses import dataclass

from rolecall_moodle.fake.php import not_permitted
from rolecall_moodle.fake.state import State, Token, User, fold


@dataclass(slots=True, kw_only=True)
class Site:
    """The switches of the site that functions look at."""

    state: State
    name: str
    base_url: str
    release: str
    version: str
    languages: frozenset[str]
    auths: frozenset[str]
    #: Profile fields that exist.
    profile_fields: frozenset[str]
    password_policy: bool
    #: PostgreSQL compares with the case of letters, MariaDB without.
    case_sensitive: bool

    def same(self, left: str, right: str) -> bool:
        """Compare as the site's database does."""
        return left == right if self.case_sensitive else fold(left) == fold(right)


@dataclass(slots=True, kw_only=True)
class Caller:
    """Who calls and what they may do."""

    user: User
    token: Token

    def may(self, *rights: str) -> bool:
        """Tell whether the caller holds one of the rights."""
        return any(right in self.token.rights for right in rights)

    def need(self, words: str, *rights: str) -> None:
        """Refuse a caller who holds none of the rights, in Moodle's words for the thing."""
        if not self.may(*rights):
            raise not_permitted(words)
