"""S3 at every front end's own address: those that have no objects bring it to the one that has."""

import hashlib
import http.client
import tempfile
import time
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from mallee.kit import files, pki
from tests import postgresql
from tests.cloud.agent import Agent
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

pytestmark = pytest.mark.postgres

LARGE = 12 << 20
REFUSED_WITHIN_S = 1.0
"""Who is not waited for is refused sooner."""
PARCEL = f"fl-{'0' * 17}.1700000000.{'0' * 16}.gz"
OBJECTS = "/v1/frontends/objects?sender=%7B%22peer%22%3A%22192.0.2.9%22%7D"


@pytest.fixture(scope="module")
def two(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """The front end that has the objects, and one that has not, with their processes of S3."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
        standing.two(Path(home), url) as all,
    ):
        for one in all:
            one.start_s3()
        for one in all:
            one.wait_s3()
        yield all


def test_an_object_is_one_at_all_front_ends(two: list[FrontEnd]) -> None:
    here, there = (one.client("s3") for one in two)
    there.create_bucket(Bucket="shared")
    there.put_object(Bucket="shared", Key="small", Body=b"words")
    assert here.get_object(Bucket="shared", Key="small")["Body"].read() == b"words"
    assert there.get_object(Bucket="shared", Key="small")["Body"].read() == b"words"
    here.delete_object(Bucket="shared", Key="small")
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchKey"):
        there.get_object(Bucket="shared", Key="small")


def test_large_bodies_pass_whole_both_ways(two: list[FrontEnd]) -> None:
    there = two[1].client("s3")
    there.create_bucket(Bucket="large")
    body = hashlib.shake_128(b"large").digest(LARGE)
    there.put_object(Bucket="large", Key="k", Body=body)
    assert there.get_object(Bucket="large", Key="k")["Body"].read() == body
    part = there.get_object(Bucket="large", Key="k", Range="bytes=5-9")
    assert part["Body"].read() == body[5:10]


def test_policies_see_the_client_and_not_the_front_end(two: list[FrontEnd]) -> None:
    there: Any = two[1].client("s3")
    there.create_bucket(Bucket="near")
    there.put_object(Bucket="near", Key="k", Body=b"")
    allowed = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
        '"Action":"s3:GetObject","Resource":"arn:aws:s3:::near/*",'
        '"Condition":{"IpAddress":{"aws:SourceIp":"%s"}}}]}'
    )
    there.delete_public_access_block(Bucket="near")
    there.put_bucket_policy(Bucket="near", Policy=allowed % "127.0.0.1/32")
    assert _get(two[1], "/near/k") == 200
    there.put_bucket_policy(Bucket="near", Policy=allowed % "127.0.0.2/32")
    assert _get(two[1], "/near/k") == 403


def test_a_kept_connection_serves_many_requests(two: list[FrontEnd]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", two[1].configured.ports.services, 60)
    for number in range(20):
        connection.request("GET", f"/none-{number}/k")
        answer = connection.getresponse()
        assert (answer.status, b"<Code>" in answer.read()) in ((403, True), (404, True))
    connection.close()


def test_away_is_said_in_s3_s_words_and_nothing_is_done(two: list[FrontEnd]) -> None:
    there: Any = two[1].client("s3")
    there.create_bucket(Bucket="later")
    two[0].kill_s3()
    there = two[1].client("s3", standing.SETTLED_S)
    with pytest.raises(botocore.exceptions.ClientError, match="ServiceUnavailable"):
        there.put_object(Bucket="later", Key="k", Body=b"1")
    two[0].start_s3()
    two[0].wait_s3()
    assert there.list_objects_v2(Bucket="later")["KeyCount"] == 0


def test_a_start_of_who_has_the_objects_is_waited_for(two: list[FrontEnd]) -> None:
    there: Any = two[1].client("s3", standing.SETTLED_S)
    there.create_bucket(Bucket="awaited")
    doors = [path for path in two[0].layout.cloud.glob("s3*.door") if path.is_socket()]
    there = two[1].client("s3", standing.SETTLED_S)
    with ThreadPoolExecutor(1) as asking:
        for door in doors:
            door.rename(door.with_suffix(".shut"))
        asked = asking.submit(there.list_objects_v2, Bucket="awaited")
        assert futures.wait([asked], REFUSED_WITHIN_S).not_done
        for door in doors:
            door.with_suffix(".shut").rename(door)
        assert asked.result(standing.SETTLED_S)["KeyCount"] == 0


def test_lines_of_flow_logs_go_where_they_become_objects(two: list[FrontEnd]) -> None:
    here, there = (one.layout.flow_inbox for one in two)
    name = f"host-{'0' * 17}~{PARCEL}"
    there.mkdir(exist_ok=True)
    files.write_atomically(there / name, b"lines")
    deadline = time.monotonic() + standing.START_S
    while not (here / name).exists():
        assert time.monotonic() < deadline, "the lines were not brought"
        time.sleep(0.02)
    assert (here / name).read_bytes() == b"lines"
    while (there / name).exists():
        assert time.monotonic() < deadline, "the lines are still here"
        time.sleep(0.02)


def test_what_a_bucket_holds_is_told_by_all(two: list[FrontEnd]) -> None:
    there = two[1].client("s3")
    there.create_bucket(Bucket="held")
    there.put_object(Bucket="held", Key="k", Body=b"12345")
    deadline = time.monotonic() + standing.START_S
    for one in two:
        while "<Bytes>5</Bytes>" not in one.sender().ask("mallee", "DescribeBuckets").text:
            assert time.monotonic() < deadline, "it is not told"
            time.sleep(0.1)


def test_who_serves_and_whose_settings_differ_is_told_by_all(two: list[FrontEnd]) -> None:
    for one in two:
        text = one.sender().ask("mallee", "DescribeFrontEnds").text
        assert text.count("<ServesObjects>true") == 1
        assert "<SettingsDiffer>true" not in text


def test_nobody_else_brings_connections(two: list[FrontEnd]) -> None:
    ca_pem = two[0].sender().ask("mallee", "CreateJoinToken").element("CaCertificate")
    stranger = Agent(two[0].configured.ports.agents, ca_pem)
    assert stranger.call("GET", OBJECTS)[0] == 401
    host = Agent(two[0].configured.ports.agents, ca_pem)
    token = two[0].sender().ask("mallee", "CreateJoinToken").element("Token")
    assert host.join(token)[0] == 200
    assert host.call("GET", OBJECTS)[0] == 403
    flows = "/v1/frontends/flows/host-1~x"
    assert host.post(flows, {})[0] == 403
    # One that was never let in has a certificate of the cloud's, and no record.
    text = (two[0].layout.cloud_pki / "authority.pem").read_bytes()
    authority = pki.load_authority(text, text)
    request = pki.make_request("x")
    grant = pki.Grant(name="fe-00000000000000000", now=time.time(), life_s=60.0)
    forger = Agent(two[0].configured.ports.agents, ca_pem)
    forger.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    assert forger.call("GET", OBJECTS)[0] == 403


def test_two_stores_of_one_cloud_s_objects_are_refused(two: list[FrontEnd]) -> None:
    third = standing.join(two[0].layout.root.parent / "fe2", two[0], "third")
    third.configured = two[0].configured
    text = third.layout.settings.read_text()
    third.layout.settings.write_text(text.replace("elsewhere", "local"))
    third.start()
    assert third.process is not None
    assert third.process.wait(standing.START_S) == 1
    assert "has the objects of this cloud" in (third.layout.root / "out").read_text()


def _get(front_end: FrontEnd, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", front_end.configured.ports.services, 60)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
