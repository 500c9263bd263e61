"""What is over is forgotten some time later, and nothing else."""

from pathlib import Path

from msgspec.structs import replace

from mallee.cloud.ec2.vpc.routing import natgateways, peerings
from mallee.cloud.reconcile import networks
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.network.peerings import Peering, PeeringEnd, PeeringStatus
from mallee.model.network.routing import NatAddress, NatGateway

END = PeeringEnd(account="1", vpc_id="vpc-1")


def test_only_what_is_long_over_is_swept(tmp_path: Path) -> None:
    opened = store.Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock.SYSTEM)
    now = clock.SYSTEM.now()
    gone = now - natgateways.SHOWN_S - 1
    gateway = NatGateway(
        id="nat-1",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        addresses=(NatAddress(private_ip="10.0.0.9", interface_id="eni-1"),),
        created_at=gone,
    )
    peering = Peering(
        id="pcx-1",
        requester=END,
        accepter=END,
        status=PeeringStatus.ACTIVE,
        message="",
        expires_at=now - peerings.SHOWN_S - 1,
    )

    def fill(tx: store.Tx) -> None:
        for name, deleted_at in (("there", None), ("lately", now), ("long", gone)):
            doc = replace(gateway, id=name, deleted_at=deleted_at)
            tx.insert(records.NAT_GATEWAY, "1", name, doc)
        for status in (PeeringStatus.ACTIVE, PeeringStatus.PENDING):
            doc = replace(peering, id=status.value, status=status)
            tx.insert(records.PEERING, "1", doc.id, doc)
        ended = replace(peering, id="ended", status=PeeringStatus.DELETED, ended_at=now)
        tx.insert(records.PEERING, "1", "ended", ended)

    opened.transact(fill)
    assert opened.transact(networks.sweep) == 2
    left = {it.id for it in opened.view.list(records.NAT_GATEWAY)}
    assert left == {"there", "lately"}
    assert {it.id for it in opened.view.list(records.PEERING)} == {"active", "ended"}
    assert networks.over(opened.view, now) == []
    opened.close()
