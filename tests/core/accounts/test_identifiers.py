"""Forty pairs of user names that look or sort alike: the same verdict on every database (A-17).

``same``: the second is refused because the first is taken; ``bad``: the second cannot be a user name at all; ``two``: both may be.
"""

import pytest

from rolecall.accounts import usernames
from rolecall.errors import Invalid, Refused
from rolecall.testing.factories import make_account

PAIRS = [
    ("ADMIN", "admin", "same"),
    ("admin", "Admin", "same"),
    ("İstanbul", "i̇stanbul", "same"),
    ("straße", "STRASSE", "same"),
    ("straße", "strasse", "same"),
    ("STRAẞE", "strasse", "same"),
    ("\ufb00rank", "ffrank", "same"),  # ﬀ ligature
    ("\ufb01nn", "finn", "same"),
    ("\u212aelvin", "kelvin", "same"),  # Kelvin sign
    ("\u212bngstrom", "ångstrom", "same"),  # Ångström sign
    ("\uff41dmin", "admin", "same"),  # full width
    ("ＡＤＭＩＮ", "admin", "same"),
    ("anna１", "anna1", "same"),  # full-width digit
    ("anna\u00b2", "anna2", "same"),  # superscript
    ("\u24d0nna", "anna", "same"),  # circled letter
    ("\U0001d41anna", "anna", "same"),  # mathematical bold
    ("\u017fam", "sam", "same"),  # long s
    ("jose\u0301", "jos\u00e9", "same"),  # NFD and NFC
    ("JOSÉ", "josé", "same"),
    ("\u1e9bea", "ṡea", "same"),
    ("anna", "anna ", "same"),  # spaces at the ends do not count
    ("anna", " anna", "same"),
    ("anna", "anna\u00a0", "same"),
    ("ΓΙΩΡΓΟΣ", "γιωργος", "same"),  # final sigma
    ("ΓΙΩΡΓΟΣ", "γιωργοσ", "same"),
    ("ЁЛКИН", "ёлкин", "same"),
    ("ǆ-man", "ǅ-man", "same"),  # one letter in two cases
    ("admin", "\u0430dmin", "bad"),  # Cyrillic а
    ("admin", "admın", "bad"),  # dotless i
    ("google", "g\u03bf\u03bfgle", "bad"),  # Greek omicron
    ("coco", "сосо", "bad"),  # all Cyrillic, all look-alikes
    ("kai", "καικα", "bad"),  # all Greek, all look-alikes
    ("gone", "ցօոց", "bad"),  # Armenian
    ("admin", "ad\u200bmin", "bad"),  # zero-width space
    ("admin", "ad\u00admin", "bad"),  # soft hyphen
    ("admin", "admin\u200d", "bad"),  # zero-width joiner
    ("admin", "ad\u034fmin", "bad"),  # combining grapheme joiner
    ("admin", "\u202enimda", "bad"),  # right-to-left override
    ("admin", "adm\x00in", "bad"),
    ("admin", "ad min", "bad"),
    ("admin", "ad/min", "bad"),
    ("anna", "anna2", "two"),
    ("anna", "anná", "two"),
    ("anna.k", "anna_k", "two"),
    ("γιωργος", "георгий", "two"),
]


@pytest.mark.parametrize(("first", "second", "verdict"), PAIRS)
def test_names_that_could_be_taken_for_each_other_have_one_owner(db, first, second, verdict):
    with db.write() as session:
        one, two = make_account(session, username="x1"), make_account(session, username="x2")
        usernames.claim(session, one, first)

        if verdict == "two":
            usernames.claim(session, two, second)
            assert two.username_key != one.username_key
        else:
            with pytest.raises(Invalid if verdict == "bad" else Refused) as refused:
                usernames.claim(session, two, second)
            assert isinstance(refused.value, Invalid) == (verdict == "bad")
            assert two.username == "x2"
