"""A hundred thousand rows pass from file to people without ever being in memory together (R6)."""

import json
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

ROWS = 100_000
#: MiB beyond what the process needs before it reads the file: a chunk, a batch and the database's own caches.
MOST = 100

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.store.tables import Run
from rolecall.work.application import Application
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.advance import advance
from rolecall.work.runs.documents import run_document

def size():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

url, folder, key = sys.argv[1:]
config = load({}, database_url=url, data=folder, secret_key="s" * 32, encryption_keys=key)
actor, told = operator("test"), {}
with Application(config) as app:
    def bring(name):
        run_id = stage(app, actor, CsvSource(path=Path(folder) / name, label=name), Options())
        confirm(app, actor, run_id)
        advance(app, run_id)
        with app.db.read() as session:
            return run_document(session, session.get_one(Run, run_id))["counts"]
    told["few"] = bring("few.csv")
    before, begun = size(), time.process_time()
    told["first"] = bring("many.csv")
    middle = time.process_time()
    told["again"] = bring("many.csv")
    told["seconds"] = [middle - begun, time.process_time() - middle]
    told["grown"] = size() - before
print(json.dumps(told))
"""


def write(path, rows):
    with path.open("w") as file:
        file.write("list,code,first_name,last_name,email,phone,language,active,status,no_sync\n")
        file.writelines(f"alumni,{path.stem}{n},Anna,Smith{n},a{n}@home.example,+3069{n:08},en,yes,,no\n" for n in range(rows))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_rows_pass_in_bounded_memory(database_url, tmp_path):
    write(tmp_path / "few.csv", 3_000)
    write(tmp_path / "many.csv", ROWS)

    command = [sys.executable, "-c", SCRIPT, database_url, str(tmp_path), Fernet.generate_key().decode()]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["first"] == {"waiting": 0, "done": ROWS, "skipped": 0, "failed": 0}
    assert told["again"] == {"waiting": 0, "done": 0, "skipped": ROWS, "failed": 0}
    assert told["grown"] < MOST, told
