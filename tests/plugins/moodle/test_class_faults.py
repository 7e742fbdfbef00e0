"""A fault planted in a copy of the plugin makes the kit's question about classes fail that asks for it, by name."""

import pytest
from planted import assert_the_kit_finds

from rolecall.errors import NotFound
from rolecall.testing import ClassContract
from rolecall_moodle import courses
from rolecall_moodle.provider import MoodleProvider


class Kit(ClassContract):
    __test__ = False
    plugin = "moodle"


class Keyless(MoodleProvider):
    """Leaves our key out of the course."""

    def class_attributes(self, school_class):
        return {**super().class_attributes(school_class), "idnumber": ""}


class Closed(MoodleProvider):
    """Never shows a course again."""

    def update_class(self, external_id, changes):
        if changes:
            courses.update(self.client, courses.number_of_course(external_id), changes)


class Strict(MoodleProvider):
    """Takes it for an error to archive what is gone."""

    def archive_class(self, external_id):
        courses.update(self.client, courses.number_of_course(external_id), {"visible": 0})


class Vague(MoodleProvider):
    """Says of a course that is gone that nobody is in it."""

    def members(self, external_id):
        try:
            return super().members(external_id)
        except NotFound:
            return frozenset()


class Levelling(MoodleProvider):
    """Makes everybody a student."""

    def add_members(self, external_id, members):
        super().add_members(external_id, [type(each)(each.external_id, "student") for each in members])


class Lenient(MoodleProvider):
    """Overlooks who does not exist."""

    def add_members(self, external_id, members):
        super().add_members(external_id, [each for each in members if each.external_id != Kit.nobody])


class Hasty(MoodleProvider):
    """Puts in only as many as fit into one page."""

    def add_members(self, external_id, members):
        super().add_members(external_id, sorted(members, key=lambda each: int(each.external_id))[:50])


class Sticky(MoodleProvider):
    """Takes nobody out."""

    def remove_members(self, external_id, members):
        return None


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Keyless, "test_a_class_that_was_created_is_found_as_it_was_wanted"),
        (Closed, "test_a_class_is_archived_and_opened_again_with_everybody_in_it"),
        (Strict, "test_archiving_a_class_that_is_gone_is_no_error"),
        (Vague, "test_a_class_that_is_gone_says_so"),
        (Levelling, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Sticky, "test_members_are_put_in_and_taken_out_and_once_is_enough"),
        (Lenient, "test_somebody_who_does_not_exist_is_refused_for_good_and_not_taken_for_the_class"),
        (Hasty, "test_a_large_class_is_read_and_filled_completely"),
    ],
)
def test_a_broken_verb_makes_the_kits_test_for_it_fail(broken: type[MoodleProvider], test: str) -> None:
    assert_the_kit_finds(broken, test, Kit())
