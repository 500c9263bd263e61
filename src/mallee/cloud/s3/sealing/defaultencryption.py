"""Default encryption: whether a bucket's objects are encrypted unless a request says how.

A bucket has none until it is set: an object that nobody wants encrypted is sent without being
touched. Called by the pipeline. Not its business: how objects are encrypted (`encryption`).
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption, kmskeys
from mallee.model.storage.buckets import ENCRYPTION


def put(call: WriteCall, asked: Asked) -> Result:
    """Set how new objects are encrypted; those that are there stay as they are."""
    record = buckets.asked_for(call.view, asked)
    wanted: Asked = asked["ServerSideEncryptionConfiguration"]
    if len(wanted["Rules"]) != 1:
        raise errors.s3.MalformedXML()
    rule: Asked = wanted["Rules"][0]
    default: Asked = rule.get("ApplyServerSideEncryptionByDefault")
    if not default:
        raise errors.s3.MalformedXML()
    method: str = default["SSEAlgorithm"]
    encryption.check_method(method)
    key: str = default.get("KMSMasterKeyID") or ""
    kmskeys.check_name(key, "KMSMasterKeyID")
    if key and method != kmskeys.METHOD:
        raise errors.s3.InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
            argument="ApplyServerSideEncryptionByDefault",
        )
    if rule.get("BlockedEncryptionTypes"):
        raise errors.s3.NotImplemented("BlockedEncryptionTypes is not supported.")
    kept = {"Rules": [{**rule, "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled"))}]}
    documents = {**record.doc.documents, ENCRYPTION: kept}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return how new objects are encrypted."""
    document = buckets.asked_for(call.view, asked).doc.documents.get(ENCRYPTION)
    if document is None:
        raise errors.s3.ServerSideEncryptionConfigurationNotFoundError()
    return {"ServerSideEncryptionConfiguration": document}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Encrypt no new object unless a request says so."""
    record = buckets.asked_for(call.view, asked)
    kept = {name: one for name, one in record.doc.documents.items() if name != ENCRYPTION}
    call.tx.write(record, replace(record.doc, documents=kept))
    return {}


ACTIONS = (
    rows.of_bucket(
        "PutBucketEncryption",
        Write(handle=put),
        "s3:PutEncryptionConfiguration",
        ("ServerSideEncryptionConfiguration", "ContentMD5", "ChecksumAlgorithm"),
    ),
    rows.of_bucket("GetBucketEncryption", Read(handle=get), "s3:GetEncryptionConfiguration"),
    rows.of_bucket("DeleteBucketEncryption", Write(handle=delete), "s3:PutEncryptionConfiguration"),
)
