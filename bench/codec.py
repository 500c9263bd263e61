"""How long one DescribeInstances answer takes to write, here and with moto's serializer.

`python bench/codec.py` prints microseconds per answer, medians of 9, for 1 and 100 instances as a
launch with usual options has them, and how long reading a RunInstances request takes.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import moto.core.model
import moto.core.serialize
import moto.core.utils

from mallee.aws import codec

REPEATS = 9
SECONDS_PER_REPEAT = 0.2


def main() -> None:
    """Print the measurements."""
    ours = codec.for_service("ec2")
    kept = ours.encode_shape("Instance", instance(1))
    for count in (1, 100):
        answer = {"Reservations": [reservation(number) for number in range(count)]}
        fragments = {"Reservations": [{"Instances": [kept]} for _ in range(count)]}
        mine = microseconds(lambda a=answer: ours.encode("DescribeInstances", a, "request"))
        again = microseconds(lambda a=fragments: ours.encode("DescribeInstances", a, "request"))
        theirs = microseconds(lambda a=answer: moto_encode(a))
        size = len(ours.encode("DescribeInstances", answer, "request"))
        print(
            f"{count:4} instances ({size} bytes): {mine:9.1f} µs, as fragments {again:9.1f} µs, "
            f"moto {theirs:9.1f} µs ({theirs / mine:.1f} times ours)"
        )
    print(f"read RunInstances: {microseconds(lambda: ours.decode('RunInstances', LAUNCH)):.1f} µs")


def microseconds(call: Callable[[], Any]) -> float:
    """Return the median time of a call."""
    started = time.perf_counter()
    call()
    once = time.perf_counter() - started
    rounds = max(1, int(SECONDS_PER_REPEAT / max(once, 1e-6)))
    times: list[float] = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(rounds):
            call()
        times.append((time.perf_counter() - started) / rounds)
    return statistics.median(times) * 1e6


def moto_encode(answer: Any) -> Any:
    """Return moto's answer for the same result."""
    model = moto.core.utils.get_service_model("ec2")
    operation = model.operation_model("DescribeInstances")
    serializer = moto.core.serialize.EC2Serializer(operation_model=operation)
    return serializer.serialize(answer)


def reservation(number: int) -> dict[str, Any]:
    """Return a reservation with one instance."""
    return {
        "ReservationId": f"r-{number:017x}",
        "OwnerId": "123456789012",
        "Groups": [],
        "Instances": [instance(number)],
    }


def instance(number: int) -> dict[str, Any]:
    """Return an instance as a launch with usual options makes it."""
    address = f"172.31.{number // 200}.{number % 200 + 4}"
    name = f"ip-{address.replace('.', '-')}.ec2.internal"
    group = {"GroupId": "sg-0123456789abcdef0", "GroupName": "default"}
    return {
        "InstanceId": f"i-{number:017x}",
        "ImageId": "ami-0123456789abcdef0",
        "State": {"Code": 16, "Name": "running"},
        "PrivateDnsName": name,
        "PublicDnsName": "",
        "StateTransitionReason": "",
        "KeyName": "key",
        "AmiLaunchIndex": 0,
        "ProductCodes": [],
        "InstanceType": "t3.micro",
        "LaunchTime": datetime(2026, 11, 21, 7, 44, tzinfo=UTC),
        "Placement": {"AvailabilityZone": "us-east-1a", "GroupName": "", "Tenancy": "default"},
        "Monitoring": {"State": "disabled"},
        "SubnetId": "subnet-0123456789abcdef0",
        "VpcId": "vpc-0123456789abcdef0",
        "PrivateIpAddress": address,
        "PublicIpAddress": "203.0.113.9",
        "SourceDestCheck": True,
        "SecurityGroups": [group],
        "Architecture": "x86_64",
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [],
        "VirtualizationType": "hvm",
        "Tags": [{"Key": "Name", "Value": f"web & {number}"}],
        "Hypervisor": "xen",
        "EbsOptimized": False,
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": f"eni-{number:017x}",
                "MacAddress": "02:00:00:00:00:01",
                "Status": "in-use",
                "PrivateIpAddress": address,
                "Groups": [group],
            }
        ],
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
        },
    }


LAUNCH = [
    ("Action", "RunInstances"),
    ("Version", "2016-11-15"),
    ("ImageId", "ami-0123456789abcdef0"),
    ("InstanceType", "t3.micro"),
    ("KeyName", "key"),
    ("MinCount", "1"),
    ("MaxCount", "1"),
    ("SecurityGroupId.1", "sg-0123456789abcdef0"),
    ("SubnetId", "subnet-0123456789abcdef0"),
    ("ClientToken", "d6a1b0f4-7b0c-4a55-9d0c-000000000000"),
    ("TagSpecification.1.ResourceType", "instance"),
    ("TagSpecification.1.Tag.1.Key", "Name"),
    ("TagSpecification.1.Tag.1.Value", "web"),
]

if __name__ == "__main__":
    main()
