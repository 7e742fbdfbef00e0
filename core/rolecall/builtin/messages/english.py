"""English: how core's messages read."""

from rolecall.sdk.template import TemplateText

VERIFICATION = TemplateText(
    subject="{institution}: verify your e-mail address",
    body="""\
Hello {first_name},

{email} was entered as the e-mail address of your account at {institution}, user name {username}. Open this link to say that it is yours:

{link}

The link works once and for {hours} hours. If you did not expect this message, do nothing.
""",
)
CHANGED = TemplateText(
    subject="{institution}: the e-mail address of your account was changed",
    body="""\
Hello {first_name},

the e-mail address of your account at {institution}, user name {username}, was changed. It was {email} before.

If you know of this, there is nothing to do. If not, tell the office at once.
""",
)

INVITATION = TemplateText(
    subject="{institution}: your account",
    body="""\
Hello {first_name},

{institution} has an account for you.

User name: {username}
First-time password: {password}
Sign in with {provider}, with the password that you have there.

Choose your password with this link. It works once and for {days} days:

{link}

Sign in at: {sign_in}

{provider_passwords}
""",
)

INVITED_AGAIN = TemplateText(
    subject="{institution}: your password was reset",
    body="""\
Hello {first_name},

the office has reset the password of your account at {institution}. The one before does not work any more.

User name: {username}
First-time password: {password}

Choose your password with this link. It works once and for {days} days:

{link}

Sign in at: {sign_in}

{provider_passwords}
""",
)

#: Every character counts.
TEXTED = TemplateText(
    subject="{institution}: your account",
    body="""\
{institution}: your user name is {username}.
Sign in with {provider}.
Choose your password, within {days} days: {link}
""",
)

FORGOTTEN = TemplateText(
    subject="{institution}: choose another password",
    body="""\
Hello {first_name},

somebody asked for another password for your account at {institution}, user name {username}. Choose it with this link:

{link}

The link works once and for {minutes} minutes. If it was not you, do nothing: your password stays as it is.
""",
)

PASSWORD_CHANGED = TemplateText(
    subject="{institution}: your password was changed",
    body="""\
Hello {first_name},

the password of your account at {institution}, user name {username}, was changed. The one before does not work any more.

If you know of this, there is nothing to do. If not, tell the office at once.
""",
)

FACTOR_CHANGED = TemplateText(
    subject="{institution}: the second step of signing in was changed",
    body="""\
Hello {first_name},

the codes that are asked for besides the password of your account at {institution}, user name {username}, were changed: an app or recovery codes were set up, replaced or taken away.

If you know of this, there is nothing to do. If not, tell the office at once.
""",
)

IDENTITY_LINKED = TemplateText(
    subject="{institution}: there is a new way to sign in to your account",
    body="""\
Hello {first_name},

your account at {institution}, user name {username}, was linked to somebody at {service}, who can sign in to it from now on.

If you know of this, there is nothing to do. If not, tell the office at once.
""",
)

#: Every character counts.
FORGOTTEN_TEXTED = TemplateText(
    subject="{institution}: choose another password",
    body="""\
{institution}: choose another password for {username}, within {minutes} minutes: {link}
""",
)

HELD = TemplateText(
    subject="{institution}: accounts are held, somebody has to decide",
    body="""\
Accounts were to be closed at {provider}, and the safety limits of {institution} hold that until somebody has looked at it:

{what}

Who that is, and what can be decided: {link}

Nothing is closed there before that. There is no other message about it until somebody has decided.
""",
)

ALERT = TemplateText(
    subject="{institution}: something happened that you should know",
    body="""\
Something happened at {institution} that you should know:

{what}

Who: {who}
When: {when}

More about it: {link}

You get this because your address is one of the alert addresses in the settings.
""",
)
