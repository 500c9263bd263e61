"""How long the doctor's rounds take with 2, 20 and 200 hosts, for 2,048 VLANs between every pair.

The hosts are fake (`fakehosts`, the real protocol) and answer as late as real ones. So this is what
waiting costs, and what the cloud and the doctor do besides.
"""

import tempfile
import time
from pathlib import Path

from bench import describe, report, sealed, thousand
from mallee.box import client, rounds
from mallee.model.configuration.settings import Network
from mallee.model.layout import Layout

HOSTS = (2, 20, 200)
VLANS = tuple(range(2, 2050))


def measure(runs: int) -> list[report.Finding]:
    """Measure each number of hosts in a cloud of its own."""
    return [
        report.Finding(
            promise=f"the doctor's rounds with {hosts} hosts and {len(VLANS)} VLANs",
            unit="s",
            ours=(_rounds_s(hosts),),
        )
        for hosts in HOSTS
    ]


def _rounds_s(hosts: int) -> float:
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        layout = Layout(Path(folder))
        describe.prepare(layout, thousand.SETTINGS)
        tokens, _ = thousand.prepare(layout, hosts, 0)
        with describe.daemon(layout), thousand.fake_hosts(layout) as let_live:
            let_live(" ".join(tokens))
            access = client.read_access(layout, thousand.SETTINGS)
            began = time.monotonic()
            found = rounds.examine(access, Network(), rounds.Wish(vlans=VLANS))
            took_s = time.monotonic() - began
    wrong = [one for one in found if not one.ok]
    if wrong:
        raise RuntimeError(f"{len(wrong)} findings of hosts that are well: {wrong[:3]}")
    return took_s


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
