"""``statuses``: made, changed with consent where accounts follow, deleted while nobody has them (R3, R7)."""


def active(cli):
    return {each["username"]: each["active"] for each in cli.json("accounts", "list", "--type", "student")["items"]}


def test_status_is_made_and_changed(cli):
    made = cli.json("statuses", "add", "On leave", "--type", "other", "--at-providers", "suspend")
    changed = cli.json("statuses", "set", "on leave", "--type", "registered")

    assert (made["type"], made["provider_action"]) == ("other", "suspend")
    assert (changed["label"], changed["type"]) == ("On leave", "registered")


def test_accounts_follow_another_type_only_with_consent(school):
    asked = school("statuses", "set", "Registered", "--type", "graduated", code=1)
    before = active(school)

    done = school.json("statuses", "set", "Registered", "--type", "graduated", "--yes")

    assert "3 students have the status; by this 3 accounts are deactivated." in asked.output
    assert set(before.values()) == {True}
    assert set(active(school).values()) == {False}
    assert school.json("runs", str(done["run"]))["counts"]["done"] == 3


def test_accounts_come_back_with_the_type_and_the_answer_names_the_run(school):
    school("statuses", "set", "Registered", "--type", "graduated", "--yes", code=0)

    answer = school("statuses", "set", "Registered", "--type", "registered", "--yes", code=0)

    assert "tells what became of accounts." in answer.output
    assert set(active(school).values()) == {True}


def test_list_tells_how_many_students_have_each(school):
    students = {each["label"]: each["students"] for each in school.json("statuses", "list")["items"]}

    assert students == {"Registered": 3, "Admission": 0, "Graduated": 0, "Withdrawn": 0}


def test_status_is_deleted_only_while_nobody_has_it(school):
    unasked = school("statuses", "delete", "Admission", code=1)
    deleted = school.json("statuses", "delete", "admission", "--yes")
    in_use = school("statuses", "delete", "Registered", "--yes", code=1)

    assert "Delete the status Admission?" in unasked.output
    assert deleted["label"] == "Admission"
    assert "3 students have the status Registered." in in_use.output


def test_label_that_nobody_gave_is_answered_with_what_comes_nearest(cli):
    answer = cli("statuses", "set", "Regstered", "--type", "other", code=1)

    assert "Did you mean Registered?" in answer.output


def test_person_who_leaves_is_told_with_their_account(school):
    answer = school("people", "set", "S1", "--status", "Withdrawn", code=0)

    assert "was deactivated." in answer.output
    assert sorted(active(school).values()) == [False, True, True]
