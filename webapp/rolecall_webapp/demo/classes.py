"""Invents the classes of the demo school and who is guardian of whom, the same every time, as the CSV files of an office."""

from collections.abc import Iterator

from rolecall.work.imports.csv_classes import RELATION_COLUMNS
from rolecall_webapp.demo.people import LISTS

HEADER = ("class_code", "class_name", "period", "person_list", "person_code", "role")
#: Students in a form; they have every subject together.
FORM = 24
SUBJECTS = (("MATHS", "Mathematics"), ("GREEK", "Ελληνικά"), ("BIO", "Biology"))


def invent_classes() -> Iterator[tuple[str, ...]]:
    """Yield one member a row, the header first: forms of 24 students with a teacher in each subject, and some with an assistant."""
    yield HEADER
    teacher = 0
    for number, first in enumerate(range(1, LISTS["students"] + 1, FORM)):
        form = f"{7 + number // 3}{'ABC'[number % 3]}"
        for subject, name in SUBJECTS:
            code, title = f"{form}-{subject}", f"{name} {form}"
            teacher = teacher % LISTS["teachers"] + 1
            yield (code, title, "", "teachers", f"T{teacher:04}", "teacher")
            if subject == "BIO":
                yield (code, title, "", "employees", f"E{number % LISTS['employees'] + 1:04}", "assistant")
            for student in range(first, first + FORM):
                yield (code, title, "", "students", f"S{student:04}", "student")


def invent_relations() -> Iterator[tuple[str, ...]]:
    """Yield one guardian and child a row, the header first: every guardian has one child, every third has two."""
    yield RELATION_COLUMNS
    for number in range(1, LISTS["guardians"] + 1):
        for child in (number, number + 100)[: 2 if number % 3 == 0 else 1]:
            yield ("guardians", f"G{number:04}", "students", f"S{child:04}", "parent")
