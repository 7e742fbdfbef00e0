"""Works off a batch of people for whom accounts are opened (R1, R4, R49, R50)."""

from rolecall.accounts import opening
from rolecall.work.projection import project
from rolecall.work.runs.unit import Effects, Outcome, Unit
from rolecall.work.runs.validators import Validators


def process_open(unit: Unit) -> Effects:
    """Open the accounts of one batch; people that the rules or a plugin refuse are skipped with the sentence."""
    session = unit.session
    numbers = {item.person_id: item.n for item in unit.items if item.person_id is not None}
    refused: dict[int, tuple[str, str]] = {}
    validators = Validators(unit)
    while True:
        people = [each for each in numbers if each not in refused]
        savepoint = session.begin_nested()
        opened = opening.open_accounts(session, people, keyring=unit.app.keyring, now=unit.now)
        session.flush()
        ids = {result.account_id: result.person_id for result in opened if result.account_id is not None}
        newly = validators.refusals(list(ids))
        if not newly:
            savepoint.commit()
            break
        savepoint.rollback()
        session.expire_all()
        refused.update({ids[each]: why for each, why in newly.items()})
    after = project(session, list(ids))
    outcomes = [
        Outcome(n=numbers[each], outcome="skipped", code=code, message=why, person_id=each) for each, (code, why) in refused.items()
    ]
    for result in opened:
        n = numbers[result.person_id]
        if result.account_id is None:
            outcomes.append(Outcome(n=n, outcome="skipped", code=result.code, message=result.message, person_id=result.person_id))
        else:
            fields = {name: value for name, value in after[result.account_id].items() if value not in (None, False)}
            outcomes.append(
                Outcome(n=n, outcome="done", after=fields, account_id=result.account_id, person_id=result.person_id, version_after=1)
            )
    return Effects(outcomes=outcomes, renamed=frozenset(ids), behind=frozenset(ids))
