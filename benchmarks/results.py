"""What a benchmark answers, and how times are taken."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line: what was measured, the reference of the same run, and the bound on the measured value (none: only shown)."""

    name: str
    measured: float
    unit: str = "ms"
    reference: float | None = None
    bound: float | None = None
    #: Whether what else has to hold does; the note says what that is.
    holds: bool = True
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured divided by reference."""
        return self.measured / self.reference if self.reference else None

    @property
    def ok(self) -> bool:
        """Whether the bound holds, and what else has to."""
        return self.holds and (self.bound is None or self.measured <= self.bound)

    def line(self) -> str:
        """The result as a line of the report."""
        reference = "-" if self.reference is None else f"{self.reference:.1f} {self.unit}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}x"
        bound = "-" if self.bound is None else f"{self.bound:g} {self.unit}"
        verdict = "ok" if self.ok else "OVER"
        return (
            f"{self.name:<58} {self.measured:>9.1f} {self.unit:<3} {reference:>13} {ratio:>8} {bound:>10}  {verdict}  {self.note}".rstrip()
        )


HEADER = f"{'':<58} {'measured':>13} {'reference':>13} {'ratio':>8} {'bound':>10}"


def milliseconds(work: Callable[[], object], *, repeat: int = 15) -> float:
    """Median processor time of a call in ms, after one that warms up; other programs on the machine do not count."""
    work()
    taken = []
    for _ in range(repeat):
        gc.collect()
        begun = time.process_time()
        work()
        taken.append((time.process_time() - begun) * 1000)
    return statistics.median(taken)
