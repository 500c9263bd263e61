"""AWS CLI, s3cmd, rclone and restic, as they are, keep files in S3 and get them back."""

import filecmp
import json
from pathlib import Path

import pytest

from tests import wholecloud
from tests.clients.storage.conftest import User
from tests.standby import programs as standby

AWS = pytest.mark.parametrize(
    "program", [wholecloud.AWS_1, wholecloud.AWS_2], ids=["cli-1", "cli-2"]
)


def same(one: Path, other: Path) -> None:
    """Both trees hold the same files."""
    found = filecmp.dircmp(one, other)
    names = sorted(str(path.relative_to(one)) for path in one.rglob("*") if path.is_file())
    assert names == sorted(
        str(path.relative_to(other)) for path in other.rglob("*") if path.is_file()
    )
    assert not found.left_only
    for name in names:
        assert filecmp.cmp(one / name, other / name, shallow=False), name


@AWS
def test_the_aws_cli_copies_synchronises_and_presigns(
    user: User, tree: Path, tmp_path: Path, program: Path
) -> None:
    at = ("--endpoint-url", user.cloud.url, "s3")
    standing = standby.aws(program)

    def s3(*words: str | Path) -> str:
        return user.run(standing, *at, *words)

    bucket = "s3://cli-bucket"
    s3("mb", bucket)
    assert bucket.removeprefix("s3://") in s3("ls")
    s3("cp", tree / "large", f"{bucket}/one/large")
    # Once as its users start it.
    user.run(program, *at, "sync", tree, f"{bucket}/two")
    assert s3("sync", tree, f"{bucket}/two") == ""
    back = tmp_path / "back"
    s3("sync", f"{bucket}/two", back)
    same(tree, back)
    s3("cp", "--recursive", f"{bucket}/two", f"{bucket}/three")
    s3("mv", f"{bucket}/one/large", f"{bucket}/four/large")
    assert "large" in s3("ls", "--recursive", f"{bucket}/four")
    assert s3("ls", f"{bucket}/two/") != ""
    url = s3("presign", f"{bucket}/two/small")
    assert user.run("curl", "-sSf", url) == "small"
    (tree / "small").unlink()
    assert "delete: " in s3("sync", "--delete", tree, f"{bucket}/two")
    assert s3("sync", "--delete", tree, f"{bucket}/two") == ""
    s3(
        "cp",
        "--metadata",
        "of=cli",
        "--storage-class",
        "STANDARD_IA",
        tree / "large",
        f"{bucket}/m",
    )
    assert s3("ls", "--summarize", "--human-readable", bucket).endswith("Total Size: 20.0 MiB")
    refused = user.say(standing, *at, "rb", bucket)
    assert "BucketNotEmpty" in refused.err
    s3("rb", "--force", bucket)
    assert bucket.removeprefix("s3://") not in s3("ls")


def test_s3api_speaks_of_versions_tags_and_conditions(
    user: User, tree: Path, tmp_path: Path
) -> None:
    program = standby.aws(wholecloud.AWS_2)

    def api(*words: str | Path) -> str:
        line = (program, "--endpoint-url", user.cloud.url, "--output", "text", "s3api")
        return user.run(*line, *words)

    place = ("--bucket", "api-bucket", "--key", "a b/ü")
    api("create-bucket", "--bucket", "api-bucket")
    api(
        "put-bucket-versioning",
        "--bucket",
        "api-bucket",
        "--versioning-configuration",
        "Status=Enabled",
    )
    assert api("get-bucket-location", "--bucket", "api-bucket") == "None"
    first = api(
        "put-object", *place, "--body", tree / "small", "--tagging", "a=b", "--query", "VersionId"
    )
    api("put-object", *place, "--body", tree / "large")
    api("get-object", *place, "--version-id", first, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"small\n"
    api("get-object", *place, "--range", "bytes=0-9", tmp_path / "ten")
    assert (tmp_path / "ten").read_bytes() == (tree / "large").read_bytes()[:10]
    tags = api("get-object-tagging", *place, "--version-id", first, "--query", "TagSet[].Value")
    assert tags == "b"
    parts = ("--object-attributes", "ETag", "ObjectSize", "--query", "ObjectSize")
    assert api("get-object-attributes", *place, *parts) == str(20 << 20)
    stale = user.say(
        *(program, "--endpoint-url", user.cloud.url, "s3api", "get-object", *place),
        *("--if-match", "other", tmp_path / "none"),
    )
    assert "PreconditionFailed" in stale.err
    listed = api(
        "list-object-versions", "--bucket", "api-bucket", "--query", "Versions[].VersionId"
    )
    for id in listed.split():
        api("delete-object", *place, "--version-id", id)
    api("wait", "object-not-exists", *place)
    api("delete-bucket", "--bucket", "api-bucket")


def test_s3cmd_puts_gets_and_synchronises(user: User, tree: Path, tmp_path: Path) -> None:
    key = user.cloud.admin
    host = user.cloud.url.removeprefix("http://")
    options = (
        *("--no-ssl", f"--host={host}", f"--host-bucket={host}"),
        *(f"--access_key={key['access_key_id']}", f"--secret_key={key['secret_access_key']}"),
    )

    def s3cmd(*words: str | Path, signature: str = "") -> str:
        extra = (signature,) if signature else ()
        return user.run("s3cmd", *options, *extra, *words)

    s3cmd("mb", "s3://cmd")
    s3cmd("sync", f"{tree}/", "s3://cmd/tree/", "--multipart-chunk-size-mb=5")
    back = tmp_path / "back"
    back.mkdir()
    s3cmd("sync", "s3://cmd/tree/", f"{back}/")
    same(tree, back)
    s3cmd("put", tree / "small", "s3://cmd/v2", signature="--signature-v2")
    s3cmd("cp", "s3://cmd/v2", "s3://cmd/copied")
    assert "s3://cmd/copied" in s3cmd("ls", "s3://cmd")
    assert "6" in s3cmd("info", "s3://cmd/copied")
    assert s3cmd("du", "s3://cmd/tree/").split()[0] == str((20 << 20) + 6 + 8)
    url = s3cmd("signurl", "s3://cmd/tree/small", "+60")
    assert user.run("curl", "-sSf", url) == "small"
    (tree / "small").unlink()
    assert "delete" in s3cmd("sync", "--delete-removed", f"{tree}/", "s3://cmd/tree/")
    s3cmd("modify", "--add-header=x-amz-meta-of:cmd", "s3://cmd/copied")
    s3cmd("mv", "s3://cmd/copied", "s3://cmd/moved")
    assert "of" in s3cmd("info", "s3://cmd/moved")
    s3cmd("rb", "--recursive", "--force", "s3://cmd")


def test_rclone_copies_checks_and_synchronises(user: User, tree: Path, tmp_path: Path) -> None:
    remote = (
        f":s3,provider=Other,env_auth,force_path_style,endpoint='{user.cloud.url}':rclone-bucket"
    )

    def rclone(*words: str | Path) -> str:
        return user.run("rclone", "--s3-chunk-size=5M", "--s3-upload-cutoff=5M", *words)

    rclone("mkdir", remote)
    rclone("copy", tree, f"{remote}/tree")
    rclone("check", tree, f"{remote}/tree")
    rclone("check", "--download", tree, f"{remote}/tree")
    (tree / "small").write_text("changed\n")
    (tree / "empty").unlink()
    rclone("sync", tree, f"{remote}/tree")
    back = tmp_path / "back"
    rclone("copy", f"{remote}/tree", back)
    same(tree, back)
    assert rclone("cat", f"{remote}/tree/small") == "changed"
    listed = json.loads(rclone("lsjson", "-R", "--files-only", "--hash", f"{remote}/tree"))
    assert {one["Path"] for one in listed} == {"small", "large", "deep er/ü/50% +&=?.txt"}
    said = user.say("rclone", "rcat", f"{remote}/piped", given="from a pipe\n")
    assert said.status == 0, said.err
    assert rclone("cat", f"{remote}/piped") == "from a pipe"
    rclone("moveto", f"{remote}/piped", f"{remote}/moved")
    assert json.loads(rclone("size", "--json", remote))["count"] == 4
    assert rclone("hashsum", "MD5", f"{remote}/moved").startswith("9687ec3c5b")
    rclone("purge", remote)


def test_restic_backs_up_checks_restores_and_prunes(user: User, tree: Path, tmp_path: Path) -> None:
    def restic(*words: str | Path) -> str:
        return user.run(
            *("restic", "--no-cache", "-r", f"s3:{user.cloud.url}/restic-bucket", *words),
            RESTIC_PASSWORD="long and secret",
        )

    restic("init")
    restic("backup", tree)
    (tree / "small").write_text("changed\n")
    restic("backup", tree)
    restic("check", "--read-data")
    back = tmp_path / "back"
    restic("restore", "latest", "--target", back)
    same(tree, back / tree.relative_to("/"))
    restic("forget", "--keep-last", "1", "--prune")
    restic("check")


def test_s3fs_mounts_a_bucket(user: User, tree: Path, tmp_path: Path) -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("this machine has no FUSE")
    aws = (standby.aws(wholecloud.AWS_1), "--endpoint-url", user.cloud.url, "s3")
    user.run(*aws, "mb", "s3://mounted")
    (tmp_path / "mnt").mkdir()
    options = f"url={user.cloud.url},use_path_request_style,use_cache={tmp_path}/cache"
    script = (
        f"s3fs mounted mnt -o {options} && cp -r tree mnt/ && sync && diff -r tree mnt/tree"
        " && mv mnt/tree/small mnt/moved && rm mnt/tree/empty; found=$?; umount mnt; exit $found"
    )
    user.run("unshare", "--mount", "sh", "-c", script)
    listed = user.run(*aws, "ls", "--recursive", "s3://mounted")
    assert "moved" in listed
    assert "tree/large" in listed
    assert "tree/empty" not in listed


@AWS
def test_the_aws_cli_sets_what_happens_around_objects(user: User, program: Path) -> None:
    standing = standby.aws(program)

    def api(*words: str) -> str:
        return user.run(standing, "--endpoint-url", user.cloud.url, "s3api", *words)

    bucket = "around-1" if program == wholecloud.AWS_1 else "around-2"
    api("create-bucket", "--bucket", bucket)
    told: dict[str, object] = {"EventBridgeConfiguration": {}}
    setting = ("--bucket", bucket, "--notification-configuration")
    api("put-bucket-notification-configuration", *setting, json.dumps(told))
    shown = api("get-bucket-notification-configuration", "--bucket", bucket)
    assert json.loads(shown) == told
    logged = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "logs/"}}
    setting = ("--bucket", bucket, "--bucket-logging-status")
    api("put-bucket-logging", *setting, json.dumps(logged))
    assert json.loads(api("get-bucket-logging", "--bucket", bucket)) == logged
    place = {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV"}
    inventory = {
        "Id": "i",
        "IsEnabled": False,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Weekly"},
        "Destination": {"S3BucketDestination": place},
    }
    setting = ("--bucket", bucket, "--id", "i")
    wanted = ("--inventory-configuration", json.dumps(inventory))
    api("put-bucket-inventory-configuration", *setting, *wanted)
    kept = json.loads(api("get-bucket-inventory-configuration", *setting))
    assert kept["InventoryConfiguration"] == inventory
    listed = json.loads(api("list-bucket-inventory-configurations", "--bucket", bucket))
    assert len(listed["InventoryConfigurationList"]) == 1
    api("delete-bucket-inventory-configuration", *setting)
