"""Website configurations: how a bucket is shown to browsers, checked when it is set.

Called by the pipeline. Not its business: showing it (`sites`).
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import store

DOCUMENT = "website"
RULES_MAX = 50


def of(view: store.View, name: str) -> Any:
    """Return how a bucket is a website; raise when it is not there, or none."""
    record = buckets.find(view, name)
    if record is None:
        raise errors.s3.NoSuchBucket(bucket=name)
    found = record.doc.documents.get(DOCUMENT)
    if found is None:
        raise errors.s3.NoSuchWebsiteConfiguration(bucket=name)
    return found


def put(call: WriteCall, asked: Asked) -> Result:
    """Make a bucket a website."""
    record = buckets.asked_for(call.view, asked)
    wanted: Any = asked["WebsiteConfiguration"]
    _check(wanted)
    documents = {**record.doc.documents, DOCUMENT: wanted}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return how a bucket is a website."""
    found: Result = of(call.view, buckets.asked_for(call.view, asked).id)
    return found


def delete(call: WriteCall, asked: Asked) -> Result:
    """Make it none any more."""
    record = buckets.asked_for(call.view, asked)
    documents = {name: one for name, one in record.doc.documents.items() if name != DOCUMENT}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


# --- what can be ---


def _check(wanted: Any) -> None:
    """Raise unless a configuration can be."""
    all_to, index, error = (
        wanted.get(member) for member in ("RedirectAllRequestsTo", "IndexDocument", "ErrorDocument")
    )
    rules: list[Any] | None = wanted.get("RoutingRules")
    if all_to is not None:
        if not (index is None and error is None and rules is None):
            raise errors.s3.InvalidArgument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                argument="RedirectAllRequestsTo",
            )
        _check_host(all_to.get("HostName") or "")
        return
    if index is None:
        raise errors.s3.InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            argument="IndexDocument",
            value="null",
        )
    suffix: str = index.get("Suffix") or ""
    if not suffix or "/" in suffix:
        raise errors.s3.InvalidArgument(
            "The IndexDocument Suffix is not well formed",
            argument="IndexDocument",
            value=suffix[:100],
        )
    if error is not None and not error.get("Key"):
        raise errors.s3.InvalidArgument(
            "The ErrorDocument Key is not well formed", argument="ErrorDocument"
        )
    if rules is not None and not 0 < len(rules) <= RULES_MAX:
        raise errors.s3.InvalidRequest(
            f"{len(rules)} routing rules provided, the number of routing rules in a website "
            f"configuration is limited to {RULES_MAX}."
        )
    for rule in rules or ():
        _check_rule(rule)


def _check_rule(rule: Any) -> None:
    condition, redirect = rule.get("Condition"), rule["Redirect"]
    if condition is not None:
        code: str | None = condition.get("HttpErrorCodeReturnedEquals")
        if code is None and condition.get("KeyPrefixEquals") is None:
            raise errors.s3.InvalidRequest(
                "Condition cannot be empty. To redirect all requests without a condition, the "
                "condition element shouldn't be present."
            )
        if code is not None and not _is_code(code, "45"):
            raise errors.s3.InvalidRequest(
                f"The provided HTTP error code ({code[:20]}) is not valid. Valid codes are 4XX or "
                "5XX."
            )
    if not redirect:
        raise errors.s3.InvalidRequest("The Redirect of a routing rule cannot be empty.")
    if redirect.get("ReplaceKeyWith") is not None and (
        redirect.get("ReplaceKeyPrefixWith") is not None
    ):
        raise errors.s3.InvalidRequest(
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        )
    code = redirect.get("HttpRedirectCode")
    if code is not None and (code == "300" or not _is_code(code, "3")):
        raise errors.s3.InvalidRequest(
            f"The provided HTTP redirect code ({code[:20]}) is not valid. Valid codes are 3XX "
            "except 300."
        )
    if redirect.get("HostName") is not None:
        _check_host(redirect["HostName"])


def _is_code(text: str, kinds: str) -> bool:
    return len(text) == 3 and text[0] in kinds and text.isascii() and text.isdigit()


def _check_host(name: str) -> None:
    """Raise unless a name can stand in an address: it goes into headers as it is."""
    fine = name and name.isascii() and name.isprintable() and not set(name) & set(" /?#@\\")
    if not fine:
        raise errors.s3.InvalidArgument(
            "The HostName is not well formed", argument="HostName", value=name[:100]
        )


ACTIONS = (
    rows.of_bucket(
        "PutBucketWebsite",
        Write(handle=put),
        "s3:PutBucketWebsite",
        ("WebsiteConfiguration", "ContentMD5", "ChecksumAlgorithm"),
    ),
    rows.of_bucket("GetBucketWebsite", Read(handle=get), "s3:GetBucketWebsite"),
    rows.of_bucket("DeleteBucketWebsite", Write(handle=delete), "s3:DeleteBucketWebsite"),
)
