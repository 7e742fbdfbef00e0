"""Runs the benchmarks, prints their ratios, and fails where a bound does not hold: ``python -m benchmarks [NAME...]``.

``NAME:NUMBER`` gives a benchmark another size, where it takes one.
"""

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.results import HEADER


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the number of lines over their bound."""
    found = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    asked = [name.partition(":") for name in names or found]
    if unknown := {name for name, _, _ in asked} - set(found):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(found)}.", file=sys.stderr)
        return 2
    print(HEADER)
    over = 0
    for name, _, size in asked:
        for result in import_module(f"benchmarks.bench_{name}").run(*([int(size)] if size else [])):
            print(result.line(), flush=True)
            over += not result.ok
    if over:
        print(f"{over} over their bound.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
