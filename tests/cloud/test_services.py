"""A request is recognised by the surest thing it carries."""

from typing import Any

import pytest

from mallee.aws import errors
from mallee.cloud import http, services

V4 = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/{region}/{service}/aws4_request, SignedHeaders=host"


def request(path: str = "/", **headers: str) -> http.Request:
    return http.Request(method="POST", path=path, query="", headers=headers, body=b"", peer="test")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", "mars-north-1", "", "*"])
def test_scope_names_the_service_in_any_region(region: str) -> None:
    header = V4.format(region=region, service="iam")
    asked = request("/services/compute", authorization=header, host="ec2.local")
    assert services.find(asked, ()).name == "iam"


def test_scope_in_the_query_is_as_good() -> None:
    scope = "AKIA/20261121/us-east-1/sts/aws4_request"
    assert services.find(request(), [("X-Amz-Credential", scope)]).name == "sts"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("ec2.us-east-1.amazonaws.com", "ec2"),
        ("compute.cloud.example:8773", "ec2"),
        ("euare.cloud.example", "iam"),
        ("Tokens.cloud.example", "sts"),
    ],
)
def test_host_names_the_service(host: str, name: str) -> None:
    assert services.find(request(host=host), ()).name == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/services/compute", "ec2"),
        ("/services/Eucalyptus/", "ec2"),
        ("/services/Euare", "iam"),
        ("/services/Tokens/", "sts"),
    ],
)
def test_eucalyptus_path_names_the_service(path: str, name: str) -> None:
    asked = request(path, host="10.0.0.1:8773")
    services.check_endpoint(asked)
    assert services.find(asked, ()).name == name


def test_version_names_the_service_where_nothing_else_does() -> None:
    asked = request(host="127.0.0.1:8773")
    assert services.find(asked, [("Version", "2010-05-08")]).name == "iam"
    assert services.find(asked, [("Version", "2011-06-15")]).name == "sts"
    with pytest.raises(errors.MissingAuthenticationToken):
        services.find(asked, [("Version", "1999-01-01")])


def test_service_that_is_not_here_is_refused_by_name() -> None:
    header = V4.format(region="us-east-1", service="monitoring")
    with pytest.raises(errors.UnsupportedOperation, match="monitoring"):
        services.find(request(authorization=header), ())


@pytest.mark.parametrize("path", ["/services", "/services/", "/services/compute/x", "/x", "//"])
def test_other_paths_are_no_endpoints(path: str) -> None:
    with pytest.raises(errors.NoSuchPath):
        services.check_endpoint(request(path))


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_refused(method: str) -> None:
    asked: Any = http.Request(method=method, path="/", query="", headers={}, body=b"", peer="test")
    with pytest.raises(errors.MethodNotAllowed):
        services.check_endpoint(asked)


def test_action_is_asked_for_once() -> None:
    ec2 = services.SERVICES["ec2"]
    assert services.find_operation(ec2, [("Action", "RunInstances")], request()) == "RunInstances"
    for given in ([], [("Action", "")], [("Action", "RunInstances"), ("Action", "StopInstances")]):
        with pytest.raises(errors.MissingAction):
            services.find_operation(ec2, given, request())


def test_older_versions_are_answered() -> None:
    given = [("Action", "DescribeInstances"), ("Version", "2012-07-20")]
    assert (
        services.find_operation(services.SERVICES["ec2"], given, request()) == "DescribeInstances"
    )
