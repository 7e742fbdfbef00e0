"""French: how core's messages read."""

from rolecall.sdk.template import TemplateText

VERIFICATION = TemplateText(
    subject="{institution} : vérifiez votre adresse e-mail",
    body="""\
Bonjour {first_name},

{email} a été indiquée comme adresse e-mail de votre compte à {institution}, nom d’utilisateur {username}. Ouvrez ce lien pour confirmer qu’elle est à vous :

{link}

Le lien fonctionne une fois et pendant {hours} heures. Si vous n’attendiez pas ce message, ne faites rien.
""",
)
CHANGED = TemplateText(
    subject="{institution} : l’adresse e-mail de votre compte a été modifiée",
    body="""\
Bonjour {first_name},

l’adresse e-mail de votre compte à {institution}, nom d’utilisateur {username}, a été modifiée. Elle était auparavant {email}.

Si vous êtes au courant, il n’y a rien à faire. Sinon, prévenez tout de suite le secrétariat.
""",
)

INVITATION = TemplateText(
    subject="{institution} : votre compte",
    body="""\
Bonjour {first_name},

{institution} vous a ouvert un compte.

Nom d’utilisateur : {username}
Premier mot de passe : {password}
Connectez-vous avec {provider}, avec le mot de passe que vous avez là-bas.

Choisissez votre mot de passe avec ce lien. Il fonctionne une fois et pendant {days} jours :

{link}

Adresse de connexion : {sign_in}

{provider_passwords}
""",
)

INVITED_AGAIN = TemplateText(
    subject="{institution} : votre mot de passe a été réinitialisé",
    body="""\
Bonjour {first_name},

le secrétariat a réinitialisé le mot de passe de votre compte à {institution}. L’ancien ne fonctionne plus.

Nom d’utilisateur : {username}
Premier mot de passe : {password}

Choisissez votre mot de passe avec ce lien. Il fonctionne une fois et pendant {days} jours :

{link}

Adresse de connexion : {sign_in}

{provider_passwords}
""",
)

#: Every character counts.
TEXTED = TemplateText(
    subject="{institution} : votre compte",
    body="""\
{institution} : votre nom d'utilisateur est {username}.
Connectez-vous avec {provider}.
Choisissez votre mot de passe, dans les {days} jours : {link}
""",
)

FORGOTTEN = TemplateText(
    subject="{institution} : choisissez un nouveau mot de passe",
    body="""\
Bonjour {first_name},

un nouveau mot de passe a été demandé pour votre compte à {institution}, nom d’utilisateur {username}. Choisissez-le avec ce lien :

{link}

Le lien fonctionne une fois et pendant {minutes} minutes. Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même.
""",
)

PASSWORD_CHANGED = TemplateText(
    subject="{institution} : votre mot de passe a été modifié",
    body="""\
Bonjour {first_name},

le mot de passe de votre compte à {institution}, nom d’utilisateur {username}, a été modifié. L’ancien ne fonctionne plus.

Si vous êtes au courant, il n’y a rien à faire. Sinon, prévenez tout de suite le secrétariat.
""",
)

FACTOR_CHANGED = TemplateText(
    subject="{institution} : la deuxième étape de la connexion a été modifiée",
    body="""\
Bonjour {first_name},

les codes demandés en plus du mot de passe de votre compte à {institution}, nom d’utilisateur {username}, ont été modifiés : une application ou des codes de secours ont été installés, remplacés ou retirés.

Si vous êtes au courant, il n’y a rien à faire. Sinon, prévenez tout de suite le secrétariat.
""",
)

IDENTITY_LINKED = TemplateText(
    subject="{institution} : une nouvelle façon de se connecter à votre compte",
    body="""\
Bonjour {first_name},

votre compte à {institution}, nom d’utilisateur {username}, a été lié à une personne chez {service}, qui peut désormais s’y connecter.

Si vous êtes au courant, il n’y a rien à faire. Sinon, prévenez tout de suite le secrétariat.
""",
)

#: Every character counts.
FORGOTTEN_TEXTED = TemplateText(
    subject="{institution} : choisir un autre mot de passe",
    body="""\
{institution} : autre mot de passe pour {username}, dans les {minutes} minutes : {link}
""",
)

HELD = TemplateText(
    subject="{institution} : des comptes attendent votre décision",
    body="""\
Des comptes devaient être fermés chez {provider}, et les limites de sécurité de {institution} le retiennent jusqu’à ce que quelqu’un l’ait examiné :

Suspensions : {suspensions}
Suppressions : {deletions}
Dont comptes d’administrateurs, du propriétaire ou protégés : {guarded}

De qui il s’agit, et ce qui peut être décidé : {link}

Rien n’y est fermé avant cela. Il n’y aura pas d’autre message à ce sujet tant que personne n’a décidé.
""",
)

ALERT = TemplateText(
    subject="{institution} : il s’est passé quelque chose que vous devriez savoir",
    body="""\
Il s’est passé à {institution} quelque chose que vous devriez savoir :

{what}

Qui : {who}
Quand : {when}

Pour en savoir plus : {link}

Vous recevez ce message parce que votre adresse est l’une des adresses d’alerte des paramètres.
""",
)
