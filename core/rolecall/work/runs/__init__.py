"""Runs: everything that changes accounts or people goes through here, from any face.

``start`` freezes a selection, ``advance`` works it off batch by batch, ``control`` stops, resumes and undoes.
"""

from rolecall.work.runs.advance import advance, due
from rolecall.work.runs.control import resume, stop
from rolecall.work.runs.documents import item_documents, run_document
from rolecall.work.runs.plan import Plan, make_plan
from rolecall.work.runs.secrets import fetch_secrets
from rolecall.work.runs.selection import Selection
from rolecall.work.runs.start import Request, start
from rolecall.work.runs.undo import start_undo

__all__ = [
    "Plan", "Request", "Selection", "advance", "due", "fetch_secrets", "item_documents", "make_plan", "resume", "run_document",
    "start", "start_undo", "stop",
]
