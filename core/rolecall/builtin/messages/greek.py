"""Greek: how core's messages read."""

from rolecall.sdk.template import TemplateText

VERIFICATION = TemplateText(
    subject="{institution}: επιβεβαιώστε τη διεύθυνση e-mail σας",
    body="""\
Γεια σας {first_name},

η διεύθυνση {email} καταχωρίστηκε ως e-mail του λογαριασμού σας στο {institution}, όνομα χρήστη {username}. Ανοίξτε αυτόν τον σύνδεσμο για να επιβεβαιώσετε ότι είναι δική σας:

{link}

Ο σύνδεσμος ισχύει για μία χρήση και για {hours} ώρες. Αν δεν περιμένατε αυτό το μήνυμα, μην κάνετε τίποτα.
""",
)
CHANGED = TemplateText(
    subject="{institution}: το e-mail του λογαριασμού σας άλλαξε",
    body="""\
Γεια σας {first_name},

το e-mail του λογαριασμού σας στο {institution}, όνομα χρήστη {username}, άλλαξε. Πριν ήταν {email}.

Αν το γνωρίζετε, δεν χρειάζεται να κάνετε κάτι. Αν όχι, ενημερώστε αμέσως τη γραμματεία.
""",
)

INVITATION = TemplateText(
    subject="{institution}: ο λογαριασμός σας",
    body="""\
Γεια σας {first_name},

το {institution} σας άνοιξε λογαριασμό.

Όνομα χρήστη: {username}
Αρχικός κωδικός: {password}
Συνδεθείτε μέσω {provider}, με τον κωδικό που έχετε εκεί.

Επιλέξτε τον κωδικό σας με αυτόν τον σύνδεσμο. Ισχύει για μία χρήση και για {days} ημέρες:

{link}

Σύνδεση στη διεύθυνση: {sign_in}

{provider_passwords}
""",
)

INVITED_AGAIN = TemplateText(
    subject="{institution}: ο κωδικός σας επαναφέρθηκε",
    body="""\
Γεια σας {first_name},

η γραμματεία επανέφερε τον κωδικό του λογαριασμού σας στο {institution}. Ο προηγούμενος δεν ισχύει πλέον.

Όνομα χρήστη: {username}
Αρχικός κωδικός: {password}

Επιλέξτε τον κωδικό σας με αυτόν τον σύνδεσμο. Ισχύει για μία χρήση και για {days} ημέρες:

{link}

Σύνδεση στη διεύθυνση: {sign_in}

{provider_passwords}
""",
)

#: Every character counts.
TEXTED = TemplateText(
    subject="{institution}: ο λογαριασμός σας",
    body="""\
{institution}: το όνομα χρήστη σας είναι {username}.
Σύνδεση με {provider}.
Επιλέξτε κωδικό μέσα σε {days} ημέρες: {link}
""",
)

FORGOTTEN = TemplateText(
    subject="{institution}: επιλέξτε νέο κωδικό",
    body="""\
Γεια σας {first_name},

ζητήθηκε νέος κωδικός για τον λογαριασμό σας στο {institution}, όνομα χρήστη {username}. Επιλέξτε τον με αυτόν τον σύνδεσμο:

{link}

Ο σύνδεσμος ισχύει για μία χρήση και για {minutes} λεπτά. Αν δεν το ζητήσατε εσείς, μην κάνετε τίποτα: ο κωδικός σας μένει όπως είναι.
""",
)

PASSWORD_CHANGED = TemplateText(
    subject="{institution}: ο κωδικός σας άλλαξε",
    body="""\
Γεια σας {first_name},

ο κωδικός του λογαριασμού σας στο {institution}, όνομα χρήστη {username}, άλλαξε. Ο προηγούμενος δεν ισχύει πλέον.

Αν το γνωρίζετε, δεν χρειάζεται να κάνετε κάτι. Αν όχι, ενημερώστε αμέσως τη γραμματεία.
""",
)

FACTOR_CHANGED = TemplateText(
    subject="{institution}: το δεύτερο βήμα της σύνδεσης άλλαξε",
    body="""\
Γεια σας {first_name},

οι κωδικοί που ζητούνται εκτός από τον κωδικό πρόσβασης του λογαριασμού σας στο {institution}, όνομα χρήστη {username}, άλλαξαν: μια εφαρμογή ή κωδικοί ανάκτησης ορίστηκαν, αντικαταστάθηκαν ή αφαιρέθηκαν.

Αν το γνωρίζετε, δεν χρειάζεται να κάνετε κάτι. Αν όχι, ενημερώστε αμέσως τη γραμματεία.
""",
)

IDENTITY_LINKED = TemplateText(
    subject="{institution}: υπάρχει νέος τρόπος σύνδεσης στον λογαριασμό σας",
    body="""\
Γεια σας {first_name},

ο λογαριασμός σας στο {institution}, όνομα χρήστη {username}, συνδέθηκε με κάποιο πρόσωπο στην υπηρεσία {service}, που μπορεί από τώρα να συνδέεται σε αυτόν.

Αν το γνωρίζετε, δεν χρειάζεται να κάνετε κάτι. Αν όχι, ενημερώστε αμέσως τη γραμματεία.
""",
)

#: Every character counts.
FORGOTTEN_TEXTED = TemplateText(
    subject="{institution}: επιλέξτε άλλον κωδικό",
    body="""\
{institution}: νέος κωδικός για {username}, εντός {minutes} λεπτών: {link}
""",
)

HELD = TemplateText(
    subject="{institution}: λογαριασμοί περιμένουν απόφασή σας",
    body="""\
Επρόκειτο να κλείσουν λογαριασμοί στο {provider}, και τα όρια ασφαλείας του ιδρύματος {institution} το κρατούν μέχρι να το δει κάποιος:

Αναστολές: {suspensions}
Διαγραφές: {deletions}
Από αυτές, διαχειριστών, του κατόχου και προστατευμένων λογαριασμών: {guarded}

Ποιοι είναι και τι μπορεί να αποφασιστεί: {link}

Τίποτα δεν κλείνει εκεί πριν από αυτό. Δεν θα σταλεί άλλο μήνυμα μέχρι να αποφασίσει κάποιος.
""",
)
