"""What is done to frames on bad cables: text for nftables; pure.

The whole table is written each time, and read by the kernel in one transaction. Both ends of a
wire have the same rules, for frames that come in there. Applied by `lab.links`.
"""

from collections.abc import Iterable, Mapping

from mallee.lab.document import Cable
from mallee.lab.plan import Wire

TABLE = "lab"


def ruleset(wires: Iterable[Wire], cables: Mapping[str, Cable]) -> str:
    """Return the ruleset for wires whose cables are as told, by the wires' names."""
    # The table is made first so that deleting it always succeeds.
    lines = [f"table netdev {TABLE}", f"delete table netdev {TABLE}", f"table netdev {TABLE} {{"]
    for wire in wires:
        rules = _rules(cables[wire.name])
        if rules:
            for end in (wire.host_end, wire.switch_end):
                lines += [f"\tchain {end} {{", *(f"\t\t{rule}" for rule in (_hook(end), *rules))]
                lines.append("\t}")
    return "\n".join([*lines, "}"]) + "\n"


def _hook(device: str) -> str:
    return f'type filter hook ingress device "{device}" priority 0; policy accept;'


def _rules(cable: Cable) -> tuple[str, ...]:
    rules: list[str] = []
    if cable.mtu:
        rules.append(f"meta length > {cable.mtu} counter drop")
    rules += [f"vlan id {vlan} counter drop" for vlan in cable.drop_vlans]
    rules += [f"udp dport {port} counter drop" for port in cable.drop_udp]
    if cable.loss_percent == 100:
        rules.append("counter drop")
    elif cable.loss_percent:
        rules.append(f"numgen random mod 100 < {cable.loss_percent} counter drop")
    return tuple(rules)


def words(cable: Cable) -> str:
    """Say what ails a cable."""
    if cable.cut:
        return "cut"
    vlans = ", ".join(map(str, cable.drop_vlans))
    ports = ", ".join(map(str, cable.drop_udp))
    said = (
        f"loses {cable.loss_percent} % each way" if cable.loss_percent else "",
        f"{cable.delay_ms} ms each way" if cable.delay_ms else "",
        f"nothing larger than {cable.mtu}" if cable.mtu else "",
        f"no frames of VLAN {vlans}" if vlans else "",
        f"no UDP to port {ports}" if ports else "",
    )
    return "; ".join(filter(None, said)) or "good"
