"""Menus of roles, copies and deletions over the API (R57)."""


def test_menus_copies_and_deletions_over_the_api(program):
    client = program("roles:view", "roles:create", "roles:edit", "roles:delete", "people:view")
    menus = [{"id": "people", "hidden": True, "label": None}]

    made = client("POST", "/roles", {"name": "Tutor", "user_type": "teacher", "permissions": ["people:view"], "menus": menus}).json
    renamed = client("PATCH", f"/roles/{made['id']}", {"menus": [{"id": "people", "label": "Pupils"}]}).json
    wrong = client("PATCH", f"/roles/{made['id']}", {"menus": [{"id": "nothing"}]})
    copy = client("POST", f"/roles/{made['id']}/copy", {"name": "House tutor"})
    twice = client("POST", f"/roles/{made['id']}/copy", {"name": "House tutor"})
    gone = client("DELETE", f"/roles/{made['id']}")
    unknown = client("DELETE", f"/roles/{made['id']}")

    assert made["menus"] == menus
    assert renamed["menus"] == [{"id": "people", "hidden": False, "label": "Pupils"}]
    assert (wrong.status_code, copy.status_code, twice.status_code) == (422, 201, 422)
    assert (copy.json["name"], copy.json["permissions"], copy.json["menus"]) == ("House tutor", ["people:view"], renamed["menus"])
    assert (gone.status_code, gone.json["name"], unknown.status_code) == (200, "Tutor", 404)
