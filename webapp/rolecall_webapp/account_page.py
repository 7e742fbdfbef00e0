"""One account as parts: head, what can be done with it, and the five tabs. Facts are text, never inputs."""

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import g, render_template, request, url_for
from sqlalchemy import select

from rolecall.accounts import people, senders, sessions
from rolecall.errors import Unknown
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.fields import NoParams
from rolecall.sdk.lists import Column
from rolecall.store import accounts_query
from rolecall.store.accounts_query import AccountRow
from rolecall.store.engine import now
from rolecall.store.people_query import PersonRow, person_rows
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, Link, Period, Role, RolePeriod, SignIn
from rolecall.work.documents import Document
from rolecall.work.runs.plan import why_not
from rolecall.work.timeline import timeline
from rolecall_webapp import account_identities, account_messages, devices, diagnosis
from rolecall_webapp.account_list import LINK_LOOKS, link_states, state_of
from rolecall_webapp.frame import may
from rolecall_webapp.menu import action_groups
from rolecall_webapp.paging import beside, page_number
from rolecall_webapp.parts import Button, Buttons, Cell, Empty, Facts, Head, Part, Row, State, Tab, Table, cell
from rolecall_webapp.run_words import OUTCOME_LOOKS, changes_text, run_title

TABS = {
    "overview": "Overview", "access": "Can they sign in?", "roles": "Roles and periods", "external": "External", "logins": "Sign-ins",
    "timeline": "Timeline",
}  # fmt: skip
_PAGE = 50


def draw(account_id: int, tab: str) -> str:
    """Draw an account's page.

    :raises Unknown: when there is no such account.
    """
    found = accounts_query.load_rows(g.db, [account_id], now=now(g.db), period_id=g.account.period_id)
    if not found or not accounts_query.is_listed(g.db, account_id):
        raise Unknown(f"There is no account {account_id}.", hint="It may have been purged. The list shows which ones there are.")
    (row,) = found
    labels = {provider_id: provider.label for provider_id, provider in g.view.providers.items()}
    return render_template(
        "page.html",
        title=row.name or row.username,
        kicker=row.type.capitalize() + (" · Global Owner" if row.is_owner else ""),
        states=[*state_of(row), *_mail_state(row), *(each for each in link_states(row, labels) if each.look != "ok")],
        tabs_=[Tab(label=label, href=url_for(f"accounts.{each}", account_id=row.id), current=each == tab) for each, label in TABS.items()],
        parts=[*(diagnosis.box(row) if tab == "overview" else ()), *_actions(row, tab), *_PARTS[tab](row)],
    )


def _actions(row: AccountRow, tab: str) -> list[Part]:
    """What can be done: possible ones as buttons; below, those that do not apply now with their reasons (R20: the page says why)."""
    chosen = {"overview": None, "roles": "roles", "external": "external", "logins": "signing_in"}
    if tab not in chosen:
        return []
    groups = [each for each in action_groups(bulk=False) if chosen[tab] in (None, each.actions[0].group)]
    reasons = why_not(g.db, g.actor, [action for group in groups for action in group.actions], row.id)
    possible = [(group.label, [_button(each, row) for each in group.actions if reasons[each.id] is None]) for group in groups]
    refused = [
        Button(label=each.label, href="", why_not=reasons[each.id]) for group in groups for each in group.actions if reasons[each.id]
    ]
    parts: list[Part] = [Buttons(groups=possible)] if any(buttons for _, buttons in possible) else []
    return [*parts, Buttons(groups=[("", refused)], title=f"Not possible now ({len(refused)})", folded=True)] if refused else parts


def _button(action: Action, row: AccountRow) -> Button:
    """A button that does it at once where nothing is asked, else one that leads to the dialog."""
    address = url_for("actions.ask", action_id=action.id, ids=row.id)
    if action.grade is Grade.PLAIN and action.params is NoParams and not action.fresh_login:
        values = {"ids": str(row.id), "expected": "1", "back": request.path}
        return Button(
            label=action.label, href=url_for("actions.start_run", action_id=action.id), post=True, values=values, help=action.help
        )
    return Button(label=f"{action.label} …", href=address, help=action.help, look="plain")


def _mail(row: AccountRow, account: Account) -> Cell:
    if not row.email:
        return cell("none", plain=True)
    if account.must_verify_email:
        return Cell(text=row.email, states=[State(word="nobody signs in until it is verified", look="bad")])
    if account.former_email:
        state = State(word="not verified", look="off")
        return Cell(text=row.email, states=[state], note=f"until it is verified, {account.former_email} signs in")
    verified = State(word="verified", look="ok") if row.email_verified else State(word="not verified", look="off")
    return Cell(text=row.email, states=[verified])


def _sender(account: Account) -> Cell:
    """Which address was chosen, and what comes of one that the settings do not list any more (R25)."""
    addresses = senders.of_institution(g.db)
    if senders.listed(account.sender_email, addresses):
        return cell(account.sender_email)
    note = f"invitations come from {addresses[0]}" if addresses else "invitations come from the address of this machine"
    return Cell(text=account.sender_email or "", states=[State(word="not listed in the settings any more", look="off")], note=note)


def _mail_state(row: AccountRow) -> list[State]:
    if not row.email:
        return [State(word="No e-mail", look="off")]
    return [State(word="E-mail verified", look="ok") if row.email_verified else State(word="E-mail not verified", look="off")]


def _password(row: AccountRow, account: Account) -> Cell:
    """Which password signs in, and whether it must be changed (R17); a copy that is only kept signs nobody in."""
    if row.sso_provider:
        return cell(f"managed by {row.sso_provider}", plain=True)
    if account.phone_guesses_left is not None:
        word = "the phone number, for the first time"
    elif account.password_hash:
        word = "own" if account.sealed_at is None else "first-time, used"
    else:
        word = "first-time" if account.sealed_password and account.sealed_at else "none"
    due = [State(word="Must be changed at the next sign-in", look="wait")] if account.must_change_password and word != "none" else []
    return Cell(text=word, plain=True, states=due)


def _overview(row: AccountRow) -> list[Part]:
    account = g.db.get_one(Account, row.id)
    (person,) = person_rows(g.db, [row.person_id])
    who = [
        ("User name", cell(row.username)),
        ("E-mail", _mail(row, account)),
        ("Profile name", cell(row.name)),
        ("Password", _password(row, account)),
        ("Role now", Cell(text=row.role or "none", note="" if row.role is None or row.role_enabled else "disabled in this period")),
        ("Last sign-in", Cell(at=row.last_login_at) if row.last_login_at else cell("never", plain=True)),
        ("Invited", Cell(at=row.invited_at) if row.invited_at else cell("not yet", plain=True)),
        *([("Sends invitations from", _sender(account))] if account.sender_email else []),
        ("Opened", Cell(at=account.created_at)),
        *([("Protected", cell("providers close it only when somebody asks for it by itself", plain=True))] if row.protected else []),
    ]
    columns = [(each.label, cell(each.values(g.db, [row.id]).get(row.id))) for each in _plugin_columns()]
    parts: list[Part] = [Facts(title="Account", facts=who), Facts(title="Person", facts=_person(person))]
    if columns:
        parts.append(Facts(title="From plugins", facts=columns))
    return [*parts, *account_messages.recent(row.id), *_relatives(row)]


def _plugin_columns() -> list[Column]:
    core = set(g.view.plugins["core"].columns)
    return [each for each in g.view.columns.values() if each.id not in core]


def _person(person: PersonRow) -> list[tuple[str, Cell]]:
    name = f"{person.first_name} {person.last_name}".strip()
    href = url_for("people.card", person_id=person.id) if may("people:view") else None
    return [
        ("Name", Cell(text=name, href=href)),
        ("List", cell(person.list, plain=True)),
        ("Code", cell(person.code)),
        ("Status", cell(person.status or "none")),
        ("Record", Cell(states=[State(word="Active", look="ok") if person.active else State(word="Not active", look="off")])),
        ("Personal e-mail", cell(person.email)),
        ("Mobile phone", cell(person.phone)),
        ("Language", cell(person.language)),
        ("Sync", Cell(states=[State(word="Kept out of sync", look="off")]) if person.no_sync else cell("follows", plain=True)),
    ]


def _relatives(row: AccountRow) -> list[Part]:
    found = people.relations(g.db, row.person_id)
    if not found:
        return []
    accounts = dict(
        g.db.execute(select(Account.person_id, Account.id).where(Account.person_id.in_([each.person_id for each in found]))).all()
    )
    rows = [
        Row(
            cells=[
                Cell(
                    text=f"{each.first_name} {each.last_name}".strip(),
                    href=url_for("accounts.overview", account_id=accounts[each.person_id]) if each.person_id in accounts else None,
                    note="" if each.person_id in accounts else "no account",
                ),
                cell(f"{each.kind} of this person" if each.direction == "has" else f"this person is their {each.kind}", plain=True),
                cell(each.code),
            ]
        )
        for each in found
    ]
    return [Table(title="Relations", caption="Relations", heads=[Head(label="Name"), Head(label="What"), Head(label="Code")], rows=rows)]


def _roles(row: AccountRow) -> list[Part]:
    statement = (
        select(Period, Role.name, RolePeriod.enabled)
        .join(RolePeriod, RolePeriod.period_id == Period.id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id == row.id)
        .order_by(Period.starts_on.desc())
    )
    rows = [
        Row(
            cells=[
                Cell(text=period.name, states=[State(word="current", look="ok")] if period.is_current else ()),
                cell(role),
                Cell(states=[State(word="Counts", look="ok") if enabled else State(word="Disabled, remembered", look="off")]),
                cell(f"{period.starts_on} to {period.ends_on}", plain=True),
            ],
            off=not enabled,
        )
        for period, role, enabled in g.db.execute(statement)
    ]
    empty = Empty(text="This account has no role in any period.", hint="Without a role in the current period nobody can sign in.")
    heads = [Head(label=each) for each in ("Period", "Role", "State", "Dates")]
    return [Table(caption="Roles by period", heads=heads, rows=rows, empty=empty)]


def _external(row: AccountRow) -> list[Part]:
    moment = now(g.db)
    labels = {provider_id: provider.label for provider_id, provider in g.view.providers.items()}
    parts: list[Part] = [*account_identities.facts(row.id)]
    for link in g.db.scalars(select(Link).where(Link.account_id == row.id).order_by(Link.provider)):
        state = sync_state(link, moment)
        waiting = state not in ("done", "blocked") and link.not_before is not None and link.not_before > moment
        facts = [
            ("State", Cell(states=[State(word=state, look=LINK_LOOKS[state])])),
            ("Should be there", cell(link.goal, plain=True)),
            ("Id there", cell(link.external_id or "none yet")),
            *([("Signs in there as", cell(link.sign_in_name))] if link.sign_in_name else []),
            ("Attempts", cell(link.attempts, plain=True)),
            ("Last done", Cell(at=link.settled_at) if link.settled_at else cell("never", plain=True)),
        ]
        if waiting:
            facts.append(("Next attempt", Cell(at=link.not_before)))
        if link.error:
            facts.append(("Last error", cell(link.error)))
        parts.append(Facts(title=labels.get(link.provider, link.provider), facts=facts))
        if may("integrations:edit") and (state == "blocked" or link.attempts):
            values = {"provider": link.provider}
            retry = Button(label="Try again now", href=url_for("accounts.retry", account_id=row.id), post=True, values=values)
            parts.append(Buttons(groups=[("", [retry])]))
    if not parts:
        parts.append(
            Empty(text="This account is linked to no external provider.", hint="An integration links it when its scope includes it.")
        )
    return parts


def _sessions(row: AccountRow) -> Table:
    """Where the account is signed in now (S-07)."""
    rows = [
        Row(cells=[cell(devices.spoken(each.agent)), Cell(at=each.last_seen_at), Cell(at=each.created_at), cell(each.address)])
        for each in sessions.of_account(g.db, row.id, now(g.db))
    ]
    heads = [Head(label=each) for each in ("Device", "Last used", "Since", "Address")]
    empty = Empty(text="The account is not signed in anywhere.")
    return Table(title="Signed in now", caption="Signed in now", heads=heads, rows=rows, empty=empty)


def _logins(row: AccountRow) -> list[Part]:
    page = page_number(request.args)
    statement = select(SignIn).where(SignIn.account_id == row.id).order_by(SignIn.at.desc(), SignIn.id.desc())
    found = g.db.scalars(statement.limit(_PAGE + 1).offset((page - 1) * _PAGE)).all()
    rows = [
        Row(
            cells=[
                Cell(at=each.at),
                cell(each.method, plain=True),
                Cell(states=[State(word="signed in", look="ok") if each.result == "ok" else State(word=_spoken(each.result), look="bad")]),
                cell(each.address),
                cell(each.agent),
            ]
        )
        for each in found[:_PAGE]
    ]
    heads = [Head(label=each) for each in ("When", "Method", "Result", "Address", "Device")]
    empty = Empty(text="Nobody has tried to sign in to this account yet.")
    previous = f"{request.path}?page={page - 1}" if page > 1 else None
    pager = beside(previous, f"{request.path}?page={page + 1}" if len(found) > _PAGE else None)
    attempts = Table(title="Attempts to sign in", caption="Sign-ins", heads=heads, rows=rows, empty=empty, pager=pager)
    return [_sessions(row), attempts]


def _timeline(row: AccountRow) -> list[Part]:
    found = timeline(g.db, row.id, limit=_PAGE, cursor=request.args.get("cursor"))
    # A run's own entry in the audit says what its item says already, and sign-ins have a tab.
    events = [each for each in found.items if each["outcome"] or not each["kind"].startswith(("run.", "sign-in"))]
    heads = [Head(label=each) for each in ("When", "What", "Outcome", "Changes", "Who")]
    empty = Empty(text="Nothing has happened to this account yet.")
    pager = beside(request.path if "cursor" in request.args else None, f"{request.path}?cursor={found.next}" if found.next else None)
    return [Table(caption="Timeline", heads=heads, rows=[_event(each) for each in events], empty=empty, pager=pager)]


def _event(event: Document) -> Row:
    kind, _, undone = event["kind"].partition(":")
    title = run_title(g.view, "undo" if undone else "action", undone or kind) if event["outcome"] else _spoken(kind)
    changes = changes_text(event["before"], event["after"])
    return Row(
        cells=[
            Cell(at=datetime.fromisoformat(event["at"])),
            Cell(text=title, href=url_for("runs.page", run_id=event["run"]) if event["run"] else None, plain=True),
            Cell(states=[State(word=event["outcome"], look=OUTCOME_LOOKS[event["outcome"]])] if event["outcome"] else ()),
            cell(" ".join(filter(None, (event["message"], event["reason"], changes)))),
            Cell(text=event["actor"], note=event["address"] or ""),
        ]
    )


def _spoken(word: str) -> str:
    return word.replace(".", ": ").replace("-", " ").replace("_", " ")


_PARTS: dict[str, Callable[[AccountRow], Sequence[Part]]] = {
    "overview": _overview,
    "access": diagnosis.full,
    "roles": _roles,
    "external": _external,
    "logins": _logins,
    "timeline": _timeline,
}
