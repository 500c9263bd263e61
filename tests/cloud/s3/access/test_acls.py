"""Lists: what requests may say of them, what is kept, whose an object is."""

from collections.abc import Mapping
from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.access import acls
from mallee.cloud.state import records, store
from mallee.model.identity.accounts import Account
from tests.cloud.clouds import ACCOUNT
from tests.cloud.s3.desk import Desk, user
from tests.handclock import NOW

OTHER = "000000000002"
THIRD = "000000000003"
OTHERS_ID = acls.canonical_id(OTHER)
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
BUCKET: dict[str, Any] = {"Bucket": "open"}
OBJECT: dict[str, Any] = {**BUCKET, "Key": "k"}


@pytest.fixture(autouse=True)
async def bucket(desk: Desk) -> None:
    """A bucket `open` in which objects are theirs who put them, and two more accounts."""

    def people(tx: store.Tx) -> None:
        for id, email in ((OTHER, "Other@example.com"), (THIRD, None)):
            account = Account(id=id, name=f"name-{id}", created_at=NOW, email=email)
            tx.insert(records.ACCOUNT, id, id, account)

    desk.store.transact(people)
    await desk.ask("CreateBucket", **BUCKET, ObjectOwnership="ObjectWriter")
    await desk.ask("DeletePublicAccessBlock", **BUCKET)


async def lines(desk: Desk, operation: str = "GetObjectAcl", **asked: Any) -> list[tuple[str, str]]:
    """Return who may what, by a list as it is shown: names of groups, the ends of accounts."""
    shown = await desk.ask(operation, **asked)
    return [(_name(line["Grantee"]), line["Permission"]) for line in shown["Grants"]]


def _name(grantee: Mapping[str, str]) -> str:
    if grantee["Type"] == "Group":
        return grantee["URI"].rpartition("/")[2]
    ids = {acls.canonical_id(id): id[-1] for id in (ACCOUNT, OTHER, THIRD)}
    return ids[grantee["ID"]]


@pytest.mark.parametrize(
    ("canned", "more"),
    [
        ("private", []),
        ("public-read", [("AllUsers", "READ")]),
        ("public-read-write", [("AllUsers", "READ"), ("AllUsers", "WRITE")]),
        ("authenticated-read", [("AuthenticatedUsers", "READ")]),
        ("log-delivery-write", [("LogDelivery", "WRITE"), ("LogDelivery", "READ_ACP")]),
        ("bucket-owner-read", [("1", "READ")]),
        ("bucket-owner-full-control", [("1", "FULL_CONTROL")]),
    ],
)
async def test_canned_lists_are_those_of_the_manual(
    desk: Desk, canned: str, more: list[tuple[str, str]]
) -> None:
    if canned.startswith("bucket-owner"):
        with pytest.raises(s3.InvalidArgument):
            await desk.ask("PutBucketAcl", **BUCKET, ACL=canned)
    else:
        await desk.ask("PutBucketAcl", **BUCKET, ACL=canned)
        expected = [("1", "FULL_CONTROL"), *more]
        assert await lines(desk, "GetBucketAcl", **BUCKET) == expected
    desk.who = user(OTHER)
    await desk.put("k", b"", "open")
    if canned == "log-delivery-write":
        with pytest.raises(s3.InvalidArgument):
            await desk.ask("PutObjectAcl", **OBJECT, ACL=canned)
        return
    await desk.put("at once", b"", "open", ACL=canned)
    await desk.ask("PutObjectAcl", **OBJECT, ACL=canned)
    expected = [("2", "FULL_CONTROL"), *more]
    assert await lines(desk, **OBJECT) == expected
    assert await lines(desk, **BUCKET, Key="at once") == expected


async def test_headers_name_accounts_groups_and_addresses_and_nobody_else_is_meant(
    desk: Desk,
) -> None:
    reads = f'id="{OTHERS_ID}", uri="{ALL_USERS}",id={acls.canonical_id(THIRD).upper()}'
    asked = {"GrantRead": reads, "GrantWriteACP": 'emailAddress="other@Example.com"'}
    await desk.put("k", b"", "open", **asked)
    expected = [("2", "READ"), ("AllUsers", "READ"), ("3", "READ"), ("2", "WRITE_ACP")]
    assert await lines(desk, **OBJECT) == expected


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"GrantRead": 'id="x"'}, s3.InvalidArgument),
        ({"GrantRead": "id"}, s3.InvalidArgument),
        ({"GrantRead": f'id="{OTHERS_ID}" id="{OTHERS_ID}"'}, s3.InvalidArgument),
        ({"GrantRead": f'id="{OTHERS_ID}",'}, s3.InvalidArgument),
        ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/Nobody"'}, s3.InvalidArgument),
        ({"GrantRead": 'emailAddress="nobody@example.com"'}, s3.UnresolvableGrantByEmailAddress),
        ({"GrantRead": 'emailAddress=""'}, s3.UnresolvableGrantByEmailAddress),
        ({"ACL": "private", "GrantRead": f"id={OTHERS_ID}"}, s3.InvalidRequest),
        ({"ACL": "everything"}, s3.InvalidArgument),
        ({"ACL": "aws-exec-read"}, s3.NotImplemented),
    ],
)
async def test_headers_that_name_nobody_are_refused(
    desk: Desk, asked: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await desk.ask("PutBucketAcl", **BUCKET, **asked)
    with pytest.raises(error):
        await desk.put("k", b"", "open", **asked)
    with pytest.raises(error):
        await desk.ask("CreateBucket", Bucket="more", ObjectOwnership="ObjectWriter", **asked)


def _document(*grants: tuple[dict[str, str], str], owner: str = ACCOUNT) -> dict[str, Any]:
    return {
        "Owner": {"ID": acls.canonical_id(owner)},
        "Grants": [{"Grantee": grantee, "Permission": may} for grantee, may in grants],
    }


async def test_a_document_replaces_the_list_whole(desk: Desk) -> None:
    everybody = {"Type": "Group", "URI": ALL_USERS}
    other = {"Type": "AmazonCustomerByEmail", "EmailAddress": "other@example.com"}
    document = _document((everybody, "READ"), (other, "WRITE"))
    await desk.ask("PutBucketAcl", **BUCKET, AccessControlPolicy=document)
    assert await lines(desk, "GetBucketAcl", **BUCKET) == [("AllUsers", "READ"), ("2", "WRITE")]
    await desk.ask("PutBucketAcl", **BUCKET, AccessControlPolicy=_document())
    assert await lines(desk, "GetBucketAcl", **BUCKET) == []


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"Grants": []}, s3.MalformedACLError),
        (_document(owner=OTHER), s3.AccessDenied),
        (_document(({"Type": "CanonicalUser"}, "READ")), s3.MalformedACLError),
        (_document(({"Type": "Group", "ID": OTHERS_ID}, "READ")), s3.MalformedACLError),
        (_document(({"Type": "Guest", "ID": OTHERS_ID}, "READ")), s3.MalformedACLError),
        (_document(({"Type": "CanonicalUser", "ID": OTHERS_ID}, "OWN")), s3.MalformedACLError),
        (_document(({"Type": "CanonicalUser", "ID": "0"}, "READ")), s3.InvalidArgument),
    ],
)
async def test_documents_that_mean_nothing_are_refused(
    desk: Desk, document: dict[str, Any], error: type[Exception]
) -> None:
    before = await lines(desk, "GetBucketAcl", **BUCKET)
    with pytest.raises(error):
        await desk.ask("PutBucketAcl", **BUCKET, AccessControlPolicy=document)
    assert await lines(desk, "GetBucketAcl", **BUCKET) == before


async def test_a_list_comes_in_one_way(desk: Desk) -> None:
    with pytest.raises(s3.UnexpectedContent):
        await desk.ask("PutBucketAcl", **BUCKET, ACL="private", AccessControlPolicy=_document())
    with pytest.raises(s3.MissingSecurityHeader):
        await desk.ask("PutBucketAcl", **BUCKET)


async def test_a_list_has_a_hundred_lines_at_most(desk: Desk) -> None:
    def many(tx: store.Tx) -> None:
        for number in range(100, 201):
            id = f"{number:012d}"
            tx.insert(records.ACCOUNT, id, id, Account(id=id, name=id, created_at=NOW))

    desk.store.transact(many)
    ids = [f"id={acls.canonical_id(f'{number:012d}')}" for number in range(100, 201)]
    await desk.ask("PutBucketAcl", **BUCKET, GrantRead=",".join(ids[:100]))
    with pytest.raises(s3.MalformedACLError):
        await desk.ask("PutBucketAcl", **BUCKET, GrantRead=",".join(ids))


async def test_where_ownership_is_enforced_no_list_is_set_and_all_is_the_owners(desk: Desk) -> None:
    shown = await desk.ask("GetBucketAcl", Bucket="bbb")
    assert [one["Permission"] for one in shown["Grants"]] == ["FULL_CONTROL"]
    own = f'id="{acls.canonical_id(ACCOUNT)}"'
    desk.who = user(OTHER)
    await desk.put("k", b"", ACL="bucket-owner-full-control")
    await desk.put("k", b"", GrantFullControl=own)
    assert (await desk.ask("GetObjectAcl", Bucket="bbb", Key="k"))["Owner"] == shown["Owner"]
    lists: tuple[dict[str, Any], ...] = (
        {"ACL": "public-read"},
        {"ACL": "private"},
        {"GrantRead": "uri=x"},
    )
    both: dict[str, Any] = {"GrantFullControl": own, "GrantRead": own}
    for asked in (*lists, both):
        with pytest.raises(s3.AccessControlListNotSupported):
            await desk.ask("PutBucketAcl", Bucket="bbb", **asked)
        with pytest.raises(s3.AccessControlListNotSupported):
            await desk.ask("PutObjectAcl", Bucket="bbb", Key="k", **asked)
        if asked == {"ACL": "private"}:
            # Many programs say so of each thing that they put, and mean nothing by it.
            await desk.put("k", b"", **asked)
            continue
        with pytest.raises(s3.AccessControlListNotSupported):
            await desk.put("k", b"", **asked)
    shared: tuple[dict[str, Any], ...] = ({"ACL": "public-read"}, {"GrantRead": own})
    for asked in shared:
        with pytest.raises(s3.InvalidBucketAclWithObjectOwnership):
            await desk.ask("CreateBucket", Bucket="public", **asked)
    await desk.ask("CreateBucket", Bucket="said", ACL="private")


async def test_a_new_bucket_is_never_public(desk: Desk) -> None:
    with pytest.raises(s3.InvalidBucketAclWithBlockPublicAccessError):
        await desk.ask(
            "CreateBucket", Bucket="public", ObjectOwnership="ObjectWriter", ACL="public-read"
        )


async def _owner(desk: Desk, **asked: Any) -> str:
    shown = await desk.ask("GetObjectAcl", **{**OBJECT, **asked})
    return _name({"Type": "CanonicalUser", **shown["Owner"]})


async def test_an_object_is_his_who_puts_it_until_he_hands_it_over(desk: Desk) -> None:
    desk.who = user(OTHER)
    for ownership, handed, expected in (
        ("ObjectWriter", False, "2"),
        ("ObjectWriter", True, "2"),
        ("BucketOwnerPreferred", False, "2"),
        ("BucketOwnerPreferred", True, "1"),
        ("BucketOwnerEnforced", True, "1"),
    ):
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        await desk.ask("PutBucketOwnershipControls", **BUCKET, OwnershipControls=rules)
        acl: dict[str, Any] = {"ACL": "bucket-owner-full-control"} if handed else {}
        await desk.put("k", b"x", "open", **acl)
        assert await _owner(desk) == expected, (ownership, handed)
        await desk.ask("CopyObject", **BUCKET, Key="copy", CopySource="open/k", **acl)
        assert await _owner(desk, Key="copy") == expected, (ownership, handed)
        upload = (await desk.ask("CreateMultipartUpload", **OBJECT, **acl))["UploadId"]
        part = await desk.ask("UploadPart", b"x", **OBJECT, UploadId=upload, PartNumber=1)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await desk.ask("CompleteMultipartUpload", **OBJECT, UploadId=upload, MultipartUpload=parts)
        assert await _owner(desk) == expected, (ownership, handed)


async def test_owners_come_back_when_ownership_is_no_longer_enforced(desk: Desk) -> None:
    desk.who = user(OTHER)
    await desk.put("k", b"x", "open", ACL="public-read")
    desk.who = user()
    for ownership, expected in (("BucketOwnerEnforced", "1"), ("ObjectWriter", "2")):
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        await desk.ask("PutBucketOwnershipControls", **BUCKET, OwnershipControls=rules)
        assert await _owner(desk) == expected
        listed = await desk.ask("ListObjects", **BUCKET)
        assert _name({"Type": "CanonicalUser", **listed["Contents"][0]["Owner"]}) == expected
        versions = await desk.ask("ListObjectVersions", **BUCKET)
        assert _name({"Type": "CanonicalUser", **versions["Versions"][0]["Owner"]}) == expected
    assert ("AllUsers", "READ") in await lines(desk, **OBJECT)


async def test_ownership_is_not_enforced_over_a_list_that_shares_the_bucket(desk: Desk) -> None:
    await desk.ask("PutBucketAcl", **BUCKET, ACL="public-read")
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with pytest.raises(s3.InvalidBucketAclWithObjectOwnership):
        await desk.ask("PutBucketOwnershipControls", **BUCKET, OwnershipControls=rules)
    await desk.ask("PutBucketAcl", **BUCKET, ACL="private")
    await desk.ask("PutBucketOwnershipControls", **BUCKET, OwnershipControls=rules)
    for wrong in ([], [{"ObjectOwnership": "Mine"}], [*rules["Rules"], *rules["Rules"]]):
        with pytest.raises(s3.MalformedXML):
            await desk.ask(
                "PutBucketOwnershipControls", **BUCKET, OwnershipControls={"Rules": wrong}
            )
    await desk.ask("DeleteBucketOwnershipControls", **BUCKET)
    with pytest.raises(s3.OwnershipControlsNotFoundError):
        await desk.ask("GetBucketOwnershipControls", **BUCKET)
    desk.who = user(OTHER)
    await desk.put("k", b"x", "open")
    assert await _owner(desk) == "2"


async def test_versions_have_lists_of_their_own(desk: Desk) -> None:
    enabled = {"Status": "Enabled"}
    await desk.ask("PutBucketVersioning", **BUCKET, VersioningConfiguration=enabled)
    ids = [
        (await desk.put("k", b"x", "open", ACL=acl))["VersionId"]
        for acl in ("public-read", "private")
    ]
    counts = [len(await lines(desk, **OBJECT, VersionId=id)) for id in ids]
    assert counts == [2, 1]
    await desk.ask("PutObjectAcl", **OBJECT, ACL="authenticated-read", VersionId=ids[0])
    assert ("AuthenticatedUsers", "READ") in await lines(desk, **OBJECT, VersionId=ids[0])
    assert len(await lines(desk, **OBJECT)) == 1


async def test_a_blocked_bucket_takes_no_public_list(desk: Desk) -> None:
    block = {"BlockPublicAcls": True}
    await desk.ask("PutPublicAccessBlock", **BUCKET, PublicAccessBlockConfiguration=block)
    await desk.put("k", b"x", "open")
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        with pytest.raises(s3.AccessDenied):
            await desk.ask("PutBucketAcl", **BUCKET, ACL=acl)
        with pytest.raises(s3.AccessDenied):
            await desk.ask("PutObjectAcl", **OBJECT, ACL=acl)
        with pytest.raises(s3.AccessDenied):
            await desk.put("k", b"x", "open", ACL=acl)
    await desk.ask("PutBucketAcl", **BUCKET, ACL="log-delivery-write")


async def test_canonical_ids_are_stable_and_one_per_account(desk: Desk) -> None:
    listed = await desk.ask("ListBuckets")
    assert listed["Owner"]["ID"] == acls.canonical_id(ACCOUNT)
    assert len(acls.canonical_id(ACCOUNT)) == 64
    ids = {acls.canonical_id(id) for id in (ACCOUNT, OTHER, THIRD)}
    assert len(ids) == 3
    assert acls.account_of(desk.store.view, acls.canonical_id(OTHER)) == OTHER
    assert acls.account_of(desk.store.view, "0" * 64) is None
