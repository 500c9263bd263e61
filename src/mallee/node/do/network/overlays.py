"""The devices of VPCs between hosts: made in the host's namespace, put into the VPC's, kept right.

Called by `vpcs`, in the host's own namespace, before the VPC's links and routes are set. What is
to stand, and the difference, is `node/plan/network/overlay`'s business.
"""

from dataclasses import dataclass
from functools import partial

from mallee.kit import process
from mallee.node.do.network import links, namespaces
from mallee.node.do.network.standing import Standing
from mallee.node.plan.network import overlay
from mallee.node.plan.network.links import Seen

LOOKS_EVERY = 20
"""Of so many times that nothing seemed to have changed, neighbours are looked at once: of those the
kernel tells nothing that could be told from what guests' neighbours do all the time."""


@dataclass(slots=True)
class _Done:
    """What was set last in a namespace, and what stood there when it was."""

    device: overlay.Device
    seen: Seen
    rests: int = 0


class Overlays:
    """The devices of one cloud's VPCs on this host."""

    def __init__(self) -> None:
        """Touches nothing yet."""
        self._done: dict[str, _Done] = {}

    def apply(self, standing: Standing, device: overlay.Device) -> list[str]:
        """Make the device stand in the namespace; called twice = once.

        Returns what had been changed by others. Raises `process.Failed` where the kernel cannot.
        """
        name = standing.name
        seen = namespaces.run_inside(name, standing.look)
        done = self._done.get(name)
        is_same = done is not None and done.device == device and done.seen is seen
        if done is not None and is_same and done.rests < LOOKS_EVERY:
            done.rests += 1
            return []
        was_changed = self._set(name, device, is_there=overlay.DEVICE in seen.indices)
        self._done[name] = _Done(device, namespaces.run_inside(name, standing.look))
        if was_changed and done is not None and done.device == device:
            return [f"the way of {name} to other hosts had been changed; right again"]
        return []

    def forget(self, name: str) -> None:
        """Know nothing of a namespace any more."""
        self._done.pop(name, None)

    def clear(self) -> None:
        """Know nothing any more."""
        self._done.clear()

    def _set(self, name: str, device: overlay.Device, *, is_there: bool) -> bool:
        """Tell whether anything was missing."""
        stands = namespaces.run_inside(name, _look) if is_there else overlay.DeviceSeen()
        is_new = not is_there or not overlay.is_same_link(device, stands)
        if is_new:
            if is_there:
                lines = (f"link delete {overlay.DEVICE}",)
                namespaces.run_inside(name, partial(links.apply_batch, lines))
            links.apply_batch((overlay.making(device, name),))
            stands = overlay.DeviceSeen(mac=device.mac, mtu=device.mtu)
        lines, places = overlay.plan_lines(device, stands), overlay.plan_places(device, stands)
        namespaces.run_inside(name, partial(_close_difference, lines, places))
        return bool(is_new or lines or places)


def _look() -> overlay.DeviceSeen:
    family4, family6 = ("ip", "-4"), ("ip", "-6")
    neighbours = overlay.LOOK_AT_NEIGHBOURS[1:]
    return overlay.parse_seen(
        process.run(overlay.LOOK).text,
        process.run((*family4, *neighbours)).text,
        process.run((*family6, *neighbours)).text if links.has_ipv6() else "",
        process.run(overlay.LOOK_AT_PLACES).text,
    )


def _close_difference(lines: tuple[str, ...], places: tuple[str, ...]) -> None:
    links.apply_batch(lines)
    if places:
        text = "".join(f"{line}\n" for line in places)
        process.run(("bridge", "-batch", "-"), text.encode())
