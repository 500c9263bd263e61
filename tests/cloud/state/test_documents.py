"""Documents outlive the versions of their types, and history shows them as they read today."""

from typing import Any

import pytest

from mallee.cloud.state import documents, indexes, records, store
from mallee.cloud.state.tx import Change, Op
from tests.cloud.state import samples


def lift(part: dict[str, Any]) -> dict[str, Any]:
    """The step of an imagined version 1, which called the range `network`."""
    doc = dict(part["doc"])
    doc["cidr"] = doc.pop("network")
    return {"doc": doc}


def old_row() -> dict[str, Any]:
    return {
        "kind": "vpc",
        "account": samples.ACCOUNT,
        "id": "vpc-1",
        "rev": 7,
        "version": 1,
        "doc": '{"id":"vpc-1","network":"10.0.0.0/16","link_index":0}',
        "seen": None,
    }


def test_an_old_document_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "VERSIONS", {"vpc": 2})
    monkeypatch.setattr(documents, "UPCASTERS", {("vpc", 1): lift})
    record = documents.decode_object(old_row())
    assert record.doc == samples.doc("vpc-1")
    assert documents.encode_object(record)["version"] == 2


def test_a_version_without_its_step_is_said_to_be_unreadable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "VERSIONS", {"vpc": 2})
    with pytest.raises(store.Unavailable, match="start the version of Mallee that wrote it"):
        documents.decode_object(old_row())


def test_a_field_that_came_later_has_its_default() -> None:
    row = old_row() | {"doc": '{"id":"vpc-1","cidr":"10.0.0.0/16","link_index":0}'}
    assert documents.decode_object(row).doc == samples.doc("vpc-1")


def test_what_is_written_is_what_is_read() -> None:
    kind = records.VPC
    record = records.Record(kind, samples.ACCOUNT, "vpc-1", 3, samples.doc("vpc-1"), None)
    assert documents.decode_object(documents.encode_object(record)) == record
    change = Change(3, Op.INSERT, 1.5, record)
    assert documents.decode_change(documents.encode_change(change, "batch"), None) == change


def test_each_index_belongs_to_a_kind() -> None:
    assert set(indexes.INDEXES) <= set(records.KINDS)
