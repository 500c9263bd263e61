"""What a host says of packets in the administrator's own network."""

from typing import cast

import pytest

from mallee.model.packets.traces import TraceAsk
from mallee.node import tracing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.host import Host
from tests.node import shapes
from tests.node.modes import wires
from tests.node.modes.wires import Told


def test_a_way_that_is_not_known_is_not_told() -> None:
    one = wires.interface(0, 4, shapes.OPEN)
    told = Told((wires.vpc(0, (one,), shapes.RULES),), {one.id: 0})
    ask = TraceAsk(
        interface_id=one.id, source=one.private_ip, destination="10.20.0.5", protocol=6, port=22
    )
    with pytest.raises(HypervisorFailed, match="is managed-novlan: the way"):
        tracing.tell(cast(Host, None), told.of(0), ask)
