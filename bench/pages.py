"""Describing when there is much: 10,000 instances, and what belongs to them, in one account.

Counted is the processor time of the cloud's process per request, as in `describe`: a page of
1,000, the same page when nothing was shown before, and one thing found by a tag among all.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import asking, describe, processes, report, sealed
from mallee.cloud.state import records, store
from mallee.model.network.networks import Address, Direction, Rule, SecurityGroup

COUNT = 10_000
GROUPS = 1000
RULES = 10
ADDRESSES = 2000
PAGE = {"MaxResults": "1000"}


def _filter(name: str, value: str) -> Mapping[str, str]:
    return {"Filter.1.Name": name, "Filter.1.Value.1": value}


ASKED: Mapping[str, Mapping[str, str]] = {
    "DescribeInstances": PAGE,
    "DescribeTags": PAGE,
    "DescribeNetworkInterfaces": PAGE,
    "DescribeSecurityGroups": PAGE,
    "DescribeSecurityGroupRules": PAGE,
    "DescribeAddresses": {},
    "DescribeInstanceStatus": PAGE,
}
FOUND: Mapping[str, Mapping[str, str]] = {
    "DescribeInstances": _filter("tag:Name", "guest-7777"),
    "DescribeTags": _filter("value", "guest-7777"),
    "DescribeNetworkInterfaces": _filter("private-ip-address", "172.31.9.9"),
    "DescribeSecurityGroups": _filter("group-name", "group-77"),
    "DescribeSecurityGroupRules": _filter("group-id", f"sg-{77:017x}"),
    "DescribeAddresses": _filter("public-ip", "203.0.77.7"),
    "DescribeInstanceStatus": _filter("availability-zone", "nowhere"),
}


def measure(runs: int) -> list[report.Finding]:
    """Ask everything of one cloud."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as folder,
        describe.running(Path(folder), COUNT, _seed) as (pid, client),
    ):
        found = [_first_page(pid, client)]
        for words, asked, bar in (("a page of 1,000", ASKED, 25), ("one of all", FOUND, 15)):
            for action, parameters in asked.items():
                ask = _asker(pid, client, action, parameters)
                found.append(_measure(f"{action}, {words}", bar, runs, ask))
    return found


def _asker(
    pid: int, client: asking.Client, action: str, parameters: Mapping[str, str]
) -> Callable[[], float]:
    """Return what asks once, and tells the milliseconds of processor time that it took."""

    def ask() -> float:
        signed = client.sign(action, parameters)
        before = processes.cpu_s(pid)
        client.send(signed)
        return (processes.cpu_s(pid) - before) * 1000

    return ask


def _first_page(pid: int, client: asking.Client) -> report.Finding:
    took = _asker(pid, client, "DescribeInstances", PAGE)()
    return report.Finding(
        promise="DescribeInstances, the first page after a start", unit="ms", ours=(took,)
    )


def _measure(promise: str, bar: float, runs: int, ask: Callable[[], float]) -> report.Finding:
    ask()
    ours = tuple(ask() for _ in range(runs))
    return report.Finding(promise=promise, unit="ms of CPU", ours=ours, bar_max=bar)


def _seed(tx: store.Tx) -> None:
    [account] = tx.list(records.ACCOUNT)
    vpc = tx.list(records.VPC, account.id)[0]
    for number in range(GROUPS):
        group = SecurityGroup(
            id=f"sg-{number:017x}",
            vpc_id=vpc.id,
            name=f"group-{number}",
            description="many",
            rules=tuple(_rule(number, one) for one in range(RULES)),
            tags={"Name": f"group-{number}"},
        )
        tx.insert(records.SECURITY_GROUP, account.id, group.id, group)
    for number in range(ADDRESSES):
        address = Address(
            id=f"eipalloc-{number:017x}",
            public_ip=f"203.{number >> 8}.{number & 255}.7",
            tags={"Name": f"address-{number}"},
        )
        tx.insert(records.ADDRESS, account.id, address.id, address)


def _rule(group: int, number: int) -> Rule:
    return Rule(
        id=f"sgr-{group * RULES + number:017x}",
        direction=Direction.INGRESS,
        protocol="tcp",
        from_port=number,
        to_port=number,
        cidr=f"10.{number}.0.0/16",
    )


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
