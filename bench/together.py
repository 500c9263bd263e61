"""Eight launches at once: until the last guest's userspace runs, against eight bare QEMUs at once.

On a machine with fewer cores than guests both are bound by the emulated guests themselves; what is
measured is how much the cloud adds by doing its own work at the same time.
"""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import bare, cloud, launch, report, sealed, wire
from mallee.model.images import catalogue
from tests import tinyimages

GUESTS = 8


def measure(runs: int) -> list[report.Finding]:
    """Launch eight of both kinds in turns."""
    ports = wire.ports(GUESTS)
    ours: list[float] = []
    theirs: list[float] = []
    with cloud.running() as running, wire.wire(ports, wire.Metadata()):
        running.end(running.launch())
        for _ in range(runs):
            ours.append(_launch_all(running))
            theirs.append(_start_all_bare(ports))
    return [
        report.Finding(
            promise=f"{GUESTS} launches at once, until the last runs, against bare QEMUs",
            unit="s",
            ours=tuple(ours),
            theirs=tuple(theirs),
            bar_ratio_max=1.3,
        )
    ]


def _launch_all(running: cloud.Cloud) -> float:
    began = time.monotonic()
    instance_ids = [running.launch() for _ in range(GUESTS)]
    for instance_id in instance_ids:
        running.wait_said(instance_id, catalogue.FIRST_LINE)
    took_s = time.monotonic() - began
    running.end(*instance_ids)
    return took_s


def _start_all_bare(ports: tuple[wire.Port, ...]) -> float:
    blob = catalogue.image(tinyimages.document(), catalogue.TINY_DISK).blob
    with tempfile.TemporaryDirectory(prefix="m-") as folder, ExitStack() as stack:
        places: list[tuple[Path, bare.Machine]] = []
        for port in ports:
            place = Path(folder) / port.tap
            place.mkdir()
            disk = tinyimages.clone(blob, place / "disk.qcow2")
            places.append((place, launch.machine(port, disk)))
        began = time.monotonic()
        guests = [stack.enter_context(bare.Guest(machine, place)) for place, machine in places]
        for guest in guests:
            guest.wait_for(catalogue.FIRST_LINE)
        return time.monotonic() - began


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
