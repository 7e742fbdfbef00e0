"""German: how core's messages read."""

from rolecall.sdk.template import TemplateText

VERIFICATION = TemplateText(
    subject="{institution}: Bestätigen Sie Ihre E-Mail-Adresse",
    body="""\
Guten Tag {first_name},

{email} wurde als E-Mail-Adresse Ihres Kontos bei {institution} eingetragen, Benutzername {username}. Öffnen Sie diesen Link, um zu bestätigen, dass sie Ihnen gehört:

{link}

Der Link gilt einmal und {hours} Stunden lang. Haben Sie diese Nachricht nicht erwartet, tun Sie nichts.
""",
)
CHANGED = TemplateText(
    subject="{institution}: Die E-Mail-Adresse Ihres Kontos wurde geändert",
    body="""\
Guten Tag {first_name},

die E-Mail-Adresse Ihres Kontos bei {institution}, Benutzername {username}, wurde geändert. Sie war vorher {email}.

Wissen Sie davon, ist nichts zu tun. Wenn nicht, sagen Sie es sofort dem Sekretariat.
""",
)

INVITATION = TemplateText(
    subject="{institution}: Ihr Konto",
    body="""\
Guten Tag {first_name},

{institution} hat ein Konto für Sie.

Benutzername: {username}
Erstes Passwort: {password}
Melden Sie sich mit {provider} an, mit dem Passwort, das Sie dort haben.

Wählen Sie Ihr Passwort mit diesem Link. Er gilt einmal und {days} Tage lang:

{link}

Anmelden unter: {sign_in}

{provider_passwords}
""",
)

INVITED_AGAIN = TemplateText(
    subject="{institution}: Ihr Passwort wurde zurückgesetzt",
    body="""\
Guten Tag {first_name},

das Sekretariat hat das Passwort Ihres Kontos bei {institution} zurückgesetzt. Das frühere gilt nicht mehr.

Benutzername: {username}
Erstes Passwort: {password}

Wählen Sie Ihr Passwort mit diesem Link. Er gilt einmal und {days} Tage lang:

{link}

Anmelden unter: {sign_in}

{provider_passwords}
""",
)

#: Every character counts.
TEXTED = TemplateText(
    subject="{institution}: Ihr Konto",
    body="""\
{institution}: Ihr Benutzername ist {username}.
Melden Sie sich mit {provider} an.
Wählen Sie Ihr Passwort innerhalb von {days} Tagen: {link}
""",
)

FORGOTTEN = TemplateText(
    subject="{institution}: Wählen Sie ein neues Passwort",
    body="""\
Guten Tag {first_name},

für Ihr Konto bei {institution}, Benutzername {username}, wurde ein neues Passwort angefordert. Wählen Sie es mit diesem Link:

{link}

Der Link gilt einmal und {minutes} Minuten lang. Waren Sie es nicht, tun Sie nichts: Ihr Passwort bleibt, wie es ist.
""",
)

PASSWORD_CHANGED = TemplateText(
    subject="{institution}: Ihr Passwort wurde geändert",
    body="""\
Guten Tag {first_name},

das Passwort Ihres Kontos bei {institution}, Benutzername {username}, wurde geändert. Das frühere gilt nicht mehr.

Wissen Sie davon, ist nichts zu tun. Wenn nicht, sagen Sie es sofort dem Sekretariat.
""",
)

FACTOR_CHANGED = TemplateText(
    subject="{institution}: Der zweite Schritt der Anmeldung wurde geändert",
    body="""\
Guten Tag {first_name},

die Codes, nach denen außer dem Passwort Ihres Kontos bei {institution}, Benutzername {username}, gefragt wird, wurden geändert: Eine App oder Wiederherstellungscodes wurden eingerichtet, ersetzt oder entfernt.

Wissen Sie davon, ist nichts zu tun. Wenn nicht, sagen Sie es sofort dem Sekretariat.
""",
)

IDENTITY_LINKED = TemplateText(
    subject="{institution}: Es gibt einen neuen Weg, sich bei Ihrem Konto anzumelden",
    body="""\
Guten Tag {first_name},

Ihr Konto bei {institution}, Benutzername {username}, wurde mit jemandem bei {service} verbunden, der sich von jetzt an damit anmelden kann.

Wissen Sie davon, ist nichts zu tun. Wenn nicht, sagen Sie es sofort dem Sekretariat.
""",
)

#: Every character counts.
FORGOTTEN_TEXTED = TemplateText(
    subject="{institution}: ein anderes Passwort wählen",
    body="""\
{institution}: anderes Passwort für {username}, innerhalb von {minutes} Minuten: {link}
""",
)

HELD = TemplateText(
    subject="{institution}: Konten warten auf eine Entscheidung",
    body="""\
Bei {provider} sollten Konten geschlossen werden, und die Sicherheitsgrenzen von {institution} halten das an, bis jemand es angesehen hat:

Sperrungen: {suspensions}
Löschungen: {deletions}
Davon von Administratoren, der Inhaberin oder dem Inhaber und geschützten Konten: {guarded}

Wer das ist und was entschieden werden kann: {link}

Vorher wird dort nichts geschlossen. Bis jemand entschieden hat, kommt dazu keine weitere Nachricht.
""",
)

ALERT = TemplateText(
    subject="{institution}: Es ist etwas geschehen, das Sie wissen sollten",
    body="""\
Bei {institution} ist etwas geschehen, das Sie wissen sollten:

{what}

Wer: {who}
Wann: {when}

Mehr dazu: {link}

Sie bekommen das, weil Ihre Adresse in den Einstellungen unter den Adressen für Alarme steht.
""",
)
