"""S3 from inside guests: through the gateway of their host, with the credentials of their role.

The gateway and its way to the cloud are the real ones; the tap that says who speaks is not here.
"""

import asyncio
import contextlib
import io
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from mallee.cloud import http
from mallee.cloud.state import records
from mallee.model.compute.guestrequests import Whence
from mallee.model.hosts.hosts import CredentialsRequest, RoleCredentials, SyncRequest
from mallee.model.images.images import Blob, Image
from mallee.model.layout import Layout
from mallee.node import cloud as node_cloud
from mallee.node.membership import JoinToken
from mallee.node.metadata import gateway
from tests.cloud.agent import FACTS
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3
from tests.cloud.s3.wire import Wire
from tests.cloud.signing import Sender

IMAGE_ID = "ami-0123456789abcdef0"
BIG = os.urandom(20 << 20)
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Host:
    """An agent's gateway, in a loop of its own, and the sockets that stand for taps."""

    def __init__(self, cloud: RunningS3, root: Path, name: str) -> None:
        self.layout = Layout(root)
        self.layout.node.mkdir(parents=True)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        answer = Sender(cloud.port, cloud.admin).ask("mallee", "CreateJoinToken")
        url = f"https://127.0.0.1:{cloud.agents_port}"
        said = (answer.element("Token"), answer.element("CaCertificate"))
        token = JoinToken(url=url, token=said[0], ca_pem=said[1])
        self.host_id, self.door = self.run(self._join(token, name))
        self._servers: list[asyncio.Server] = []

    def run(self, work: Any) -> Any:
        """Run something in the agent's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def open(self, instance: str, endpoint: str = "") -> int:
        """Serve a guest, as the tap and its way say that it is; return the port."""
        return self.run(self._open(Whence(instance_id=instance, endpoint_id=endpoint)))

    def speak(self) -> None:
        """Be heard."""
        said = SyncRequest(known_generation=0, wait_s=0, facts=FACTS)
        self.run(self.door.sync(said))

    def close(self) -> None:
        """End."""
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _join(self, token: JoinToken, name: str) -> tuple[str, node_cloud.Cloud]:
        membership = await node_cloud.join(self.layout, token, name)
        door = node_cloud.Cloud(self.layout, membership)
        return membership.host_id, door

    async def _open(self, whence: Whence) -> int:
        passing = gateway.Gateway(self.door)
        turns = asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            caller = gateway.Caller(whence, turns)
            try:
                async with asyncio.timeout(None) as patience:
                    while await passing.pass_on(caller, reader, writer, patience):
                        pass
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.transport.abort()
            finally:
                writer.close()

        limit = gateway.HEAD_BYTES_MAX
        server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=limit)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        await self.door.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass
class World:
    cloud: RunningS3
    host: Host
    instance: str
    port: int
    """Where the guest reaches the API."""
    elsewhere: int
    """Where a host serves it that has no such guest."""

    def credentials(self) -> RoleCredentials:
        """What the guest has of its role."""
        asked = CredentialsRequest(instance_ids=(self.instance,))
        return self.host.run(self.host.door.fetch_credentials(asked)).credentials[self.instance]

    def client(self, port: int = 0, **options: Any) -> Any:
        """A client in the guest, with the credentials of its role."""
        held = self.credentials()
        make: Any = boto3.client
        return make(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port or self.port}",
            region_name="us-east-1",
            aws_access_key_id=held.access_key_id,
            aws_secret_access_key=held.secret_access_key,
            aws_session_token=held.token,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **options),
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cloud with two hosts, and an instance with a role that may use S3 from its VPC alone."""
    with running.fresh() as cloud:
        hosts = [
            Host(cloud, tmp_path_factory.mktemp("host"), name) for name in ("host-1", "host-2")
        ]
        instance = _launch(cloud, hosts)
        record = cloud.store.view.get(records.INSTANCE, instance)
        assert record is not None
        _give_role(cloud, record.doc.vpc_id)
        cloud.s3().create_bucket(Bucket="bucket")
        hosts.sort(key=lambda host: host.host_id != record.doc.host_id)
        ports = [host.open(instance) for host in hosts]
        yield World(cloud, hosts[0], instance, *ports)
        for host in hosts:
            host.close()


def _launch(cloud: RunningS3, hosts: list[Host]) -> str:
    blob = Blob(sha256="0" * 64, size_bytes=1 << 20, format="qcow2")
    about = {"name": "image", "kind": "machine", "location": "image", "is_public": True}
    image = Image(id=IMAGE_ID, blob=blob, disk_gib=1, created_at=0.0, **about)
    account = cloud.admin["account_id"]
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    iam = cloud.client("iam")
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=document(TRUST))
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    for host in hosts:
        host.speak()
    made = cloud.client("ec2").run_instances(
        ImageId=IMAGE_ID, MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "web"}
    )
    return made["Instances"][0]["InstanceId"]


def _give_role(cloud: RunningS3, vpc: str) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceVpc": vpc}},
    }
    cloud.client("iam").put_role_policy(
        RoleName="web", PolicyName="s3", PolicyDocument=document(allowed)
    )


def test_objects_of_any_size_go_there_and_back(world: World) -> None:
    client = world.client()
    client.put_object(Bucket="bucket", Key="small", Body=b"small")
    assert client.get_object(Bucket="bucket", Key="small")["Body"].read() == b"small"
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    client.upload_fileobj(io.BytesIO(BIG), "bucket", "big", Config=config)
    back = io.BytesIO()
    client.download_fileobj("bucket", "big", back, Config=config)
    assert back.getvalue() == BIG
    client.put_object(Bucket="bucket", Key="whole", Body=BIG)
    assert client.get_object(Bucket="bucket", Key="whole")["Body"].read() == BIG
    listed = client.list_objects_v2(Bucket="bucket")["Contents"]
    assert {one["Key"] for one in listed} == {"small", "big", "whole"}


def test_it_is_the_vpc_that_it_comes_from(world: World) -> None:
    front = world.client(world.cloud.port)
    with pytest.raises(ClientError, match="AccessDenied"):
        front.list_objects_v2(Bucket="bucket")
    assert world.client().list_objects_v2(Bucket="bucket")["KeyCount"] >= 0


def test_nobody_at_the_front_door_says_that_he_is_a_guest(world: World) -> None:
    """Not even in the form in which connections of guests change hands."""
    held = world.credentials()
    key = {"access_key_id": held.access_key_id, "secret_access_key": held.secret_access_key}
    record = world.cloud.store.view.get(records.INSTANCE, world.instance)
    assert record is not None
    named = http.Guest(record.id, record.account, record.doc.vpc_id, "10.0.0.4")
    name = msgspec.json.encode(named)
    with Wire(world.cloud.port, key) as wire:
        token = {"x-amz-security-token": held.token}
        head = wire.head("GET", "/bucket?list-type=2", token)
        wire.send(b"\0" + len(name).to_bytes(4, "big") + name + head)
        assert wire.reply().status == 400


def test_links_work_for_whoever_has_them_in_the_guest(world: World) -> None:
    client = world.client(signature_version="s3v4")
    client.put_object(Bucket="bucket", Key="small", Body=b"small")
    asked = {"Bucket": "bucket", "Key": "small"}
    link = client.generate_presigned_url("get_object", asked, ExpiresIn=60)
    with urllib.request.urlopen(link, timeout=120) as answer:
        assert answer.read() == b"small"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.partition("?")[0], timeout=120)
    put = client.generate_presigned_url("put_object", asked, ExpiresIn=60)
    request = urllib.request.Request(put, data=b"linked", method="PUT")
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200


def test_an_endpoints_policy_is_the_most_that_may_be_asked_there(world: World) -> None:
    record = world.cloud.store.view.get(records.INSTANCE, world.instance)
    assert record is not None
    ec2 = world.cloud.client("ec2")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:List*", "Resource": "*"}
    made = ec2.create_vpc_endpoint(
        VpcId=record.doc.vpc_id,
        ServiceName="com.amazonaws.us-east-1.s3",
        PolicyDocument=document(statement),
    )
    id = made["VpcEndpoint"]["VpcEndpointId"]
    client = world.client(world.host.open(world.instance, id))
    assert client.list_objects_v2(Bucket="bucket")["KeyCount"] >= 0
    with pytest.raises(ClientError, match="no VPC endpoint policy allows"):
        client.put_object(Bucket="bucket", Key="small", Body=b"small")
    world.client().put_object(Bucket="bucket", Key="small", Body=b"small")
    ec2.modify_vpc_endpoint(VpcEndpointId=id, ResetPolicy=True)
    client.put_object(Bucket="bucket", Key="small", Body=b"small")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
    with pytest.raises(ClientError):
        world.client(world.host.open(world.instance, id)).list_objects_v2(Bucket="bucket")


def test_a_host_without_that_guest_brings_nothing(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        world.client(world.elsewhere).list_objects_v2(Bucket="bucket")
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"


def test_a_connection_to_s3_is_no_way_to_other_services(world: World) -> None:
    """Whoever asks another one on it has to come anew: there its name would be lost."""
    with socket.create_connection(("127.0.0.1", world.port), timeout=120) as guest:
        guest.sendall(b"GET /bucket/small HTTP/1.1\r\nHost: h\r\n\r\n")
        first = b""
        while b"</Error>" not in first:
            first += guest.recv(65536)
        assert b" 403 " in first.partition(b"\r\n")[0]
        guest.sendall(b"POST /?Action=GetCallerIdentity HTTP/1.1\r\nHost: h\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert guest.recv(65536) == b""


def test_other_services_are_where_they_were(world: World) -> None:
    sts: Any = boto3.client(
        "sts",
        endpoint_url=f"http://127.0.0.1:{world.port}",
        region_name="us-east-1",
        aws_access_key_id=world.cloud.admin["access_key_id"],
        aws_secret_access_key=world.cloud.admin["secret_access_key"],
    )
    assert sts.get_caller_identity()["Account"] == world.cloud.admin["account_id"]


def test_a_transfer_outlives_the_certificate_that_it_began_under(world: World) -> None:
    client = world.client()
    client.put_object(Bucket="bucket", Key="whole", Body=BIG)
    body = client.get_object(Bucket="bucket", Key="whole")["Body"]
    first = body.read(1 << 20)
    world.host.run(world.host.door.renew_if_due(time.time() + 100 * 365 * 86400))
    assert client.head_object(Bucket="bucket", Key="whole")["ContentLength"] == len(BIG)
    assert first + body.read() == BIG


def test_a_guest_that_goes_leaves_nothing_behind(world: World) -> None:
    client = world.client()
    client.put_object(Bucket="bucket", Key="whole", Body=BIG)
    link = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "whole"})
    target = link.removeprefix(f"http://127.0.0.1:{world.port}")
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", world.port), timeout=120) as guest:
            host = f"127.0.0.1:{world.port}"
            guest.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert guest.recv(100).startswith(b"HTTP/1.1 200")
    assert client.get_object(Bucket="bucket", Key="whole")["Body"].read() == BIG
