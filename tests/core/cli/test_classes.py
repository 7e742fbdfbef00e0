"""``rolecall classes``: adding, showing, changing, deleting, and who is in them (R60a)."""


def test_a_class_is_added_shown_changed_and_deleted_with_consent(school):
    added = school.json("classes", "add", "7a", "--name", "Maths 7a")
    school("classes", "add", "7b", code=0)
    ended = school.json("classes", "set", "7A", "--name", "Mathematics", "--active", "no")
    shown = school("classes", "show", "7a", code=0).stdout
    listed = school("classes", "list", "--q", "mathem", code=0).stdout
    unasked = school("classes", "delete", "7a", code=1)
    deleted = school.json("classes", "delete", "7a", "--yes")

    assert (added["code"], added["name"], added["active"]) == ("7a", "Maths 7a", True)
    assert (ended["name"], ended["active"]) == ("Mathematics", False)
    assert "Mathematics" in shown
    assert "ended: 0 students, 0 teachers, 0 assistants." in shown
    assert "ended" in listed
    assert "--yes" in unasked.stderr
    assert deleted["code"] == "7a"
    assert [(each["code"], each["name"]) for each in school.json("classes")["items"]] == [("7b", "7b")]


def test_members_are_put_in_listed_and_taken_out_by_their_codes(school):
    school("classes", "add", "7a", code=0)

    put = school("classes", "members", "add", "7a", "S1", "s2", code=0).stdout
    school("classes", "members", "add", "7a", "T1", "--role", "teacher", code=0)
    listed = school.json("classes", "members", "list", "7a")
    out = school("classes", "members", "remove", "7a", "S1", "S3", code=0).stdout

    assert "2 people put in, 0 with another role" in put
    assert {each["code"]: each["role"] for each in listed["items"]} == {"T1": "teacher", "S2": "student", "S1": "student"}
    assert listed["items"][0]["code"] == "T1"
    assert "1 person taken out" in out
    assert school.json("classes", "members", "list", "7a", "--role", "student")["total"] == 1


def test_what_cannot_be_is_said_in_words(school):
    school("classes", "add", "7a", code=0)

    refused = {
        name: school("classes", *words).stderr
        for name, words in {
            "class": ("show", "7x"), "period": ("show", "7a", "--period", "2099"), "role": ("members", "add", "7a", "S1", "--role", "head"),
            "list": ("members", "add", "7a", "S1", "--role", "teacher"), "nothing": ("set", "7a"),
            "filter": ("list", "--active", "perhaps"),
        }.items()
    }  # fmt: skip

    assert "There is no class 7x" in refused["class"]
    assert "There is no period 2099" in refused["period"]
    assert "There is no role head" in refused["role"]
    assert "Nobody of the students can be a teacher" in refused["list"]
    assert "Say what to change" in refused["nothing"]
    assert "perhaps" in refused["filter"]


def test_classes_are_imported_as_people_are(school):
    file = school.file("class_code,person_code\n7a,S1\n7a,S9\n", "classes.csv")

    shown = school("people", "import", file, code=0).stdout
    done = school.json("people", "import", file, "--yes", code=1)

    assert "2 new, 0 changed, 0 unchanged, 1 rejected" in shown
    assert "Row 3: The class 7a names S9 of the students, who is not in the roster." in shown
    assert done["counts"]["done"] == 2
