"""Whose a request is: told by its first bytes."""

import pytest

from mallee.aws import dispatch

V4 = "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/{}/aws4_request, Sign"


def request(line: str, *headers: str) -> bytes:
    lines = (f"{line} HTTP/1.1", *(headers or ("Host: 127.0.0.1:8773",)), "", "")
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "head",
    [
        request("GET /", "Host: h", V4.format("s3")),
        request(
            "GET /?X-Amz-Credential=AKIA%2F20261121%2Fus-east-1%2Fs3%2Faws4_request", "Host: h"
        ),
        request("GET /", "Host: h", "authorization: AWS AKIA:c2lnbmF0dXJl"),
        request("GET /?AWSAccessKeyId=AKIA&Expires=1&Signature=x"),
        request("GET /", "Host: s3.us-east-1.example.org"),
        request("GET /", "host: bucket.s3.example.org:8773"),
        request("GET /", "HOST: my.own.bucket.S3.localhost"),
        request("GET /", "Host: bucket.s3-website.example.org"),
        request("GET /", "Host: objectstorage.example.org"),
        request("GET /services/objectstorage", "Host: h"),
        request("PUT /services/Walrus/bucket/key"),
        request("GET /", "Host: h", "amz-sdk-invocation-id: 1"),
        request("GET /?x-id=ListBuckets", "Host: h"),
        request("GET /bucket"),
        request("HEAD /bucket/key"),
        request("OPTIONS /bucket/key"),
        request("OPTIONS /"),
        request("POST /bucket", "Content-Type: multipart/form-data; boundary=b", "Host: h"),
        request("PUT /", "Host: b.s3.h", V4.format("s3")) + request("POST /", V4.format("ec2")),
        request("GET /?prefix=%2Fec2%2Faws4_request", "Host: h", V4.format("s3")),
    ],
)
def test_requests_for_objects_are_told(head: bytes) -> None:
    assert dispatch.is_for_objects(head)


@pytest.mark.parametrize(
    "head",
    [
        request("GET /"),
        request("POST /"),
        request("POST /", "Host: h", "amz-sdk-invocation-id: 1"),
        request("GET /", "Host: h", "Accept: text/html", "User-Agent: Mozilla/5.0"),
        request("GET /?Action=GetCallerIdentity", "Host: h", "amz-sdk-invocation-id: 1"),
        request("POST /", "Host: ec2.us-east-1.example.org", V4.format("ec2")),
        request("POST /", "Host: s3.example.org", V4.format("iam")),
        request("GET /?Action=DescribeInstances&AWSAccessKeyId=AKIA&Expires=1&Signature=x"),
        request("GET /services/compute?Action=DescribeInstances"),
        request("POST /services/euare"),
        request("POST /", "Host: sts3.example.org"),
        request("POST /", "Host: ec2.s33.example.org"),
        request("GET /bucket", "Host: h", V4.format("ec2")),
        request("POST /", "Host: h", V4.format("ec2")) + b"Value.1=%2Fs3%2Faws4_request",
        request("POST /", "Host: h", V4.format("ec2")) + request("GET /b", V4.format("s3")),
        request("GET /?Action=A&Value.1=%2Fs3%2Faws4_request", "Host: h", V4.format("ec2")),
        request("POST /", "User-Agent: a/s3/aws4_request", V4.format("ec2")),
        request("POST /", "Host: h") + b"\r\nHost: b.s3.h\r\n",
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1",
    ],
)
def test_requests_for_other_services_are_told(head: bytes) -> None:
    assert not dispatch.is_for_objects(head)
