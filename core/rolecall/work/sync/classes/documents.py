"""What faces show of classes in the sync, as the outside contract words it: one shape for the API and ``--json``."""

from typing import Any

from rolecall.work.sync.classes.preview import ClassLine

Document = dict[str, Any]


def class_line_document(line: ClassLine) -> Document:
    """What a sync would do to one class. ``members`` are numbers, because not everybody may see who they are."""
    return {
        "class": {"id": line.class_id, "code": line.code, "name": line.name, "period": line.period},
        "verb": line.verb,
        "queued": line.queued,
        "fields": {name: {"before": before, "after": after} for name, (before, after) in line.fields.items()},
        "members": {"added": line.added, "removed": line.removed},
        "error": line.error,
    }
