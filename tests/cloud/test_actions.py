"""The action table is sound: every row has its operation, and honours only what that has."""

import pytest

from mallee.aws import model
from mallee.cloud import actions, services
from mallee.cloud.action import Action, Listing, Read

ROWS = list(actions.TABLE.values())


def row(name: str) -> Action:
    does = Read(handle=lambda call, request: {})
    return Action(service="ec2", name=name, does=does, honours=frozenset())


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="ec2:One"):
        actions.join([[row("One"), row("Two")], [row("One")]])


@pytest.mark.parametrize("action", ROWS, ids=[action.permission for action in ROWS])
def test_row_fits_the_model(action: Action) -> None:
    assert action.service in services.SERVICES
    service = model.load(action.service)
    operation = service.operations[action.name]
    for path in action.honours:
        shape = operation.input
        for name in path.split("."):
            assert shape is not None
            assert name in shape.members, f"{action.name} has no {path}"
            shape = service.shape(shape.members[name].shape)
            if shape.type == "list" and shape.member is not None:
                shape = service.shape(shape.member.shape)
    if isinstance(action.does, Listing):
        assert operation.output is not None
        assert action.does.member in operation.output.members
