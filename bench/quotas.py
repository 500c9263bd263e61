"""RunInstances with every EC2 quota set over the account, against an account with none.

Whole requests over a kept connection to a real front door and store; the host is a claim of room in
the database, so no guest starts and only the answer counts. Both accounts launch in turns.
"""

import json
import math
import tempfile
import time
from pathlib import Path
from unittest import mock

from msgspec.structs import replace

from bench import asking, report, sealed
from mallee.cloud.hosts import hearing
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.hosts import hosts
from mallee.model.identity import quotas
from mallee.model.images.images import Blob, Image
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

IMAGE_ID = "ami-00000000000000001"
LAUNCHES = 40
"""How many of each kind make one measurement: the fastest tenth counts, which no neighbour hit."""


def measure(runs: int) -> list[report.Finding]:
    """Launch from both accounts in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    # The host is never heard, and must not fall silent before the end.
    forever = mock.patch.object(hearing, "AGENT_SILENT_AFTER_S", math.inf)
    with (
        forever,
        tempfile.TemporaryDirectory(prefix="m-") as folder,
        RunningCloud(Path(folder)) as cloud,
    ):
        cloud.store.transact(_furnish)
        limited, free = _tenant(cloud, "limited"), _tenant(cloud, "free")
        cloud.store.transact(_limit)
        for _ in range(runs + 1):
            pairs = [(_launch_ms(limited), _launch_ms(free)) for _ in range(LAUNCHES)]
            ours.append(sorted(pair[0] for pair in pairs)[LAUNCHES // 10])
            theirs.append(sorted(pair[1] for pair in pairs)[LAUNCHES // 10])
    return [
        report.Finding(
            promise="RunInstances with all quotas of EC2 set, against none",
            unit="ms",
            ours=tuple(ours[1:]),
            theirs=tuple(theirs[1:]),
            bar_ratio_max=1.1,
        )
    ]


def _launch_ms(client: asking.Client) -> float:
    # The public range is too small for so many.
    nic = {"DeviceIndex": "0", "AssociatePublicIpAddress": "false"}
    named = {f"NetworkInterface.1.{name}": value for name, value in nic.items()}
    wish = {"ImageId": IMAGE_ID, "MinCount": "1", "MaxCount": "1", **named}
    signed = client.sign("RunInstances", wish)
    began = time.monotonic()
    client.send(signed)
    return (time.monotonic() - began) * 1000


def _tenant(cloud: RunningCloud, name: str) -> asking.Client:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName=name)
    key, secret = made.element("AccessKeyId"), made.element("SecretAccessKey")
    return asking.Client(cloud.port, key, secret)


def _furnish(tx: store.Tx) -> None:
    """Add an image, and a host with room for everything."""
    blob = Blob(sha256="a" * 64, size_bytes=1 << 20, format="qcow2")
    image = Image(
        id=IMAGE_ID,
        name="bench",
        kind="machine",
        location="bench",
        is_public=True,
        blob=blob,
        disk_gib=1,
        created_at=tx.now,
    )
    owner = tx.list(records.ACCOUNT)[0].id
    tx.insert(records.IMAGE, owner, image.id, image)
    host = hosts.Host(
        id="host-1", name="one", zone="us-east-1a", certificate_serial="1", joined_at=tx.now
    )
    facts = hosts.HostFacts(
        capacity=hosts.Capacity(vcpus=10**6, memory_mib=10**9, disk_gib=10**7),
        acceleration="tcg",
        acceleration_reason="a benchmark",
        hypervisor="none",
        agent_version="0",
    )
    record = tx.insert(records.HOST, "", host.id, host)
    tx.observe(record, records.HostSeen(facts=facts, heard_at=clock.SYSTEM.now()))


def _limit(tx: store.Tx) -> None:
    """Set every quota of EC2 over one of the accounts."""
    (account,) = tx.by(records.ACCOUNT, "name", "limited")
    statement = {
        "Effect": "Limit",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "NumericLessThanEquals": {
                key: "1000000000" for key in quotas.KEYS if key.startswith("ec2:")
            }
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    tx.write(account, replace(account.doc, policies={"quotas": document}))


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
