"""The memory that Mallee's own processes hold while nothing happens.

Counted are the supervisor, the cloud and the agent with what they started, and the libvirtd and
dnsmasqs that work for this cloud alone; guests are not. A page that several share is shared out
between them (PSS), so that the sum is what the machine would have more without them.
"""

import time

from bench import cloud, processes, report, sealed
from mallee.box import status

SETTLE_S = 3.0
"""Idle means: so long after the last instance of a first use has gone."""


def measure(runs: int) -> list[report.Finding]:
    """Weigh a cloud that has been used and is idle again."""
    weights: list[float] = []
    with cloud.running() as running:
        running.end(running.launch())
        for _ in range(runs):
            time.sleep(SETTLE_S / runs)
            weights.append(sum(processes.resident_mib(pid) for pid in _pids(running)))
    return [
        report.Finding(
            promise="memory of all of Mallee's own processes, idle",
            unit="MiB",
            ours=tuple(weights),
            bar_max=220,
        )
    ]


def _pids(running: cloud.Cloud) -> list[int]:
    found = status.find(running.layout, status.SUPERVISOR)
    assert found is not None
    started = processes.descendants(found.pid)
    apart = processes.that_mention(str(running.layout.root))
    return [pid for pid in sorted({*started, *apart}) if not processes.is_program(pid, "qemu")]


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
