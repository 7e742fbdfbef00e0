"""What every roster source must do. Inherit, name the plugin and a sample, run pytest."""

import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rolecall.errors import Invalid
from rolecall.plugins.registry import Registry
from rolecall.sdk.roster import BadRecord, ClassRecord, Clear, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord, RosterSource
from rolecall.sdk.words import CLASS_ROLES, LISTS

#: Contents of files that are none of any source's.
_RUBBISH: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "text": "Sehr geehrte Damen und Herren,\nanbei die Liste.\n".encode("utf-16"),
    "unfinished zip": b"PK\x03\x04" + b"\x00" * 60,
    "NUL": b"list,code\x00,first_name\nstudents,\x00,\n",
}


class RosterContract:
    """The questions to every roster source::

    class TestRegistry(RosterContract):
        plugin = "registry"
        sample = Path(__file__).parent / "data" / "registry.zip"
    """

    #: The name of the plugin's entry point.
    plugin: ClassVar[str]
    #: A folder, zip or file that the source reads.
    sample: ClassVar[Path]

    @pytest.fixture
    def source(self) -> type[RosterSource]:
        """The source's class."""
        return Registry(strict=True).installed[self.plugin].sources[self.plugin]

    def test_it_yields_people_one_by_one(self, source: type[RosterSource]) -> None:
        people = source(self.sample).people()

        assert isinstance(people, Iterator), "people() must be an iterator, not a list that holds everybody"
        first = list(itertools.islice(people, 3))
        assert first, f"the sample {self.sample} has no people"

    def test_every_record_can_be_used_or_says_why_not(self, source: type[RosterSource]) -> None:
        for record in source(self.sample).people():
            assert isinstance(record, PersonRecord | BadRecord)
            assert record.row >= 1, "row numbers begin with 1, which is the header"
            if isinstance(record, BadRecord):
                assert record.message.strip(), f"row {record.row} is bad and nobody knows why"
                continue
            assert record.list in LISTS, f"row {record.row} has the unknown list {record.list}"
            assert record.code.strip(), f"row {record.row} has no code"
            for name in ("first_name", "last_name", "email", "phone", "language", "status"):
                value = getattr(record, name)
                assert value is None or isinstance(value, str | Clear), f"{name} of row {record.row} is {value!r}"

    def test_nobody_comes_twice(self, source: type[RosterSource]) -> None:
        seen: dict[tuple[str, str], int] = {}
        for record in source(self.sample).people():
            if isinstance(record, PersonRecord):
                key = (record.list, record.code)
                assert key not in seen, f"{key} is in the rows {seen[key]} and {record.row}"
                seen[key] = record.row

    def test_it_reads_the_same_twice(self, source: type[RosterSource]) -> None:
        first, second = (list(source(self.sample).people()) for _ in range(2))

        assert first == second

    def test_relations_and_periods_are_whole(self, source: type[RosterSource]) -> None:
        reader = source(self.sample)
        for relation in reader.relations():
            assert isinstance(relation, RelationRecord | BadRecord)
            if isinstance(relation, BadRecord):
                assert relation.message.strip(), f"row {relation.row} is bad and nobody knows why"
                continue
            assert relation.person[0] in LISTS
            assert relation.child[0] in LISTS
            assert relation.kind.strip()
        for period in reader.periods():
            assert isinstance(period, PeriodRecord)
            assert period.starts_on <= period.ends_on, f"{period.code} ends before it begins"
            assert period.code.strip()
        assert all(isinstance(note, str) for note in reader.notes())

    def test_classes_and_their_members_can_be_used_or_say_why_not(self, source: type[RosterSource]) -> None:
        reader = source(self.sample)
        assert isinstance(reader.memberships(), Iterator), "memberships() must be an iterator, not a list that holds everybody"
        classes: dict[tuple[str | None, str], int] = {}
        for record in reader.classes():
            assert isinstance(record, ClassRecord | BadRecord)
            assert record.row >= 1, "row numbers begin with 1, which is the header"
            if isinstance(record, BadRecord):
                assert record.message.strip(), f"row {record.row} is bad and nobody knows why"
                continue
            key = (record.period, record.code)
            assert record.code.strip(), f"row {record.row} has no code"
            assert key not in classes, f"the class {key} is in the rows {classes[key]} and {record.row}"
            classes[key] = record.row
        members: dict[tuple[object, ...], int] = {}
        for member in reader.memberships():
            assert isinstance(member, MembershipRecord | BadRecord)
            if isinstance(member, BadRecord):
                assert member.message.strip(), f"row {member.row} is bad and nobody knows why"
                continue
            assert member.role in CLASS_ROLES, f"row {member.row} has the unknown role {member.role}"
            assert member.person[0] in LISTS, f"row {member.row} has the unknown list {member.person[0]}"
            assert member.person[1].strip(), f"row {member.row} names nobody"
            who = (member.period, member.class_code, *member.person)
            assert who not in members, f"{who} is in the rows {members[who]} and {member.row}"
            members[who] = member.row
        again = source(self.sample)
        read = (set(classes), set(members))
        assert read == (
            {(each.period, each.code) for each in again.classes() if isinstance(each, ClassRecord)},
            {(each.period, each.class_code, *each.person) for each in again.memberships() if isinstance(each, MembershipRecord)},
        ), "reading twice gives something else"

    @pytest.mark.parametrize("name", sorted(_RUBBISH))
    def test_what_is_none_of_its_files_is_refused_in_words(self, source: type[RosterSource], tmp_path: Path, name: str) -> None:
        file = tmp_path / "rubbish.csv"
        file.write_bytes(_RUBBISH[name])

        self._refused_or_bad(lambda: source(file))

    def test_a_path_that_is_not_there_or_empty_is_refused_in_words(self, source: type[RosterSource], tmp_path: Path) -> None:
        folder = tmp_path / "empty"
        folder.mkdir()

        for path in (tmp_path / "missing", folder):
            with pytest.raises(Invalid):
                list(source(path).people())

    def test_a_zip_that_reaches_outside_is_refused_in_words(self, source: type[RosterSource], tmp_path: Path) -> None:
        file = tmp_path / "evil.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../../users.csv", "x")

        self._refused_or_bad(lambda: source(file))
        assert not (tmp_path.parent / "users.csv").exists()

    def _refused_or_bad(self, make: Callable[[], Any]) -> None:
        try:
            records = list(make().people())
        except Invalid as error:
            assert str(error).strip()
            return
        assert all(isinstance(record, BadRecord) for record in records), "rubbish was read as people"
