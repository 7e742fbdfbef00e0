"""The settings of core and of every plugin in one list: searched, described for programs, and found by the action they govern (R56).

Knows no setting by name: what is said here, the fields' metadata says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.documents import Document
from rolecall.accounts.settings import Described
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.plugins.registry import View
from rolecall.store.folding import fold
from rolecall.work.documents import moment, settings_schema

#: So many settings of one group that govern an action are named by their group.
_MANY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting and whose it is."""

    plugin: str
    owner: str
    described: Described


@dataclass(frozen=True, slots=True, kw_only=True)
class Governing:
    """What decides something about an action: a setting, or with an empty ``key`` several of one group; ``words`` find them."""

    plugin: str
    owner: str
    key: str
    label: str

    @property
    def words(self) -> str:
        """What a search for it asks for."""
        return self.key or self.label


def every(session: Session, plugins: Iterable[Plugin]) -> list[Entry]:
    """Every setting of these plugins; those that cannot be used have none."""
    found = []
    for plugin in plugins:
        schema = None if plugin.fault else settings_schema(plugin)
        if schema is not None:
            owner = "" if plugin.name == CORE else plugin.label
            found += [Entry(plugin=plugin.name, owner=owner, described=each) for each in settings.describe(session, plugin.name, schema)]
    return found


def search(entries: Iterable[Entry], words: str) -> list[Entry]:
    """Those in whose label, help, key, group or plugin each of the words stands; all of them without one."""
    return [each for each in entries if matches(words, text_of(each.described), each.plugin, each.owner)]


def matches(words: str, *texts: str) -> bool:
    """Whether each word stands somewhere in the texts, in any case and without accents."""
    looked_at = fold(" ".join(texts))
    return all(word in looked_at for word in fold(words).split())


def text_of(each: Described) -> str:
    """What a search looks at."""
    return " ".join((each.label, each.help, each.group, each.risk, each.key, each.key.replace("_", " ")))


def document(entry: Entry) -> Document:
    """One setting for programs; of a secret only whether it is set."""
    each = entry.described
    return {
        "plugin": entry.plugin, "key": each.key, "label": each.label, "help": each.help, "group": each.group, "risk": each.risk,
        "governs": list(each.governs), "secret": each.secret, "is_set": each.is_set, "value": each.value, "default": each.default,
        "origin": each.origin, "changed_at": moment(each.changed_at), "changed_by": each.changed_by,
    }  # fmt: skip


def governing(view: View, action_id: str) -> list[Governing]:
    """What the settings of core and of enabled plugins say that they govern of an action."""
    found = []
    for plugin in view.plugins.values():
        schema = settings_schema(plugin)
        by_group: dict[str, list[tuple[str, str]]] = {}
        for name, each in schema().fields.items() if schema is not None else ():
            if action_id in settings.governs(each):
                by_group.setdefault(each.metadata.get("group", ""), []).append((name, settings.label_of(name, each)))
        for group, some in by_group.items():
            told: Mapping[str, str] = {"": group} if group and len(some) > _MANY else dict(some)
            owner = "" if plugin.name == CORE else plugin.label
            found += [Governing(plugin=plugin.name, owner=owner, key=key, label=label) for key, label in told.items()]
    return found
