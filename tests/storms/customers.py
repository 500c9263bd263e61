"""Customers of a lab's cloud: they ask with boto3, again when they hear nothing, and remember.

A customer is an account; its *hands* are threads that ask at once. Whatever has a client token is
sent again with it until it is answered. What was answered is a promise, to which the cloud is held
(`laws`); what nobody answered may have happened or not.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3.session
import botocore.config
import botocore.exceptions

from mallee.box import client as api
from tests.storms import marks
from tests.storms.schedule import Wish

PATIENCE_S = 25.0
"""How long a hand asks again and again."""
_CONFIG = botocore.config.Config(
    connect_timeout=3,
    read_timeout=8,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
)
_CALM_CONFIG = botocore.config.Config(
    connect_timeout=30, read_timeout=120, s3={"addressing_style": "path"}
)
_SECONDARY = 8
"""So many addresses are moved from guest to guest."""


class Fault(Exception):
    """The cloud said that it made a mistake."""


@dataclass(slots=True)
class Promises:
    """What a hand was told."""

    by_token: dict[str, list[tuple[str, ...]]] = field(default_factory=dict[str, Any])
    """What each answer with that token named."""
    given_back: set[str] = field(default_factory=set[str])
    """What was to be deleted, whatever was answered."""
    terminated: set[str] = field(default_factory=set[str])
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    ports: dict[int, bool | None] = field(default_factory=dict[int, bool | None])
    """Which were opened or closed; None: nobody knows."""
    answered: int = 0
    refused: int = 0
    given_up: int = 0
    migrating: int = 0
    """How many guests were said to go to another host."""


@dataclass(frozen=True, slots=True)
class Customer:
    """An account of the cloud, and what all of its hands know."""

    access: api.Access
    admin: api.Access
    endpoints: tuple[str, ...]
    """Of all front ends."""
    image_id: str
    group_ids: tuple[str, str]
    """Ports are opened and closed in the first one."""
    bucket: str
    subnet_id: str
    prefix: str
    """Of the addresses of the subnet, up to the last dot."""

    def calm_client(self, service: str) -> Any:
        """Return a client of the first front end for when the storm is over: nothing is lost any
        more, and a busy machine may take its time."""
        return self._client(service, self.access.endpoint, _CALM_CONFIG)

    def client(self, service: str, endpoint: str) -> Any:
        """Return a client of a front end that soon takes no answer for one that never comes."""
        return self._client(service, endpoint, _CONFIG)

    def _client(self, service: str, endpoint: str, config: botocore.config.Config) -> Any:
        # The default session is not for several threads.
        session: Any = boto3.session.Session(
            region_name=self.access.region,
            aws_access_key_id=self.access.access_key_id,
            aws_secret_access_key=self.access.secret_access_key,
        )
        return session.client(service, endpoint_url=endpoint, config=config)


class Hand(threading.Thread):
    """Asks for what is wished, one thing after the other."""

    def __init__(self, number: int, customer: Customer, wishes: tuple[Wish, ...]) -> None:
        super().__init__(name=f"hand {number}", daemon=True)
        self.number = number
        self.customer = customer
        self.promises = Promises()
        self.fault: Exception | None = None
        self._wishes = wishes
        self._turn = number
        ends = customer.endpoints
        self._ec2s = [customer.client("ec2", endpoint) for endpoint in ends]
        self._s3s = [customer.client("s3", endpoint) for endpoint in ends]
        self._began = time.monotonic()

    def run(self) -> None:
        """Ask for everything at its time, or later when what was before took longer."""
        self._began = time.monotonic()
        for wish in self._wishes:
            time.sleep(max(0.0, wish.at_s - (time.monotonic() - self._began)))
            try:
                self._do(wish, random.Random(wish.luck))
            except Exception as error:  # noqa: BLE001 - it is told, and ends the storm
                self.fault = error
                return

    def _do(self, wish: Wish, rng: random.Random) -> None:
        kinds: dict[str, Callable[[Wish, random.Random], None]] = {
            "run": self._run_instances,
            "terminate": self._terminate,
            "stop": self._power,
            "start": self._power,
            "reboot": self._power,
            "make a volume": self._make_volume,
            "attach": self._attach,
            "detach": self._detach,
            "delete a volume": self._delete_volume,
            "snapshot": self._snapshot,
            "restore": self._restore,
            "delete a snapshot": self._delete_snapshot,
            "allocate": self._allocate,
            "associate": self._associate,
            "release": self._release,
            "move an address": self._move_address,
            "change groups": self._change_groups,
            "open a port": self._open_port,
            "close a port": self._close_port,
            "put an object": self._put,
            "migrate": self._migrate,
        }
        kinds[wish.kind](wish, rng)

    @property
    def _ec2(self) -> Any:
        """The front end whose turn it is: the one that answered last."""
        return self._ec2s[self._turn % len(self._ec2s)]

    @property
    def _s3(self) -> Any:
        return self._s3s[self._turn % len(self._s3s)]

    def ask(self, operation: str, **asked: Any) -> dict[str, Any] | None:
        """Ask until there is an answer; None: it was refused, or never came."""
        return self._until(lambda: getattr(self._ec2, operation)(**asked))

    def _until(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = call()
            except botocore.exceptions.ClientError as error:
                if _is_away(error):
                    self._turn += 1
                    time.sleep(0.3)
                    continue
                if _is_mistake(error):
                    raise Fault(str(error)) from error
                self.promises.refused += 1
                return None
            except botocore.exceptions.BotoCoreError:
                self._turn += 1
                time.sleep(0.3)
                continue
            self.promises.answered += 1
            return answer
        self.promises.given_up += 1
        return None

    def _token(self, wish: Wish) -> str:
        return f"hand-{self.number}-{wish.luck}"

    # What is there, as the account is told

    def _instances(self) -> list[dict[str, Any]]:
        found = self.ask("describe_instances") or {"Reservations": []}
        all = [one for some in found["Reservations"] for one in some["Instances"]]
        return [one for one in all if one["State"]["Name"] not in ("terminated", "shutting-down")]

    def _some_instance(self, rng: random.Random) -> dict[str, Any] | None:
        found = self._instances()
        return rng.choice(found) if found else None

    def _some(self, rng: random.Random, operation: str, kind: str) -> dict[str, Any] | None:
        own = {"OwnerIds": ["self"]} if kind == "Snapshots" else {}
        found = (self.ask(operation, **own) or {kind: []})[kind]
        return rng.choice(found) if found else None

    def _volume(self, rng: random.Random) -> dict[str, Any] | None:
        return self._some(rng, "describe_volumes", "Volumes")

    # Wishes

    def _run_instances(self, wish: Wish, rng: random.Random) -> None:
        token, keeps = self._token(wish), rng.random() < 0.2
        asked: dict[str, Any] = {
            "ImageId": self.customer.image_id,
            "MinCount": 1,
            "MaxCount": rng.choice((1, 1, 2)),
            "InstanceType": "m1.small",
            "ClientToken": token,
            "SecurityGroupIds": [self.customer.group_ids[0]],
            "SubnetId": self.customer.subnet_id,
            "UserData": marks.WRITES,
        }
        if keeps:
            ebs = {"DeleteOnTermination": False}
            asked["BlockDeviceMappings"] = [{"DeviceName": "/dev/sda1", "Ebs": ebs}]
        for _ in range(2 if rng.random() < 0.3 else 1):
            # Somebody's script has crashed, and runs from its beginning.
            answer = self.ask("run_instances", **asked)
            if answer is not None:
                ids = tuple(one["InstanceId"] for one in answer["Instances"])
                self.promises.by_token.setdefault(token, []).append(ids)

    def _terminate(self, wish: Wish, rng: random.Random) -> None:
        one = self._some_instance(rng)
        if one and self.ask("terminate_instances", InstanceIds=[one["InstanceId"]]):
            self.promises.terminated.add(one["InstanceId"])

    def _power(self, wish: Wish, rng: random.Random) -> None:
        one = self._some_instance(rng)
        if one:
            more = {"Force": True} if wish.kind == "stop" and rng.random() < 0.3 else {}
            self.ask(f"{wish.kind}_instances", InstanceIds=[one["InstanceId"]], **more)

    def _make_volume(self, wish: Wish, rng: random.Random, snapshot: str = "") -> None:
        token = self._token(wish)
        zone = f"{self.customer.access.region}a"
        source: dict[str, Any] = {"SnapshotId": snapshot} if snapshot else {"Size": 1}
        if rng.random() < 0.25:
            source["Encrypted"] = True
        for _ in range(2 if rng.random() < 0.3 else 1):
            answer = self.ask("create_volume", AvailabilityZone=zone, ClientToken=token, **source)
            if answer is not None:
                self.promises.by_token.setdefault(token, []).append((answer["VolumeId"],))

    def _attach(self, wish: Wish, rng: random.Random) -> None:
        volume, instance = self._volume(rng), self._some_instance(rng)
        if volume and instance:
            asked = {"VolumeId": volume["VolumeId"], "InstanceId": instance["InstanceId"]}
            self.ask("attach_volume", Device=f"/dev/sd{rng.choice('fghij')}", **asked)

    def _detach(self, wish: Wish, rng: random.Random) -> None:
        volume = self._volume(rng)
        if volume:
            force = {"Force": True} if rng.random() < 0.2 else {}
            self.ask("detach_volume", VolumeId=volume["VolumeId"], **force)

    def _delete_volume(self, wish: Wish, rng: random.Random) -> None:
        volume = self._volume(rng)
        if volume:
            self.promises.given_back.add(volume["VolumeId"])
            self.ask("delete_volume", VolumeId=volume["VolumeId"])

    def _snapshot(self, wish: Wish, rng: random.Random) -> None:
        volume = self._volume(rng)
        if volume:
            self._snapshot_of(wish, volume["VolumeId"])

    def _snapshot_of(self, wish: Wish, volume_id: str) -> None:
        answer = self.ask("create_snapshot", VolumeId=volume_id)
        if answer is not None:
            self.promises.by_token[self._token(wish)] = [(answer["SnapshotId"],)]

    def _restore(self, wish: Wish, rng: random.Random) -> None:
        snapshot = self._some(rng, "describe_snapshots", "Snapshots")
        if snapshot:
            self._make_volume(wish, rng, snapshot["SnapshotId"])

    def _delete_snapshot(self, wish: Wish, rng: random.Random) -> None:
        snapshot = self._some(rng, "describe_snapshots", "Snapshots")
        if snapshot:
            self.promises.given_back.add(snapshot["SnapshotId"])
            self.ask("delete_snapshot", SnapshotId=snapshot["SnapshotId"])

    def _allocate(self, wish: Wish, rng: random.Random) -> None:
        answer = self.ask("allocate_address", Domain="vpc")
        if answer is not None:
            self.promises.by_token[self._token(wish)] = [(answer["AllocationId"],)]

    def _associate(self, wish: Wish, rng: random.Random) -> None:
        address = self._some(rng, "describe_addresses", "Addresses")
        one = self._some_instance(rng)
        if address and one:
            asked = {"AllocationId": address["AllocationId"], "InstanceId": one["InstanceId"]}
            self.ask("associate_address", AllowReassociation=rng.random() < 0.7, **asked)

    def _release(self, wish: Wish, rng: random.Random) -> None:
        address = self._some(rng, "describe_addresses", "Addresses")
        if address:
            self.promises.given_back.add(address["AllocationId"])
            self.ask("release_address", AllocationId=address["AllocationId"])

    def _move_address(self, wish: Wish, rng: random.Random) -> None:
        one = self._some_instance(rng)
        if one and one["NetworkInterfaces"]:
            self.ask(
                "assign_private_ip_addresses",
                NetworkInterfaceId=one["NetworkInterfaces"][0]["NetworkInterfaceId"],
                PrivateIpAddresses=[f"{self.customer.prefix}.{200 + rng.randrange(_SECONDARY)}"],
                AllowReassignment=True,
            )

    def _change_groups(self, wish: Wish, rng: random.Random) -> None:
        one = self._some_instance(rng)
        if one:
            first, second = self.customer.group_ids
            groups = rng.choice(((first,), (second,), (first, second)))
            self.ask("modify_instance_attribute", InstanceId=one["InstanceId"], Groups=groups)

    def _open_port(self, wish: Wish, rng: random.Random) -> None:
        # Neighbours would be shown as one range.
        port = 20_000 + self.number * 10_000 + 7 * len(self.promises.ports)
        self.promises.ports[port] = None
        if self._change_rule("authorize_security_group_ingress", port):
            self.promises.ports[port] = True

    def _close_port(self, wish: Wish, rng: random.Random) -> None:
        known = [port for port, is_open in self.promises.ports.items() if is_open]
        if known:
            port = rng.choice(known)
            self.promises.ports[port] = None
            if self._change_rule("revoke_security_group_ingress", port):
                self.promises.ports[port] = False

    def _change_rule(self, operation: str, port: int) -> bool:
        """Open or close a port; what was asked twice may arrive twice, so nothing is said of it."""
        ranges = [{"CidrIp": "0.0.0.0/0"}]
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}
        tries: list[str] = []

        def change() -> dict[str, Any]:
            tries.append(operation)
            asked = {"GroupId": self.customer.group_ids[0], "IpPermissions": [rule]}
            return getattr(self._ec2, operation)(**asked)

        return self._until(change) is not None and len(tries) == 1

    def _put(self, wish: Wish, rng: random.Random) -> None:
        key, body = self._token(wish), rng.randbytes(rng.choice((10, 3000, 200_000)))
        asked = {"Bucket": self.customer.bucket, "Key": key, "Body": body}
        if self._until(lambda: self._s3.put_object(**asked)) is not None:
            self.promises.objects[key] = body

    def _migrate(self, wish: Wish, rng: random.Random) -> None:
        one = self._some_instance(rng)
        if one:
            try:
                asked = {"InstanceId": one["InstanceId"]}
                api.call(self.customer.admin, "mallee", "MigrateInstance", asked)
                self.promises.migrating += 1
            except (api.Refused, api.Unreachable):
                self.promises.refused += 1
                return
            disks = [it["Ebs"]["VolumeId"] for it in one["BlockDeviceMappings"] if "Ebs" in it]
            if disks and rng.random() < 0.5:
                # While it is on its way.
                self._snapshot_of(wish, rng.choice(disks))


def _is_away(error: botocore.exceptions.ClientError) -> bool:
    return _status(error) == 503


def _is_mistake(error: botocore.exceptions.ClientError) -> bool:
    response: Any = error.response
    code = str(response.get("Error", {}).get("Code"))
    is_shortage = "Insufficient" in code or "Unavailable" in code
    return _status(error) >= 500 and not is_shortage


def _status(error: botocore.exceptions.ClientError) -> int:
    response: Any = error.response
    return response["ResponseMetadata"]["HTTPStatusCode"]
