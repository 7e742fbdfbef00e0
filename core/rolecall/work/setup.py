"""Sets a new institution up: keys, schema, what it begins with, and its first employee, administrator and Global Owner (R1, R5).

Everything that can be refused is refused before anything is written; killed in between, it can simply be begun again.
"""

from dataclasses import dataclass

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, keys, passwords, roles, seed, usernames
from rolecall.accounts.actors import Actor
from rolecall.config import Config, load
from rolecall.errors import Invalid, Refused
from rolecall.sdk.person_fields import problem_of
from rolecall.store import schema
from rolecall.store.engine import Database, now
from rolecall.store.tables import Account
from rolecall.work.application import Application

#: The default of ``password_min_administrator``: there are no settings yet that could say otherwise.
_SHORTEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstitution:
    """The institution and its first account. Without names, the person is called as the account."""

    institution: str
    username: str
    password: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""


def set_up(config: Config, new: NewInstitution, actor: Actor) -> int:
    """Make whatever is missing of keys and schema, then the institution; return the id of the owner's account.

    :raises Refused: when there is an institution already.
    :raises Invalid: with the sentences of each wrong field; nothing was written then.
    """
    check(new)
    refuse_second(config)
    config = prepare(config)
    password_hash = passwords.hash_password(new.password)
    with Application(config) as app:
        return app.db.attempt(lambda session: _make(session, app, new, password_hash, actor))


def refuse_second(config: Config) -> None:
    """Refuse to go on where there is an institution, before keys are made that it does not need.

    :raises Refused: naming what there is to do instead.
    """
    db = Database(config.database_url)
    try:
        if db.is_sqlite and db.url.database:
            config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with db.read() as session:
            if inspect(session.connection()).has_table("account") and session.scalar(select(Account.id).limit(1)) is not None:
                raise Refused(
                    "There is an institution already.",
                    hint="“rolecall run” serves it. A second institution needs a data directory of its own (ROLECALL_DATA).",
                    code="exists",
                )
    finally:
        db.close()


def prepare(config: Config) -> Config:
    """Make the keys that are missing and bring the schema up to date; return the settings with the keys."""
    if not config["secret_key"] or not config["encryption_keys"]:
        keys.generate(config.data)
        given = {name: value.value for name, value in config.values.items() if value.origin == "command line"}
        config = load(config.environment, **given)
    db = Database(config.database_url)
    try:
        schema.upgrade(db)
    finally:
        db.close()
    return config


def check(new: NewInstitution) -> None:
    """Refuse what cannot be the name of an institution, a user name, a person's data or an administrator's password.

    :raises Invalid: with the sentences of each wrong field.
    """
    wrong: dict[str, list[str]] = {}
    if not new.institution.strip() or len(new.institution) > 200 or not new.institution.isprintable():
        wrong["institution"] = ["The institution needs a name of at most 200 characters."]
    try:
        usernames.check(new.username)
    except Invalid as error:
        wrong["username"] = [str(error)]
    for name in ("first_name", "last_name", "email"):
        value = getattr(new, name).strip()
        if value and (problem := problem_of(name, value)):
            wrong[name] = [problem]
    own = (passwords.PRODUCT, new.institution, new.username, new.first_name, new.last_name, new.email.split("@")[0])
    if broken := passwords.check_rules(new.password, minimum=_SHORTEST, context_words=own):
        wrong["password"] = broken
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)


def _make(session: Session, app: Application, new: NewInstitution, password_hash: str, actor: Actor) -> int:
    moment = now(session)
    if session.scalar(select(Account.id).limit(1)) is not None:
        raise Refused("There is an institution already.", code="exists")
    seed.seed(session, institution=new.institution.strip(), now=moment)
    account = seed.create_owner(
        session, username=new.username, password_hash=password_hash, first_name=new.first_name.strip(), last_name=new.last_name.strip(),
        email=new.email.strip() or None, now=moment,
    )  # fmt: skip
    # Administrators begin with every action of core; those of plugins are given when somebody decides to.
    core = app.plugins.view(session).plugins["core"]
    default = roles.default_roles(session)["administrator"]
    roles.edit(session, default, actor=actor, add=[action.permission for action in core.actions.values()])
    payload = {"institution": new.institution.strip(), "owner": account.username}
    audit.append(session, actor=actor, kind="institution.create", payload=payload, account_id=account.id, at=moment)
    return account.id
