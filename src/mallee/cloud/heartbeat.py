"""`GET /services/Heartbeat`: whether the cloud's services are there, told to anybody.

For load balancers and monitors, at Eucalyptus' path: a line for each service, and nothing of
accounts, hosts or addresses. Called by `pipeline` before anybody is asked who he is. How hosts are
is told to administrators (`admin.services`).
"""

from mallee.cloud import http
from mallee.cloud.call import Agents
from mallee.cloud.frontends import absence
from mallee.cloud.state import records, store

PATH = "/services/heartbeat"
_LINE = "name={:<20.20} enabled={:<10.10} local={:<10.10} initialized={:<10.10}\n"
_OWN = ("cloud", "compute", "euare", "tokens", "nodes")
"""What this process serves: when it answers, they are there."""


def is_asked(request: http.Request) -> bool:
    """Tell whether a request wants the heartbeat."""
    return request.method in ("GET", "HEAD") and request.path.rstrip("/").lower() == PATH


def answer(agents: Agents, view: store.View) -> http.Response:
    """Return the heartbeat: 200 as long as this process answers at all."""
    found = (one.doc for one in view.list(records.FRONT_END))
    is_away = bool(absence.of_objects(found, agents.present()))
    serves = agents.serves_objects() and not is_away
    there = dict.fromkeys(_OWN, True) | {"objectstorage": serves}
    lines = "".join(
        _LINE.format(name, *("true" if there[name] else "false",), "true", "true")
        for name in sorted(there)
    )
    return http.Response(
        status=200,
        body=lines.encode(),
        content_type="text/plain",
        headers={"Cache-Control": "no-store"},
    )
