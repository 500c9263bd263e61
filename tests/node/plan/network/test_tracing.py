"""A packet that an agent is asked about is checked before it becomes words of a command."""

import pytest

from mallee.model.packets.traces import TraceAsk
from mallee.node.plan.network import tracing


def asked(source: str, destination: str) -> TraceAsk:
    return TraceAsk(
        interface_id="eni-0123456789abcdef0",
        source=source,
        destination=destination,
        protocol=6,
        port=80,
    )


def test_a_packet_is_read() -> None:
    found = tracing.read_packet(asked("fd00::1", "FD00::2"))
    assert (str(found.source), str(found.destination)) == ("fd00::1", "fd00::2")


@pytest.mark.parametrize(
    "destination", ["fd00::2%0 } accept", "fe80::1%eth0", "10.0.0.1", "fd00::2\n", "x"]
)
def test_what_is_no_packet_is_refused(destination: str) -> None:
    with pytest.raises(ValueError, match=r"zone|families|appear"):
        tracing.read_packet(asked("fd00::1", destination))
