"""Instances that become bundles: whose policy counts, what is told, and nothing left of it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import bundlefiles, transferring
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.layout import Layout
from mallee.model.storage.transfers import DiskSeen, Phase, TransferSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.images.test_imports import settle, told
from tests.cloud.ec2.storage.test_roots import launch
from tests.cloud.ec2.storage.test_snapshots import GIB, Cutting
from tests.cloud.ec2.world import SECRET, FakeHost, Front, World

SOON = "2999-01-01T00:00:00Z"
CONDITIONS: list[Any] = [
    {"bucket": "disks"},
    {"acl": "ec2-bundle-read"},
    ["starts-with", "$key", "b/"],
]
Storage = Callable[..., dict[str, Any]]


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


@pytest.fixture
def storage(world: World) -> Storage:
    """Gives where a bundle shall go, as tools sign it for Alice."""
    (key,) = world.store.view.list(records.ACCESS_KEY, world.accounts["alice"])

    def make(
        conditions: list[Any] = CONDITIONS,
        expiration: str = SOON,
        secret: str = SECRET,
        **more: Any,
    ) -> dict[str, Any]:
        document = {"expiration": expiration, "conditions": conditions}
        policy = json.dumps(document).encode()
        mac = hmac.new(secret.encode(), base64.b64encode(policy), hashlib.sha1).digest()
        said = {
            "AWSAccessKeyId": key.id,
            "Bucket": "disks",
            "Prefix": "b/it",
            "UploadPolicy": policy,
            "UploadPolicySignature": base64.b64encode(mac).decode(),
        }
        return {"S3": said | more}

    return make


def bundle(ec2: Any, cutting: Cutting, instance: str, storage: dict[str, Any]) -> dict[str, Any]:
    cutting.next()
    return ec2.bundle_instance(InstanceId=instance, Storage=storage)["BundleTask"]


def described(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_bundle_tasks(BundleIds=[id])["BundleTasks"][0]


def snapshots_of(ec2: Any) -> list[str]:
    return [one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]]


def test_an_instance_becomes_a_bundle(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, storage: Storage
) -> None:
    instance, root = launch(alice, host, VolumeSize=3)
    task = bundle(alice, cutting, instance, storage())
    id = task["BundleId"]
    assert id.startswith("bun-")
    assert cutting.asked[0].snapshots.keys() == {root}
    assert (task["State"], task["Progress"]) == ("pending", "0%")
    shown = task["Storage"]["S3"]
    assert (shown["Bucket"], shown["Prefix"]) == ("disks", "b/it")
    assert not shown.keys() & {"UploadPolicy", "UploadPolicySignature"}
    (snapshot,) = snapshots_of(alice)
    cutting.brings(snapshot, root="ab" * 32, size_bytes=3 * GIB)
    settle(world, id)
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.out is not None
    assert wanted.out.object.key == "b/it"
    for words, state in (("bundling", "bundling"), ("uploading", "storing")):
        disk = DiskSeen(words=words)
        told(world, host, id, TransferSeen(phase=Phase.WORKING, words=words, disks=(disk,)))
        assert described(alice, id)["State"] == state
    told(world, host, id, TransferSeen(phase=Phase.DONE, percent=100))
    alice.get_waiter("bundle_task_complete").wait(BundleIds=[id])
    assert described(alice, id)["Progress"] == "100%"
    assert snapshots_of(alice) == []
    by_prefix = [{"Name": "s3-prefix", "Values": ["b/it"]}]
    assert [
        one["BundleId"] for one in alice.describe_bundle_tasks(Filters=by_prefix)["BundleTasks"]
    ] == [id]
    assert refusal(alice.cancel_bundle_task, BundleId=id) == "IncorrectState"


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        ({"secret": "another one"}, "AuthFailure"),
        ({"AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, "AuthFailure"),
        ({"UploadPolicySignature": "AAAA"}, "AuthFailure"),
        ({"UploadPolicy": b'{"expiration":"2999-01-01T00:00:00Z","conditions":[]}'}, "AuthFailure"),
        ({"expiration": "2001-01-01T00:00:00Z"}, "InvalidParameterValue"),
        ({"expiration": "some day"}, "InvalidParameterValue"),
        ({"conditions": []}, "InvalidParameterValue"),
        ({"conditions": [{"bucket": "other"}, *CONDITIONS[1:]]}, "InvalidParameterValue"),
        ({"conditions": [*CONDITIONS[:2], ["starts-with", "$key", "c/"]]}, "InvalidParameterValue"),
        (
            {"conditions": [*CONDITIONS, ["content-length-range", 0, 1000]]},
            "InvalidParameterValue",
        ),
        ({"Bucket": "other"}, "InvalidParameterValue"),
        ({"Prefix": "b/"}, "InvalidParameterValue"),
        ({"Prefix": "b/a name"}, "InvalidParameterValue"),
        ({"Prefix": "elsewhere"}, "InvalidParameterValue"),
        ({"UploadPolicySignature": ""}, "MissingParameter"),
    ],
)
def test_what_a_policy_does_not_permit_is_not_begun(
    alice: Any, host: FakeHost, world: World, storage: Storage, forged: dict[str, Any], code: str
) -> None:
    """No host is asked for a cut: it would never answer here."""
    instance, _ = launch(alice, host, VolumeSize=3)
    asked = {"InstanceId": instance, "Storage": storage(**forged)}
    assert refusal(alice.bundle_instance, **asked) == code
    assert alice.describe_bundle_tasks()["BundleTasks"] == []


def test_another_accounts_key_signs_nothing(
    alice: Any, bob: Any, host: FakeHost, world: World, storage: Storage
) -> None:
    instance, _ = launch(bob, host)
    assert refusal(bob.bundle_instance, InstanceId=instance, Storage=storage()) == "AuthFailure"


def test_a_key_that_was_switched_off_signs_nothing(
    alice: Any, host: FakeHost, world: World, storage: Storage, front: Front
) -> None:
    iam = front.client("alice", "iam")
    made = iam.create_access_key(UserName=iam.get_user()["User"]["UserName"])["AccessKey"]
    given = {"secret": made["SecretAccessKey"], "AWSAccessKeyId": made["AccessKeyId"]}
    iam.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
    instance, _ = launch(alice, host, VolumeSize=3)
    asked = {"InstanceId": instance, "Storage": storage(**given)}
    assert refusal(alice.bundle_instance, **asked) == "AuthFailure"


def test_a_bundle_is_called_off(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, storage: Storage
) -> None:
    instance, _ = launch(alice, host, VolumeSize=3)
    id = bundle(alice, cutting, instance, storage())["BundleId"]
    assert alice.cancel_bundle_task(BundleId=id)["BundleTask"]["State"] == "cancelling"
    settle(world, id)
    task = described(alice, id)
    assert (task["State"], task["BundleTaskError"]["Code"]) == ("failed", "Client.Cancelled")
    assert snapshots_of(alice) == []


def test_an_instance_is_bundled_once_at_a_time(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, storage: Storage
) -> None:
    instance, _ = launch(alice, host, VolumeSize=3)
    first = bundle(alice, cutting, instance, storage())["BundleId"]
    asked = {"InstanceId": instance, "Storage": storage()}
    assert refusal(alice.bundle_instance, **asked) == "BundlingInProgress"
    alice.cancel_bundle_task(BundleId=first)
    settle(world, first)
    assert bundle(alice, cutting, instance, storage())["State"] == "pending"


def test_a_host_may_put_the_bundle_alone_and_no_longer_than_the_policy_says(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, storage: Storage, tmp_path: Any
) -> None:
    instance, _ = launch(alice, host, VolumeSize=3)
    id = bundle(alice, cutting, instance, storage())["BundleId"]
    (snapshot,) = snapshots_of(alice)
    cutting.brings(snapshot, root="ab" * 32, size_bytes=3 * GIB)
    settle(world, id)
    record = tasks.find(world.store.view, id)
    assert record is not None
    rights = json.loads(transferring.rights(record.doc))
    (statement,) = rights["Statement"]
    assert statement["Resource"] == [
        "arn:aws:s3:::disks/b/it.part.*",
        "arn:aws:s3:::disks/b/it.manifest.xml",
    ]
    layout = Layout(tmp_path)
    layout.cloud_pki.mkdir(parents=True)
    files, box, times = bundlefiles.BundleFiles(layout), secretbox.SecretBox(bytes(32)), [1e9]
    answers = transferring.Transfers(
        world.store, box, "us-east-1", lambda: 1, files, lambda: times[0]
    )
    given = answers.give(host.id, id)
    assert given.certificate.startswith("-----BEGIN CERTIFICATE-----")
    times[0] = record.doc.access_ends_at - 5
    assert answers.give(host.id, id).expires_at == record.doc.access_ends_at
    times[0] += 5
    with pytest.raises(refusals.Refused, match="expired"):
        answers.give(host.id, id)


def test_a_bundle_is_its_accounts_alone(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting, storage: Storage
) -> None:
    instance, _ = launch(alice, host, VolumeSize=3)
    id = bundle(alice, cutting, instance, storage())["BundleId"]
    assert refusal(bob.describe_bundle_tasks, BundleIds=[id]) == "InvalidBundleID.NotFound"
    assert refusal(bob.cancel_bundle_task, BundleId=id) == "InvalidBundleID.NotFound"
    assert bob.describe_bundle_tasks()["BundleTasks"] == []
