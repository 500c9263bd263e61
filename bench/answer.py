"""How long RunInstances takes to answer, against the emptiest request of the same server: `GET /`.

The cloud is idle: each instance is gone, and what that took is done, before the next is asked for.
Only the answer counts; that the host then does its work is measured by `launch`.
"""

import time
from collections.abc import Callable

from bench import cloud, report, sealed

PINGS = 50


def measure(runs: int) -> list[report.Finding]:
    """Ask both kinds of request in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    with cloud.running() as running:
        for _ in range(runs + 1):
            running.wait_idle()
            theirs += [_took_ms(running.client.get_root) for _ in range(PINGS)]
            wish = running.sign_launch()
            began = time.monotonic()
            answer = running.client.send(wish)
            ours.append((time.monotonic() - began) * 1000)
            running.end(cloud.id_in(answer))
    return [
        report.Finding(
            promise="RunInstances answers, against GET /",
            unit="ms",
            ours=tuple(ours[1:]),
            theirs=tuple(theirs[PINGS:]),
            bar_ratio_max=30,
        )
    ]


def _took_ms(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return (time.monotonic() - began) * 1000


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
