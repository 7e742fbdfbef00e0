"""The published vocabularies: every role has its list, or is known not to have one."""

import pytest

from rolecall_oneroster.roles import LIST_OF_ROLE, list_of_contact, standing, standing_of

ONEROSTER_11 = "administrator aide guardian parent proctor relative student teacher"
ONEROSTER_12 = (
    "aide counselor districtAdministrator guardian parent principal proctor relative siteAdministrator student systemAdministrator teacher"
)
SCHOOL_DATA_SYNC = (
    "principal chair professor researcher adjunct affiliate occupationalTherapist physicalTherapist speechTherapist visionTherapist "
    "paraprofessional specialServices advisor proctor nurse officeStaff lecturer itAdmin administrator teacher faculty staff "
    "teacherAssistant assistant instructor substitute coach alumni student"
)


@pytest.mark.parametrize("role", sorted({*ONEROSTER_11.split(), *ONEROSTER_12.split(), *SCHOOL_DATA_SYNC.split()}))
def test_every_published_role_belongs_to_a_list(role):
    assert standing(role).list
    assert standing(role.upper()).list == standing(role).list


def test_table_has_no_role_that_nobody_published():
    assert set(LIST_OF_ROLE) == {*f"{ONEROSTER_11} {ONEROSTER_12} {SCHOOL_DATA_SYNC}".lower().split()}


@pytest.mark.parametrize("role", ["other", "ext:librarian"])
def test_role_without_a_list_never_beats_one_that_has_it(role):
    assert min(standing(role), standing("guardian", ended=True, secondary=True)).list == "guardians"


def test_cell_with_several_roles_takes_the_work_first():
    found = standing_of("guardian, student,teacher")

    assert found is not None
    assert found.list == "teachers"
    assert standing_of("  ") is None


@pytest.mark.parametrize(
    ("relations", "expected"),
    [(["doctor"], "partners"), (["doctor", "parent"], "guardians"), (["other"], "guardians"), (["child"], ""), ([], "")],
)
def test_contact_belongs_to_guardians_unless_only_a_professional(relations, expected):
    assert list_of_contact(relations) == expected
