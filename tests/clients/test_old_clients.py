"""Clients of Eucalyptus' days: SigV2 by hand, the old path and version, ids with `e`."""

import base64
import datetime
import hashlib
import hmac
import http.client
import urllib.parse
import xml.etree.ElementTree as xml
from collections.abc import Mapping

import pytest

from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

PATH = "/services/compute"
VERSION = "2009-11-30"


def ask(cloud: Cloud, method: str, **parameters: str) -> tuple[int, xml.Element]:
    """Send a request as euca2ools 2 did; return status and answer."""
    where = urllib.parse.urlsplit(cloud.access.endpoint)
    signed = _signed(cloud, method, where.netloc, parameters)
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    try:
        if method == "GET":
            connection.request("GET", f"{PATH}?{signed}")
        else:
            kind = "application/x-www-form-urlencoded; charset=UTF-8"
            connection.request("POST", PATH, signed, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, xml.fromstring(answer.read())
    finally:
        connection.close()


def _signed(cloud: Cloud, method: str, host: str, parameters: Mapping[str, str]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    said = {
        **parameters,
        "AWSAccessKeyId": cloud.access.access_key_id,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": VERSION,
    }
    query = "&".join(
        f"{urllib.parse.quote(name, safe='-_~')}={urllib.parse.quote(said[name], safe='-_~')}"
        for name in sorted(said)
    )
    text = f"{method}\n{host}\n{PATH}\n{query}".encode()
    secret = cloud.access.secret_access_key.encode()
    signature = base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()
    return f"{query}&Signature={urllib.parse.quote(signature, safe='')}"


def texts(answer: xml.Element, name: str) -> list[str]:
    """The texts of all elements of a name, whatever the answer's namespace."""
    return [found.text or "" for found in answer.iterfind(f".//{{*}}{name}")]


def test_an_instance_lives_by_old_requests(cloud: Cloud) -> None:
    image = cloud.image().replace("ami-", "emi-")
    status, made = ask(
        cloud,
        "POST",
        Action="RunInstances",
        ImageId=image,
        InstanceType="m1.small",
        MinCount="1",
        MaxCount="1",
    )
    assert status == 200, xml.tostring(made)
    [instance] = texts(made, "instanceId")
    try:
        assert made.tag.endswith("}RunInstancesResponse")
        status, shown = ask(cloud, "GET", Action="DescribeInstances", **{"InstanceId.1": instance})
        assert status == 200
        assert texts(shown, "instanceId") == [instance]
        assert texts(shown, "imageId") == [cloud.image()]
    finally:
        status, _ = ask(cloud, "GET", Action="TerminateInstances", **{"InstanceId.1": instance})
        cloud.wait_state(instance, "terminated")
    assert status == 200


def test_an_old_client_is_refused_in_words_it_knows(cloud: Cloud) -> None:
    status, refused = ask(
        cloud, "GET", Action="DescribeInstances", **{"InstanceId.1": "i-12345678"}
    )
    assert status == 400
    assert refused.tag == "Response"
    assert texts(refused, "Code") == ["InvalidInstanceID.NotFound"]
    status, refused = ask(cloud, "GET", Action="DescribeReservedInstances")
    assert status == 400
    assert texts(refused, "Code") == ["UnsupportedOperation"]
