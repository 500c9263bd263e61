"""`mallee why-not`: what stands against launching instances now, and what stops a packet.

Exit status 1 when it is not possible, so that scripts can ask.
"""

import sys
from typing import Any

from mallee.cli import client, words
from mallee.cli.instances import trace
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout


def launch(
    instance_type: str,
    *,
    zone: str | None = None,
    subnet: str | None = None,
    count: int = 1,
    root: Root = DEFAULT,
) -> None:
    """Tell whether instances of a type could be launched now, and everything that is short.

    Parameters
    ----------
    instance_type
        Such as t3.micro.
    zone
        The availability zone; the one with most room when it is left out.
    subnet
        The subnet; the zone's default one when it is left out.
    count
        How many at once.
    """
    asked: dict[str, Any] = {"InstanceType": instance_type, "Count": count}
    asked |= {"AvailabilityZone": zone} if zone else {}
    asked |= {"SubnetId": subnet} if subnet else {}
    told = client.call(Layout(root), "mallee", "ExplainLaunch", asked)
    what = f"{told['Count']} of {told['InstanceType']}"
    where = f"in {told['SubnetId']} ({told['AvailabilityZone']})"
    if told["IsPossible"]:
        words.give(f"nothing stands against launching {what} {where}")
        return
    words.give(f"{what} cannot be launched {where}")
    for one in told["Obstacles"]:
        words.give(f"{one['Code']}: {one['Cause']}")
        words.give(f"  cure: {one['Cure']}")
    sys.exit(1)


def packet(
    source: str,
    destination: str,
    *,
    port: int = 0,
    protocol: str = "",
    root: Root = DEFAULT,
) -> None:
    """Tell whether the first packet of a conversation would pass, and what stops it.

    Parameters
    ----------
    source
        The instance or interface that speaks, or `internet`.
    destination
        An instance, an interface, or an address.
    port
        Of tcp and udp.
    protocol
        tcp, udp or icmp; tcp where a port is given, else icmp.
    """
    asked = {"SourceId": source, "Destination": destination, **trace.packet_of(protocol, port)}
    told = client.call(Layout(root), "mallee", "ExplainPacket", asked)
    for line in trace.judged_lines(told):
        words.give(line)
    if not told["Passes"]:
        sys.exit(1)
