"""Invents the people of the demo school, the same ones every time, as the CSV that an office would import."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """First and family names of one language; in Slavic languages the family name follows the person's gender."""

    language: str
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[tuple[str, str], ...]


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


NAMES = (
    Names(
        language="en",
        women=("Emma", "Olivia", "Zoë", "Chloé", "Amelia", "Ingrid", "Lucía", "Hannah", "Freya", "Maeve", "Sofie", "Björk"),
        men=("James", "Oliver", "Noah", "André", "Lukas", "Jürgen", "Mateo", "Liam", "Søren", "Henry", "Théo", "Oscar"),
        families=_same(
            "Smith",
            "O’Brien",
            "Müller",
            "García",
            "Andersson",
            "Novák",
            "Fernández",
            "Taylor",
            "de Vries",
            "Johansen",
            "Lefèvre",
            "Walker",
            "MacDonald",
            "Bauer",
            "Rossi",
            "Kowalczyk",
        ),
    ),
    Names(
        language="el",
        women=("Μαρία", "Ελένη", "Κατερίνα", "Βασιλική", "Σοφία", "Αναστασία", "Ευαγγελία", "Ιωάννα", "Δήμητρα", "Χρυσούλα"),
        men=("Γεώργιος", "Δημήτρης", "Κωνσταντίνος", "Ιωάννης", "Νικόλαος", "Παναγιώτης", "Βασίλης", "Χρήστος", "Αθανάσιος", "Μιχαήλ"),
        families=(
            ("Παπαδοπούλου", "Παπαδόπουλος"),
            ("Γεωργίου", "Γεωργίου"),
            ("Οικονόμου", "Οικονόμου"),
            ("Ευαγγελίδη", "Ευαγγελίδης"),
            ("Νικολαΐδου", "Νικολαΐδης"),
            ("Αγγελοπούλου", "Αγγελόπουλος"),
            ("Μπακάλη", "Μπακάλης"),
            ("Χατζηγιάννη", "Χατζηγιάννης"),
            ("Τσιρίγκα", "Τσιρίγκας"),
            ("Ψαρρά", "Ψαρράς"),
        ),
    ),
    Names(
        language="uk",
        women=("Оксана", "Юлія", "Ганна", "Наталія", "Їванна", "Соломія", "Євгенія", "Тетяна"),
        men=("Андрій", "Олексій", "Юрій", "Тарас", "Володимир", "Єгор", "Богдан", "Ігор"),
        families=(
            ("Шевченко", "Шевченко"),
            ("Згурська", "Згурський"),
            ("Ковальчук", "Ковальчук"),
            ("Бойко", "Бойко"),
            ("Щербак", "Щербак"),
            ("Яценко", "Яценко"),
            ("Гнатюк", "Гнатюк"),
            ("Левицька", "Левицький"),
        ),
    ),
    Names(
        language="ru",
        women=("Анна", "Мария", "Екатерина", "Юлия", "Полина", "Дарья", "Алёна", "Ксения"),
        men=("Александр", "Дмитрий", "Михаил", "Сергей", "Артём", "Илья", "Фёдор", "Павел"),
        families=(
            ("Иванова", "Иванов"),
            ("Щукина", "Щукин"),
            ("Королёва", "Королёв"),
            ("Соловьёва", "Соловьёв"),
            ("Жукова", "Жуков"),
            ("Цветкова", "Цветков"),
            ("Объедкова", "Объедков"),
            ("Хрущёва", "Хрущёв"),
        ),
    ),
    Names(
        language="ar",
        women=("فاطمة", "عائشة", "مريم", "ليلى", "نور", "زينب", "سلمى", "هدى"),
        men=("محمد", "أحمد", "علي", "يوسف", "عمر", "خالد", "حسن", "إبراهيم"),
        families=_same("الخطيب", "حداد", "النجار", "منصور", "العلي", "صالح", "قاسم", "الشامي"),
    ),
)
#: How many of each list, and how often each language of :data:`NAMES`.
LISTS = {"students": 360, "teachers": 40, "employees": 18, "guardians": 60, "partners": 8, "alumni": 10, "agents": 3}
_PREFIXES = {"students": "S", "teachers": "T", "employees": "E", "guardians": "G", "partners": "P", "alumni": "A", "agents": "R"}
WEIGHTS = (40, 25, 10, 10, 15)
HEADER = ("list", "code", "first_name", "last_name", "email", "phone", "language", "active", "status", "no_sync")


def invent() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the CSV, its header first: 499 people; the 500th is the administrator whom the demo begins with."""
    yield HEADER
    random = Random(2026)  # noqa: S311 - the same people every time is the point
    for people_list, number in LISTS.items():
        for n in range(1, number + 1):
            yield _person(random, people_list, n)


def _person(random: Random, people_list: str, n: int) -> tuple[str, ...]:
    (names,) = random.choices(NAMES, WEIGHTS)
    woman = random.random() < 0.5
    first = random.choice(names.women if woman else names.men)
    last = random.choice(names.families)[0 if woman else 1]
    code = f"{_PREFIXES[people_list]}{n:04}"
    # Every twentieth has no address and every fourth no phone, as in life.
    email = "" if n % 20 == 0 else f"{code.lower()}@home.example"
    phone = "" if n % 4 == 0 else f"+30690{random.randrange(10**7):07}"
    status = ""
    if people_list == "students":
        status = {0: "Admission", 1: "Withdrawn"}.get(n % 40, "Registered")
    active = "no" if people_list != "students" and n % 25 == 0 else "yes"
    return (people_list, code, first, last, email, phone, names.language, active, status, "no")
