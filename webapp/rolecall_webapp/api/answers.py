"""What several routes answer alike: a run, finished or under way."""

from rolecall.store.tables import Run
from rolecall.work.documents import Document
from rolecall.work.runs.documents import run_document
from rolecall_webapp.api.operation import Answer, Call

#: A run in these states goes on by itself.
_UNDER_WAY = ("queued", "running")


def run_now(call: Call, run_id: int) -> Document:
    """The run as it is by now: the request's own session may not see what was written since it began."""
    with call.read() as session:
        return run_document(session, session.get_one(Run, run_id))


def run_answer(call: Call, run_id: int, *, begun: bool = False) -> Answer:
    """200 for a run that has ended or waits for a person, 202 while it goes on; ``begun`` answers 202 in any case."""
    document = run_now(call, run_id)
    return Answer(document=document, status=202 if begun or document["state"] in _UNDER_WAY else 200, location=f"/runs/{run_id}")
