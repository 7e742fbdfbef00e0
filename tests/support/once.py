"""What each test would build anew and always alike, kept by the process: rules of addresses, SQL, templates, the list of plugins.

Every test has an application and a database of its own; putting one together takes 0.02 s with this, and 0.25 s without, which is
longer than most tests do.
"""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoints
from typing import Any

import pytest
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from rolecall.plugins import registry

#: What Werkzeug makes of a rule when an application binds it.
_COMPILED = ("_parts", "_trace", "_converters", "arguments")
_BUILDERS = ("_build", "_build_unknown")


def rules(patch: pytest.MonkeyPatch) -> None:
    """Compile each rule of an address once."""
    known: dict[tuple[object, ...], dict[str, Any]] = {}
    compile_rule: Callable[[Rule], None] = Rule.compile

    def compile_once(rule: Rule) -> None:
        assert rule.map is not None
        defaults = tuple(sorted((rule.defaults or {}).items()))
        key = (rule.rule, rule.subdomain, rule.host, defaults, rule.merge_slashes, rule.map.host_matching)
        if key not in known:
            compile_rule(rule)
            known[key] = {name: getattr(rule, name) for name in _COMPILED} | {name: getattr(rule, name).__func__ for name in _BUILDERS}
        for name in _COMPILED:
            setattr(rule, name, known[key][name].copy())
        for name in _BUILDERS:
            setattr(rule, name, known[key][name].__get__(rule, None))

    patch.setattr(Rule, "compile", compile_once)


def plugins(patch: pytest.MonkeyPatch) -> None:
    """Look once for what is installed; a test that installs something puts a folder of its own on the path."""
    look = registry.entry_points
    known: dict[tuple[str, ...], EntryPoints] = {}

    def look_once(*, group: str) -> EntryPoints:
        path = (group, *sys.path)
        if path not in known:
            known[path] = look(group=group)
        return known[path]

    patch.setattr(registry, "entry_points", look_once)


class _Statements(LRUCache[tuple[Any, ...], Any]):
    """SQL that any test of this process has compiled: each has an engine of its own, and compiling takes longer than the database does.

    An engine has its statements by its dialect; those of all tests are configured alike, so that the name of the database stands for it.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return the statement as it was compiled for such a database."""
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], value: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), value)


_STATEMENTS = _Statements(5_000)


@event.listens_for(Engine, "engine_connect")
def _statements_are_compiled_once(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_STATEMENTS)


class _Templates(BytecodeCache):
    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if it is the same text."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._code[bucket.key] = bucket.bytecode_to_string()


#: Templates that any test of this process has compiled.
TEMPLATES = _Templates()
