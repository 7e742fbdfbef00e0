"""Why can't they sign in (R34): everything that stands between a person and their account, and what mends it.

Reads only, and calls no provider. Its verdict is the one that ``accounts.sign_in`` gives to the right password.
"""
