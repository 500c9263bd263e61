"""One changed rule of a group that a thousand interfaces wear, until the kernel obeys; and how long
a thousand groups with all their rules take to load at once.

The interfaces are real taps, plugged, of one VPC on one host; nobody is behind them.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bench import report, sealed
from mallee.model.hosts.hosts import (
    GroupWanted,
    HostWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.layout import Layout
from mallee.model.network.networks import Direction, Rule
from mallee.node.do.network import links, namespaces, network

INTERFACES = 1000
GROUPS = 1000
RULES = 60
"""In each group; as many as AWS lets a group have, each way."""
VPC, SUBNET = f"vpc-{0:017x}", f"subnet-{0:017x}"


def measure(runs: int) -> list[report.Finding]:
    """Load everything once, then change one rule so often."""
    with TemporaryDirectory(prefix="m-") as root:
        layout = Layout(Path(root))
        Path(root).chmod(0o755)
        host = network.Network(layout)
        try:
            return _measure(host, layout, runs)
        finally:
            host.destroy()


def _measure(host: network.Network, layout: Layout, runs: int) -> list[report.Finding]:
    wanted = _wanted(8000)
    host.apply(replace(wanted, vpcs=(replace(wanted.vpcs[0], groups=()),)))
    _plug_all(layout, wanted)
    host.apply(replace(wanted, vpcs=(replace(wanted.vpcs[0], groups=()),)))
    loading = _apply_ms(host, wanted)
    changing = [_apply_ms(host, _wanted(8001 + number)) for number in range(runs)]
    last = _wanted(8000 + runs)
    host.apply(last)
    unchanged = [_apply_ms(host, last) for _ in range(runs)]
    return [
        report.Finding(
            promise=f"a rule reaches {INTERFACES} interfaces in one apply",
            unit="ms",
            ours=tuple(changing),
            bar_max=1000,
        ),
        report.Finding(
            promise=f"{GROUPS} groups of {RULES} rules, loaded at once", unit="ms", ours=(loading,)
        ),
        report.Finding(
            promise=f"{INTERFACES} interfaces looked after", unit="ms", ours=tuple(unchanged)
        ),
    ]


def _apply_ms(host: network.Network, wanted: HostWanted) -> float:
    began = time.monotonic()
    problems = host.apply(wanted)
    took_ms = (time.monotonic() - began) * 1000
    if problems:
        raise RuntimeError("; ".join(problems))
    return took_ms


def _plug_all(layout: Layout, wanted: HostWanted) -> None:
    """Make all taps and move them to their VPC, in two processes instead of two thousand."""
    taps = [layout.tap(one.id) for one in wanted.vpcs[0].interfaces]
    born, inside = layout.hypervisor_namespace, layout.vpc_namespace(VPC)
    made = tuple(f"tuntap add dev {tap} mode tap vnet_hdr" for tap in taps)
    moved = tuple(f"link set {tap} netns {inside}" for tap in taps)
    namespaces.run_inside(born, lambda: links.apply_batch(made + moved))


def _wanted(port: int) -> HostWanted:
    """Everybody wears the first group, whose first rule is about this port, and one of his own."""
    interfaces = tuple(_interface(number) for number in range(INTERFACES))
    everyone = tuple(one.private_ip for one in interfaces)
    first = GroupWanted(
        id=_group_id(0), rules=(_rule(port, "0.0.0.0/0"), *_rules(0)[1:]), member_ips=everyone
    )
    others = (
        GroupWanted(id=_group_id(n), rules=_rules(n), member_ips=(everyone[n],))
        for n in range(1, GROUPS)
    )
    vpc = VpcWanted(
        id=VPC,
        cidr="10.0.0.0/16",
        link_index=0,
        subnets=(SubnetWanted(SUBNET, "10.0.0.0/20"),),
        groups=(first, *others),
        interfaces=interfaces,
    )
    return HostWanted(
        generation=port,
        region="us-east-1",
        zone="us-east-1a",
        public_range="203.0.113.0/24",
        private_range="10.0.0.0/16",
        egress=False,
        vpcs=(vpc,),
        instances=(),
    )


def _interface(number: int) -> InterfaceWanted:
    ip = f"10.0.{1 + number // 250}.{1 + number % 250}"
    return InterfaceWanted(
        id=f"eni-{number:012x}00000",
        instance_id=f"i-{number:017x}",
        vpc_id=VPC,
        subnet_id=SUBNET,
        device_index=0,
        mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
        private_ip=ip,
        public_ip=None,
        group_ids=tuple(sorted({_group_id(0), _group_id(number % GROUPS)})),
        hostname=f"ip-{ip.replace('.', '-')}",
    )


def _group_id(number: int) -> str:
    return f"sg-{number:017x}"


def _rules(number: int) -> tuple[Rule, ...]:
    ranges = (f"10.{one}.{number % 256}.0/24" for one in range(RULES))
    return tuple(_rule(1024 + number, cidr) for cidr in ranges)


def _rule(port: int, cidr: str) -> Rule:
    return Rule(
        id="sgr-00000000000000000",
        direction=Direction.INGRESS,
        protocol="tcp",
        from_port=port,
        to_port=port,
        cidr=cidr,
    )


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
