"""Whatever a client sends to any row, it is answered or refused; it never breaks a handler."""

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.aws import model
from mallee.cloud.action import Action, AskHost
from mallee.cloud.ec2 import table
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, FakeHost, World

EC2 = model.load("ec2")
TEXTS = (
    "",
    "*",
    "x" * 300,
    "ä\t\\?*'",
    "-1",
    "0.0.0.0/0",
    "10.0.0.0/99",
    "172.31.0.9",
    "203.0.113.9",
    "default",
    "us-east-1a",
    "true",
    "tcp",
    "m1.small",
    "aws:a",
    "i-0123456789abcdef0",
    "sg-zz",
    IMAGE_ID,
    KERNEL_ID,
)
BLOBS = (b"", b"\xff", b"ssh-rsa AAAA x", b"x" * 20000)
MOMENTS = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
NUMBERS = (-(2**31), -1, 0, 1, 2, 22, 65536, 2**31 - 1)


ANSWERED_HERE = [row for row in table.ACTIONS if not isinstance(row.does, AskHost)]
GENERIC = frozenset({"Filters", "MaxResults", "NextToken", "TagSpecifications"})


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes requests of a row with what it honours: the rest is refused anyway."""

    action: Action
    ids: dict[str, str]
    """Ids of things that exist, by the members of requests that name them."""

    def requests(self) -> st.SearchStrategy[dict[str, Any]]:
        shape = EC2.operations[self.action.name].input
        assert shape is not None
        return self._values(shape, "")

    def _values(self, shape: model.Shape, path: str) -> st.SearchStrategy[Any]:
        match shape.type:
            case "structure":
                members = {
                    name: self._values(EC2.shape(member.shape), f"{path}.{name}".lstrip("."))
                    for name, member in shape.members.items()
                    if self._is_honoured(f"{path}.{name}".lstrip("."))
                }
                needed = {name: members.pop(name) for name in shape.required if name in members}
                return st.fixed_dictionaries(needed, optional=members)
            case "list":
                assert shape.member is not None
                return st.lists(self._values(EC2.shape(shape.member.shape), path), max_size=3)
            case "boolean":
                return st.booleans()
            case "integer" | "long" | "float" | "double":
                return st.sampled_from(NUMBERS)
            case "timestamp":
                return st.sampled_from(MOMENTS)
            case "blob":
                return st.sampled_from(BLOBS)
            case _:
                return self._texts(shape, path.rpartition(".")[2])

    def _texts(self, shape: model.Shape, name: str) -> st.SearchStrategy[str]:
        garbage = st.sampled_from(TEXTS)
        if shape.enum:
            return st.sampled_from(shape.enum) | garbage
        good = self.ids.get(name) or self.ids.get(name.removesuffix("s"))
        return st.just(good) | st.just(good) | garbage if good else garbage

    def _is_honoured(self, path: str) -> bool:
        if path.partition(".")[0] in GENERIC:
            return True
        return any(
            f"{path}.".startswith(f"{known}.") or known.startswith(f"{path}.")
            for known in self.action.honours
        )


@pytest.mark.parametrize("action", ANSWERED_HERE, ids=lambda action: action.name)
def test_no_request_breaks_a_handler(
    alice: Any, host: FakeHost, world: World, action: Action
) -> None:
    made = launch_one(alice)
    nic = made["NetworkInterfaces"][0]
    alice.create_key_pair(KeyName="default", KeyType="ed25519")
    ids = {
        "AllocationId": alice.allocate_address()["AllocationId"],
        "GroupId": nic["Groups"][0]["GroupId"],
        "Group": nic["Groups"][0]["GroupId"],
        "ImageId": IMAGE_ID,
        "InstanceId": made["InstanceId"],
        "KeyName": "default",
        "NetworkInterfaceId": nic["NetworkInterfaceId"],
        "Resource": made["InstanceId"],
        "SecurityGroup": "default",
        "SecurityGroupId": nic["Groups"][0]["GroupId"],
        "SecurityGroupRuleId": alice.describe_security_group_rules()["SecurityGroupRules"][0][
            "SecurityGroupRuleId"
        ],
        "SubnetId": made["SubnetId"],
        "VpcId": made["VpcId"],
    }
    host.settle()

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(Maker(action, ids).requests())
    def ask(request: dict[str, Any]) -> None:
        assert outcome(alice, action, request) != "InternalError"

    ask()


def outcome(client: Any, action: Action, request: dict[str, Any]) -> str:
    """The code of what comes of a request."""
    try:
        client._make_api_call(action.name, request)
    except ParamValidationError:
        return "not sent"
    except RuntimeError as error:
        # The client signs a copy of a snapshot for the source's region, which cannot be empty.
        assert "AWS_AUTH_SIGNING_INVALID_CONFIGURATION" in str(error)  # noqa: PT017 - of a client
        return "not sent"
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
