"""``rolecall keys``: the keys that seal secrets; which there are, a new one, everything sealed again by it, and no old one left."""

import sys
from collections.abc import Iterator

import click

from rolecall.accounts.keys import new_key
from rolecall.cli.face import Face, face, is_terminal
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain, table
from rolecall.work import rotation, sealed
from rolecall.work.rotation import Status


@click.group(cls=Words, default="status")
def keys() -> None:
    """Keys that seal first-time passwords and the secrets of integrations."""


@keys.command("status")
def show() -> None:
    """Show how many values are sealed by which key; never a key."""
    call = face()
    _answer(call, rotation.status(call.app, call.actor))


@keys.command("new")
def new() -> None:
    """Print a new key, to be kept where the keys of this installation are; nothing is changed."""
    call = face()
    made = new_key()
    call.answer({"key": made}, made)


@keys.command("rotate")
@click.option("--reseal", is_flag=True, help="Make no new key; seal again by the first one what older ones sealed.")
def rotate(reseal: bool) -> None:
    """Put a new key before the others; with --reseal make everything use it."""
    call = face()
    actor = call.actor
    if not reseal:
        made = rotation.rotate(call.app, actor)
        following = "“rolecall keys rotate --reseal” seals again what older keys sealed."
        call.answer({"key": made}, f"Key {made} seals from now on. {following}")
        return
    rotation.status(call.app, actor)
    done = sealed.reseal(call.app, actor, _progress)
    found = rotation.status(call.app, actor)
    left = found.sealed.total - found.sealed.unreadable - found.sealed.by_key[found.keys[0]]
    document = _document(found) | {"resealed": done, "left": left}
    lines = [f"{count(done, 'value')} sealed again by key {found.keys[0]}."]
    if left:
        lines.append(f"{count(left, 'value')} still sealed by an older key: work is under way with it. Run this again.")
    elif found.unused:
        lines.append("“rolecall keys retire” removes what is no longer needed.")
    call.answer(document, lambda: lines)


@keys.command("retire")
def retire() -> None:
    """Remove old keys that nothing is sealed by any more."""
    call = face()
    removed = rotation.retire(call.app, call.actor)
    found = rotation.status(call.app, call.actor)
    needed = [each for each in found.keys[1:] if each not in found.unused]
    if removed:
        text = f"Removed: {', '.join(removed)}. Backups that were made before need {'it' if len(removed) == 1 else 'them'} still."
    elif needed:
        text = f"Nothing to remove: {', '.join(needed)} still opens what nothing else does. “rolecall keys rotate --reseal” changes that."
    else:
        text = "Nothing to remove: there is one key."
    call.answer(_document(found) | {"removed": list(removed)}, text)


def _answer(call: Face, found: Status) -> None:
    def lines() -> Iterator[str]:
        yield f"Kept in: {plain(found.origin)}"
        rows = [
            [each, "yes" if number == 0 else "", f"{found.sealed.by_key[each]:,}", _kept_in(found, each)]
            for number, each in enumerate(found.keys)
        ]
        yield from table(["key", "seals", "values", "of them"], rows)
        if found.sealed.unreadable:
            yield f"{count(found.sealed.unreadable, 'value')} cannot be opened by any of them: put the key back that is missing."

    call.answer(_document(found), lines)


def _kept_in(found: Status, key: str) -> str:
    return ", ".join(f"{by_key[key]:,} {place}" for place, by_key in found.sealed.by_place.items() if by_key.get(key))


def _document(found: Status) -> dict[str, object]:
    return {
        "origin": found.origin,
        "keys": [
            {
                "fingerprint": each,
                "seals": number == 0,
                "values": found.sealed.by_key[each],
                "places": {place: by_key[each] for place, by_key in found.sealed.by_place.items() if by_key.get(each)},
            }
            for number, each in enumerate(found.keys)
        ],
        "unreadable": found.sealed.unreadable,
        "total": found.sealed.total,
    }


def _progress(done: int) -> None:
    if is_terminal():
        click.echo(f"\r{done:,} sealed again", nl=False, err=True)
        sys.stderr.flush()
