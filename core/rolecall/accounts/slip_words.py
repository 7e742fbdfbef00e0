"""What a printed slip says, in each language that there is wording for (R28).

Owns the sentences and their placeholders, and which language a person reads. How a slip looks is known to whoever draws it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: What the office does about a password that is gone, called as the office sees it, whatever the person reads; never broken into lines,
#: which would tear the marks around it apart where the text runs from right to left.
FIXED = {"reset": "“Reset\u00a0password”", "invite": "“Reset\u00a0and\u00a0invite\u00a0again”"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipWords:
    """The words of one language. Placeholders in braces: ``{until}``, ``{provider}``, ``{period}``, ``{reset}``, ``{invite}``."""

    language: str
    right_to_left: bool = False
    sign_in_at: str
    username: str
    #: What the first-time password is called.
    credential: str
    email: str
    #: Where somebody else keeps the password.
    sign_in_with: str
    #: The password signs in, and until when.
    signs_in: str
    must_change: str
    #: Its seven days are over.
    over: str
    #: It was used already, or another took its place.
    used: str
    gone: str
    inactive: str
    no_role: str
    unverified: str
    #: A provider's first password stands above.
    change_there: str

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return "rtl" if self.right_to_left else "ltr"


_ENGLISH = SlipWords(
    language="en",
    sign_in_at="Sign in at",
    username="User name",
    credential="First-time password",
    email="E-mail",
    sign_in_with="Sign in with {provider}, with the password that you have there.",
    signs_in="It counts until {until}.",
    must_change="You choose your own password when you sign in.",
    over="Its time was over on {until}. Ask the office for a new one: {reset} or {invite}.",
    used="If you were given or have chosen another password since, that one counts.",
    gone="It is not kept any more. If you do not know your password, ask the office: {reset} or {invite}.",
    inactive="This account is not active: nobody can sign in to it now.",
    no_role="There is no role for you in {period} yet, so you cannot sign in.",
    unverified="The e-mail address must be verified before you can sign in.",
    change_there="Your first password there. You choose your own when you first sign in to {provider}.",
)
_GREEK = SlipWords(
    language="el",
    sign_in_at="Σύνδεση στη διεύθυνση",
    username="Όνομα χρήστη",
    credential="Αρχικός κωδικός",
    email="E-mail",
    sign_in_with="Συνδεθείτε μέσω {provider}, με τον κωδικό που έχετε εκεί.",
    signs_in="Ισχύει έως {until}.",
    must_change="Κατά τη σύνδεση θα επιλέξετε δικό σας κωδικό.",
    over="Έληξε στις {until}. Ζητήστε νέο από τη γραμματεία: {reset} ή {invite}.",
    used="Αν σας δόθηκε ή έχετε επιλέξει άλλον κωδικό από τότε, ισχύει εκείνος.",
    gone="Δεν φυλάσσεται πλέον. Αν δεν γνωρίζετε τον κωδικό σας, απευθυνθείτε στη γραμματεία: {reset} ή {invite}.",
    inactive="Ο λογαριασμός δεν είναι ενεργός: αυτή τη στιγμή δεν μπορεί να συνδεθεί κανείς.",
    no_role="Δεν έχετε ακόμη ρόλο στην περίοδο {period}, γι’ αυτό δεν μπορείτε να συνδεθείτε.",
    unverified="Η διεύθυνση e-mail πρέπει να επιβεβαιωθεί πριν μπορέσετε να συνδεθείτε.",
    change_there="Ο αρχικός σας κωδικός εκεί. Στην πρώτη σύνδεση στο {provider} επιλέγετε δικό σας.",
)
_ARABIC = SlipWords(
    language="ar",
    right_to_left=True,
    sign_in_at="تسجيل الدخول على العنوان",
    username="اسم المستخدم",
    credential="كلمة المرور الأولى",
    email="البريد الإلكتروني",
    sign_in_with="سجّل الدخول عبر {provider} بكلمة المرور الخاصة بك هناك.",
    signs_in="صالحة حتى {until}.",
    must_change="ستختار كلمة مرور خاصة بك عند تسجيل الدخول.",
    over="انتهت صلاحيتها في {until}. اطلب كلمة جديدة من المكتب: {reset} أو {invite}.",
    used="إذا حصلت على كلمة مرور أخرى بعد ذلك أو اخترتها بنفسك، فتلك هي الصالحة.",
    gone="لم تعد محفوظة. إذا كنت لا تعرف كلمة المرور، فراجع المكتب: {reset} أو {invite}.",
    inactive="هذا الحساب غير نشط: لا يمكن لأحد تسجيل الدخول إليه الآن.",
    no_role="ليس لك دور في {period} بعد، لذلك لا يمكنك تسجيل الدخول.",
    unverified="يجب تأكيد عنوان البريد الإلكتروني قبل أن تتمكن من تسجيل الدخول.",
    change_there="كلمة مرورك الأولى هناك. ستختار كلمة خاصة بك عند أول تسجيل دخول إلى {provider}.",
)
_FRENCH = SlipWords(
    language="fr",
    sign_in_at="Adresse de connexion",
    username="Nom d’utilisateur",
    credential="Premier mot de passe",
    email="E-mail",
    sign_in_with="Connectez-vous avec {provider}, avec le mot de passe que vous avez là-bas.",
    signs_in="Il est valable jusqu’au {until}.",
    must_change="Vous choisirez votre propre mot de passe à la connexion.",
    over="Il a expiré le {until}. Demandez-en un nouveau au secrétariat : {reset} ou {invite}.",
    used="Si vous en avez reçu ou choisi un autre depuis, c’est celui-là qui compte.",
    gone="Il n’est plus conservé. Si vous ne connaissez pas votre mot de passe, adressez-vous au secrétariat : {reset} ou {invite}.",
    inactive="Ce compte n’est pas actif : personne ne peut s’y connecter actuellement.",
    no_role="Vous n’avez pas encore de rôle pour {period} et ne pouvez donc pas vous connecter.",
    unverified="L’adresse e-mail doit être vérifiée avant que vous puissiez vous connecter.",
    change_there="Votre premier mot de passe là-bas. Vous choisirez le vôtre à la première connexion à {provider}.",
)
_GERMAN = SlipWords(
    language="de",
    sign_in_at="Anmelden unter",
    username="Benutzername",
    credential="Erstes Passwort",
    email="E-Mail",
    sign_in_with="Melden Sie sich mit {provider} an, mit dem Passwort, das Sie dort haben.",
    signs_in="Es gilt bis {until}.",
    must_change="Beim Anmelden wählen Sie ein eigenes Passwort.",
    over="Es ist am {until} abgelaufen. Bitten Sie das Sekretariat um ein neues: {reset} oder {invite}.",
    used="Haben Sie seither ein anderes bekommen oder gewählt, so gilt jenes.",
    gone="Es wird nicht mehr aufbewahrt. Kennen Sie Ihr Passwort nicht, fragen Sie das Sekretariat: {reset} oder {invite}.",
    inactive="Dieses Konto ist nicht aktiv: Zurzeit kann sich niemand damit anmelden.",
    no_role="Sie haben in {period} noch keine Rolle und können sich daher nicht anmelden.",
    unverified="Die E-Mail-Adresse muss bestätigt werden, bevor Sie sich anmelden können.",
    change_there="Ihr erstes Passwort dort. Beim ersten Anmelden bei {provider} wählen Sie ein eigenes.",
)

#: By language tag.
WORDS = {each.language: each for each in (_ENGLISH, _GREEK, _ARABIC, _FRENCH, _GERMAN)}


def words_for(languages: Iterable[str | None]) -> SlipWords:
    """Return the words of the first language that there are any of, else English. A tag such as ``pt-BR`` is its language's."""
    for tag in languages:
        if tag and (found := WORDS.get(tag.partition("-")[0].lower())):
            return found
    return _ENGLISH
