"""Write docs/coverage.md: which operations and parameters of each service are real.

Everything follows from the action table and the service models; `--check` only compares, which is
what the test does. Run it after every change of the table.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from mallee.aws import model
from mallee.aws.codec.s3 import names
from mallee.cloud import actions
from mallee.cloud.action import Action, Listing, Pages
from mallee.cloud.ebs import table as ebs
from mallee.cloud.s3 import table as s3

ROWS: tuple[Action, ...] = (*actions.TABLE.values(), *ebs.ROWS, *s3.ROWS)
PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
BY_THE_PIPELINE = frozenset({"DryRun", "ClientToken"})
BY_A_LISTING = frozenset({"Filter", "Filters", "MaxResults", "NextToken"})
BY_PAGES = frozenset({"Marker", "MaxItems"})
HEAD = """# Coverage
Made by `tools/coverage.py` from the action table and the service models; a test compares. An
operation that is not named here, and a parameter that is named as *refused*, is answered with AWS's
own error and never ignored.
"""


def honoured(action: Action, members: frozenset[str]) -> set[str]:
    """The request's members that mean something: the row's, and those of the pipeline."""
    own = {name.partition(".")[0] for name in action.honours}
    shared = BY_THE_PIPELINE
    if isinstance(action.does, Listing):
        shared |= BY_A_LISTING
    if isinstance(action.does, Pages):
        shared |= BY_PAGES
    if action.service == "s3":
        shared = frozenset[str]()
    tags = {"TagSpecifications"} if action.creates else set[str]()
    return (own | shared | tags) & members


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for service in sorted({row.service for row in ROWS}):
        lines.extend(_service(service))
    return "\n".join(lines) + "\n"


def _service(service: str) -> Iterator[str]:
    description = model.load(service)
    rows = sorted(
        (row for row in ROWS if row.service == service),
        key=lambda row: row.name,
    )
    yield f"## {service}: {len(rows)} of {len(description.operations)} operations"
    yield "| operation | parameters | refused |"
    yield "|---|---|---|"
    for row in rows:
        shape = description.operations[row.name].input
        members = frozenset(shape.members) if shape else frozenset[str]()
        real = honoured(row, members)
        partial = sorted(name for name in row.honours if "." in name)
        refused = [f"`{name}`" for name in sorted(members - real)]
        if partial:
            refused.append("other parts than " + ", ".join(f"`{name}`" for name in partial))
        yield f"| {row.name} | {len(real)} of {len(members)} | {', '.join(refused) or '-'} |"
    if service == "s3":
        old = (f"{one} as {new}" for one, new in sorted(names.REPLACED.items()))
        yield f"\nThe same on the wire, and answered so: {', '.join(old)}."
    yield ""


def main() -> int:
    """Write the page, or with `--check` say whether it is what it should be."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text() == wanted else 1
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
