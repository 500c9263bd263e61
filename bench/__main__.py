"""Runs every benchmark, one after the other: `python -m bench [--runs N] [--json FILE]`."""

from bench import (
    answer,
    authorization,
    busy,
    describe,
    engine,
    faststart,
    flows,
    launch,
    legs,
    manyrules,
    memory,
    migration,
    objects,
    overlay,
    pages,
    policy,
    quotas,
    report,
    restores,
    rules,
    sealed,
    snapshots,
    together,
    trail,
    volumes,
)

ALL = (
    *(launch, answer, describe, pages, together, memory, rules, manyrules, flows, overlay, legs),
    *(policy, authorization, quotas, trail, objects, engine, busy, volumes, snapshots),
    *(restores, migration, faststart),
)


def measure(runs: int) -> list[report.Finding]:
    """Measure everything; each benchmark brings its own cloud up and destroys it."""
    return [finding for benchmark in ALL for finding in benchmark.measure(runs)]


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
