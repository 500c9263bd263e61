"""Identities by the commands of both generations of the AWS CLI."""

import base64
import json
import time
from pathlib import Path

from mallee.kit import totp
from tests import wholecloud
from tests.clients.identity.conftest import AWS, Person
from tests.cloud.running import RunningCloud

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"


def document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(account: str, **more: object) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@AWS
def test_a_user_by_commands(administrator: Person, program: Path) -> None:
    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    iam("create-user", "--user-name", "zoe", "--path", "/lab/", "--tags", "Key=Team,Value=red")
    iam("wait", "user-exists", "--user-name", "zoe")
    assert "red" in iam("list-user-tags", "--user-name", "zoe")
    arn = iam(
        *("create-policy", "--policy-name", "lookers", "--query", "Policy.Arn"),
        *("--policy-document", document("ec2:Describe*")),
    )
    iam("wait", "policy-exists", "--policy-arn", arn)
    iam("create-group", "--group-name", "lab")
    iam("attach-group-policy", "--group-name", "lab", "--policy-arn", arn)
    iam("add-user-to-group", "--user-name", "zoe", "--group-name", "lab")
    iam(
        *("put-user-policy", "--user-name", "zoe", "--policy-name", "own"),
        *("--policy-document", document("iam:ListAccessKeys")),
    )
    iam("put-user-permissions-boundary", "--user-name", "zoe", "--permissions-boundary", POWER)
    assert iam("get-group", "--group-name", "lab", "--query", "Users[].UserName") == "zoe"
    whole = iam("get-user", "--user-name", "zoe", "--query", "User.Arn")
    decision = iam(
        *("simulate-principal-policy", "--policy-source-arn", whole),
        *("--action-names", "ec2:DescribeInstances", "ec2:RunInstances"),
        *("--query", "EvaluationResults[].EvalDecision"),
    )
    assert decision.split() == ["allowed", "implicitDeny"]
    key, secret = iam(
        *("create-access-key", "--user-name", "zoe"),
        *("--query", "AccessKey.[AccessKeyId,SecretAccessKey]"),
    ).split()
    zoe = administrator.as_(program, key, secret)
    assert zoe("sts", "get-caller-identity", "--query", "Arn").out.endswith("user/lab/zoe")
    assert zoe("ec2", "describe-instances").status == 0
    refused = zoe("ec2", "allocate-address")
    assert "(UnauthorizedOperation)" in refused.err
    assert "no identity-based policy allows the ec2:AllocateAddress action" in refused.err
    encoded = refused.err.rpartition("message: ")[2]
    told = json.loads(
        administrator.aws(
            program,
            *("sts", "decode-authorization-message", "--encoded-message", encoded),
            *("--query", "DecodedMessage"),
        )
    )
    assert told["context"]["action"] == "ec2:AllocateAddress"
    assert "(AccessDenied)" in zoe("iam", "list-users").err
    iam("update-access-key", "--user-name", "zoe", "--access-key-id", key, "--status", "Inactive")
    assert "(InvalidClientTokenId)" in zoe("sts", "get-caller-identity").err
    iam("delete-access-key", "--user-name", "zoe", "--access-key-id", key)
    refusal = administrator.refusal(program, "iam", "delete-user", "--user-name", "zoe")
    assert "(DeleteConflict)" in refusal
    iam("remove-user-from-group", "--user-name", "zoe", "--group-name", "lab")
    iam("delete-user-policy", "--user-name", "zoe", "--policy-name", "own")
    iam("delete-user", "--user-name", "zoe")
    iam("detach-group-policy", "--group-name", "lab", "--policy-arn", arn)
    iam("delete-group", "--group-name", "lab")
    iam("delete-policy", "--policy-arn", arn)


@AWS
def test_a_role_is_taken_on_by_a_profile(administrator: Person, program: Path) -> None:
    """What the CLI does by itself for `role_arn`, with its own cache."""
    account = administrator.bearer.account_id
    name = f"ops-{program == wholecloud.AWS_1}"
    condition = {"StringEquals": {"sts:ExternalId": "one-two"}}
    administrator.aws(
        program,
        *("iam", "create-role", "--role-name", name),
        *("--assume-role-policy-document", trust(account, Condition=condition)),
    )
    administrator.aws(program, "iam", "wait", "role-exists", "--role-name", name)
    administrator.aws(
        program, "iam", "attach-role-policy", "--role-name", name, "--policy-arn", READ_ONLY
    )
    profile = (
        "[profile ops]\n"
        f"role_arn = arn:aws:iam::{account}:role/{name}\n"
        "source_profile = mallee\nrole_session_name = night\nregion = us-east-1\n"
    )
    config = administrator.home / f"config-{name}"
    said: dict[str, str] = {}
    for external in ("one-two", "three"):
        given = (administrator.folder / "aws/config").read_text()
        config.write_text(f"{given}\n{profile}external_id = {external}\n")
        script = 'cd mallee; . ./env; unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; exec "$0" "$@"'
        done = administrator.run(
            *("bash", "-ec", script, program, "--profile", "ops", "--output", "text"),
            *("sts", "get-caller-identity", "--query", "Arn"),
            AWS_CONFIG_FILE=str(config),
            AWS_SHARED_CREDENTIALS_FILE=str(administrator.folder / "aws/credentials"),
        )
        said[external] = done.out + done.err
    assert said["one-two"] == f"arn:aws:sts::{account}:assumed-role/{name}/night"
    assert "AccessDenied" in said["three"]


@AWS
def test_a_second_factor_by_commands(administrator: Person, program: Path) -> None:
    name = f"mia-{program == wholecloud.AWS_1}"

    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    iam("create-user", "--user-name", name)
    seed = administrator.home / f"seed-{name}"
    serial = iam(
        *("create-virtual-mfa-device", "--virtual-mfa-device-name", name),
        *("--bootstrap-method", "Base32StringSeed", "--outfile", str(seed)),
        *("--query", "VirtualMFADevice.SerialNumber"),
    )
    text = seed.read_text().strip()
    shared = base64.b32decode(text + "=" * (-len(text) % 8))
    step = totp.step_at(time.time()) - 3
    codes = [totp.code(shared, step + later) for later in range(3)]
    iam(
        *("enable-mfa-device", "--user-name", name, "--serial-number", serial),
        *("--authentication-code1", codes[0], "--authentication-code2", codes[1]),
    )
    assert serial in iam("list-mfa-devices", "--user-name", name)
    key, secret = iam(
        *("create-access-key", "--user-name", name),
        *("--query", "AccessKey.[AccessKeyId,SecretAccessKey]"),
    ).split()
    mia = administrator.as_(program, key, secret)
    ask = ("sts", "get-session-token", "--serial-number", serial, "--token-code")
    replayed = mia(*ask, codes[1])
    assert "MultiFactorAuthentication failed" in replayed.err
    given = mia(*ask, codes[2], "--query", "Credentials.SessionToken")
    assert given.status == 0, given.err


@AWS
def test_the_account_as_a_whole_by_commands(administrator: Person, program: Path) -> None:
    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    iam("create-account-alias", "--account-alias", "our-lab")
    assert "our-lab" in iam("list-account-aliases")
    iam("delete-account-alias", "--account-alias", "our-lab")
    iam("update-account-password-policy", "--minimum-password-length", "14", "--require-numbers")
    length = iam("get-account-password-policy", "--query", "PasswordPolicy.MinimumPasswordLength")
    assert length == "14"
    iam("delete-account-password-policy")
    assert int(iam("get-account-summary", "--query", "SummaryMap.Users")) >= 1
    assert "admin" in iam("get-account-authorization-details", "--filter", "User")
    administrator.aws(program, "iam", "generate-credential-report")
    report = administrator.aws(program, "iam", "get-credential-report", "--query", "Content")
    assert report
    key = administrator.bearer.access_key_id
    account = administrator.aws(
        program, "sts", "get-access-key-info", "--access-key-id", key, "--query", "Account"
    )
    assert account == administrator.bearer.account_id
    used = iam(
        *("get-access-key-last-used", "--access-key-id", key),
        *("--query", "AccessKeyLastUsed.ServiceName"),
    )
    assert used in ("iam", "sts", "N/A")


def test_the_trail_by_commands(cloud: RunningCloud, administrator: Person) -> None:
    administrator.aws(wholecloud.AWS_1, "iam", "create-group", "--group-name", "seen")
    for program in (wholecloud.AWS_1, wholecloud.AWS_2):
        shown = administrator.aws(
            program,
            *("cloudtrail", "lookup-events", "--query", "Events[0].CloudTrailEvent"),
            *("--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateGroup"),
        )
        assert json.loads(shown)["requestParameters"]["groupName"] == "seen"
    administrator.aws(wholecloud.AWS_1, "iam", "delete-group", "--group-name", "seen")
