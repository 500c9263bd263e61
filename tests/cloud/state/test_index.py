"""The index in memory equals the database, whatever is done, however it fails, whoever did it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.cloud.state import index, records, store
from mallee.model.compute.instances import InstanceSeen, Phase
from tests.cloud.state import samples

OpenStore = Callable[[], store.Store]
Step = tuple[str, int, int]

STEPS = st.tuples(
    st.sampled_from(["insert", "write", "move", "observe", "delete", "claim", "release", "fail"]),
    st.integers(0, 4),
    st.integers(0, 3),
)
TRANSACTIONS = st.lists(st.lists(STEPS, max_size=6), max_size=8)


class OnPurposeError(Exception):
    """Ends a transaction."""


def do(tx: store.Tx, steps: list[Step]) -> None:
    """Do what is possible of the steps."""
    for what, which, value in steps:
        id = f"i-{which}"
        record = tx.get(records.INSTANCE, id)
        match what:
            case "fail":
                raise OnPurposeError
            case "insert" if record is None:
                samples.insert_instance(tx, id, host=f"host-{value}")
            case "write" if record is not None:
                tx.write(record, samples.tagged(record.doc, str(value)))
            case "move" if record is not None:
                tx.write(record, samples.on_host(record.doc, f"host-{value}"))
            case "observe" if record is not None:
                tx.observe(record, InstanceSeen(launch=value, phase=Phase.RUNNING))
            case "delete" if record is not None:
                tx.delete(record)
            case "claim" if tx.owner_of("space", str(which)) in (None, f"owner-{value}"):
                tx.claim("space", str(which), f"owner-{value}", value)
            case "release":
                tx.release("space", str(which))
            case _:
                continue


def content(view: store.View | store.Tx) -> dict[str, Any]:
    """Everything that can be read, in an order of its own."""
    return {
        "rev": view.rev,
        "instances": sorted(view.list(records.INSTANCE), key=lambda one: one.id),
        "of the account": {one.id for one in view.list(records.INSTANCE, samples.ACCOUNT)},
        "by host": {
            host: {one.id for one in view.by(records.INSTANCE, "host", f"host-{host}")}
            for host in range(4)
        },
        "held": dict(view.held("space")),
        "total": view.total("space"),
    }


def run_all(opened: store.Store, transactions: list[list[Step]]) -> None:
    for steps in transactions:
        try:
            opened.transact(lambda tx, steps=steps: do(tx, steps))
        except OnPurposeError:
            continue


@given(transactions=TRANSACTIONS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_view_writer_and_database_say_the_same(
    open_store: OpenStore, transactions: list[list[Step]]
) -> None:
    one, two = open_store(), open_store()
    # From the first question on, the order is kept as things come and go.
    list(one.view.ordered(records.INSTANCE, samples.ACCOUNT).after(""))
    half = len(transactions) // 2
    run_all(one, transactions[:half])
    run_all(two, transactions[half:])
    told = one.transact(content)
    assert told == content(one.view)
    ordered = one.view.ordered(records.INSTANCE, samples.ACCOUNT)
    assert list(ordered.after("")) == sorted(ordered, key=index.order_key)
    assert told == two.transact(content) == content(two.view)
    three = open_store()
    assert told == content(three.view) == three.transact(content)
    for opened in (one, two, three):
        opened.close()


def test_a_view_of_one_account_shows_no_other(opened: store.Store) -> None:
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.view.list(records.VPC, "000000000002") == []


def test_an_undeclared_index_is_refused(opened: store.Store) -> None:
    with pytest.raises(KeyError, match="declares no index"):
        opened.view.by(records.VPC, "colour", "blue")
