"""The keys by which an account that was there before us is recognised: user names and e-mails, folded as core folds its own (R64)."""

from collections.abc import Iterable, Mapping

from rolecall.errors import Invalid
from rolecall.store.folding import LONGEST_EMAIL, canonical, email_key


def keys_of(attributes: Mapping[str, object], matched_by: Iterable[str]) -> set[str]:
    """Return the keys of those attributes that name an account; what has no key, such as an unusable address, names nobody."""
    return set(keys(attributes.get(name) for name in matched_by))


def keys(values: Iterable[object]) -> Iterable[str]:
    """Yield the key of each text that has one."""
    for value in values:
        if isinstance(value, str) and value.strip():
            try:
                yield email_key(value) if "@" in value else canonical(value, longest=LONGEST_EMAIL)
            except Invalid:
                continue
