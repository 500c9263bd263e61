"""Which instance types there are: the presets, as the cloud's administration has changed them.

Called by whatever launches, describes or measures by types, and by the administration. A type is
what a launch reads; an instance keeps the numbers that it was launched with, so no change of a
type ever touches one that is there.
"""

from mallee.cloud.state import records, store
from mallee.model.compute import instancetypes
from mallee.model.compute.instancetypes import InstanceType


def all_types(view: store.View | store.Tx) -> list[InstanceType]:
    """Return every type: presets first, in their order, then those defined here, by name."""
    defined = {record.id: record.doc.type for record in view.list(records.INSTANCE_TYPE)}
    found = [defined.get(preset.name, preset) for preset in instancetypes.PRESETS]
    own = sorted(name for name in defined if name not in instancetypes.BY_NAME)
    return [kind for kind in (*found, *(defined[name] for name in own)) if kind is not None]


def find(view: store.View | store.Tx, name: str) -> InstanceType | None:
    """Return the type of that name, if there is one now."""
    defined = view.get(records.INSTANCE_TYPE, name)
    return instancetypes.BY_NAME.get(name) if defined is None else defined.doc.type
