"""What a benchmark found: two series measured side by side, their ratio, and the bar it is held to.

Printed as a line of a table and, with `--json FILE`, written as JSON. Absolute times depend on the
machine and on what else it does; only the ratio and the difference within one run are promises.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RUNS = 7
"""How often each thing is measured at least; its median counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One promise, measured. Series are in `unit`; `theirs` is empty where there is no rival."""

    promise: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...] = ()
    bar_ratio_max: float | None = None
    """The median of ours may be so many times the median of theirs."""
    bar_ratio_min: float | None = None
    """The median of ours must be so many times the median of theirs."""
    bar_more_max: float | None = None
    """The median of ours may be more than theirs by so much, in `unit`."""
    bar_max: float | None = None
    """The median of ours may be so much, in `unit`."""

    @property
    def our_median(self) -> float:
        """The median of what Mallee does."""
        return statistics.median(self.ours)

    @property
    def their_median(self) -> float | None:
        """The median of what it is held against."""
        return statistics.median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.our_median / self.their_median if self.their_median else None

    def holds(self) -> bool:
        """Tell whether the promise is kept."""
        ratio = self.ratio
        return (
            (self.bar_ratio_max is None or (ratio is not None and ratio <= self.bar_ratio_max))
            and (self.bar_ratio_min is None or (ratio is not None and ratio >= self.bar_ratio_min))
            and (self.bar_max is None or self.our_median <= self.bar_max)
            and (self.bar_more_max is None or self._more() <= self.bar_more_max)
        )

    def bars(self) -> str:
        """The bars in words."""
        words = [
            f"≤ {self.bar_ratio_max:g} ×" if self.bar_ratio_max else "",
            f"≥ {self.bar_ratio_min:g} ×" if self.bar_ratio_min else "",
            f"≤ +{self.bar_more_max:g} {self.unit}" if self.bar_more_max else "",
            f"≤ {self.bar_max:g} {self.unit}" if self.bar_max else "",
        ]
        return " and ".join(word for word in words if word)

    def _more(self) -> float:
        return self.our_median - (self.their_median or 0.0)


def table(findings: Sequence[Finding]) -> str:
    """The findings as a table in Markdown."""
    lines = ["| promise | ours | theirs | ratio | bar | kept |", "|---|---|---|---|---|---|"]
    for found in findings:
        theirs = "" if found.their_median is None else f"{found.their_median:.4g} {found.unit}"
        ratio = "" if found.ratio is None else f"{found.ratio:.3g} ×"
        kept = "yes" if found.holds() else "NO"
        ours = f"{found.our_median:.4g} {found.unit}"
        lines.append(f"| {found.promise} | {ours} | {theirs} | {ratio} | {found.bars()} | {kept} |")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings with every single measurement."""
    return [{**asdict(found), "ratio": found.ratio, "holds": found.holds()} for found in findings]


def main(measure: Callable[[int], Sequence[Finding]], about: str | None) -> None:
    """Run a benchmark as a program: measure, print the table, write JSON; end with 1 if broken."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each thing is measured")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    options = parser.parse_args()
    findings = measure(options.runs)
    print(table(findings))
    if options.json:
        options.json.write_text(json.dumps(as_json(findings), indent=2) + "\n")
    sys.exit(0 if all(found.holds() for found in findings) else 1)
