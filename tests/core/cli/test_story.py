"""The main job from an empty machine to Moodle and back, typed at the command line (R6, R35, R36, R61, R63, R67)."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rolecall_moodle.fake import FakeMoodle


def test_roster_reaches_moodle_and_a_closed_account_is_suspended_there(
    empty: Any, moodle: FakeMoodle, connect: Callable[[Any], None]
) -> None:
    cli = empty
    init = ("init", "--institution", "Harbour School", "--owner", "ada", "--email", "ada@example.org", "--password-stdin")
    cli(*init, stdin="seven quiet herons wade\n", code=0)
    people = "list,code,first_name,last_name,email\n" + "".join(
        f"students,S{n},Pupil{n},Numberfour,pupil{n}@home.example\n" for n in range(60)
    )

    preview = cli.json("people", "import", cli.file(people))
    imported = cli.json("people", "import", cli.file(people), "--yes")
    opened = cli.json("accounts", "open", "--list", "students")
    given = cli.json("roles", "add", "Main student", "--type", "student")
    period = cli.json("periods")["items"][0]["code"]
    what = (
        "roles.assign",
        "--where",
        "type=student",
        "--set",
        "mode=replace",
        "--set",
        f"period={period}",
        "--set",
        f"role={given['name']}",
    )
    plan = cli.json("act", *what, "--dry-run")
    assigned = cli.json("act", *what, "--yes")

    assert (preview["state"], preview["counts"]["waiting"]) == ("draft", 60)
    assert (imported["state"], imported["counts"]["done"]) == ("done", 60)
    assert (opened["state"], opened["counts"]["done"]) == ("done", 60)
    assert (plan["dry_run"], plan["total"], plan["will"]) == (True, 60, 60)
    assert (assigned["state"], assigned["counts"]["done"]) == ("done", 60)

    connect(cli)
    checked = cli.json("plugins", "check", "moodle")
    planned = cli.json("sync", "plan", "moodle")
    sent_by_planning = len(moodle.users)
    cli("worker", "--once", code=0)
    synced = cli.json("sync", "status")["items"][0]

    assert checked["ok"]
    assert {each["verb"] for each in planned["items"]} == {"create"}
    assert sent_by_planning == 0
    assert (synced["provider"], synced["pending"], synced["links"]["done"]) == ("moodle", 0, 61)
    assert len(moodle.users) == 61

    username = cli.json("accounts", "list", "--type", "student", "--limit", "1")["items"][0]["username"]
    closed = cli.json("act", "account.deactivate", "--account", username, "--yes")
    pending = cli.json("accounts", "list", "--pending", "yes")
    cli("worker", "--once", code=0)

    assert (closed["state"], closed["counts"]["done"]) == ("done", 1)
    assert [each["username"] for each in pending["items"]] == [username]
    assert moodle.users[username.lower()]["suspended"]
    assert cli.json("sync", "status")["items"][0]["pending"] == 0
    assert cli.json("audit", "verify")["ok"]


def test_installed_command_sets_up_imports_and_opens_accounts_in_a_new_folder(rolecall: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [rolecall, *words], cwd=tmp_path, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    (tmp_path / "people.csv").write_text("list,code,first_name,last_name\nteachers,T1,Dora,Meier\n", "utf-8")

    made = run("init", "--institution", "Harbour School", "--owner", "ada", "--password-stdin", stdin="seven quiet herons wade\n")
    shown = run("people", "import", "people.csv")
    done = run("people", "import", "people.csv", "--yes")
    opened = run("accounts", "open")
    listed = run("accounts", "list", "--type", "teacher", "--csv")

    assert [each.returncode for each in (made, shown, done, opened, listed)] == [0] * 5, made.stderr + done.stderr
    assert "--yes does it" in shown.stdout
    assert "Dora Meier" in listed.stdout
    assert oct((tmp_path / "instance" / "encryption_keys").stat().st_mode & 0o777) == "0o600"
