"""Directories of people, read into the document that `ImportUsers` takes.

A CSV file has a line for each person, under the heads of `COLUMNS`. LDAP has a file of its own
(`ldapdirectory`), because its library is not on every machine. Not its business: what is
different in the cloud, and what is done about it.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote_plus

from mallee.box import steps

COLUMNS = ("user_name", "full_name", "email", "groups", "enabled")
"""Heads of a CSV file; only the first must be there. Groups are separated by semicolons."""

QUOTED_LENGTH_MAX = 1_040_000
"""Characters of a document as a request carries it: about 5,000 people, an account's most."""

_YES = frozenset({"", "yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person, with the document's names."""

    user_name: str
    full_name: str | None = None
    email: str | None = None
    groups: tuple[str, ...] = ()
    is_enabled: bool = True


def document(people: Iterable[Person], groups: Iterable[str] = ()) -> str:
    """Return the document of an import; raise `steps.Failed` when it is too long for a request."""
    listed = [_said(person) for person in people]
    whole = {"people": listed, "groups": list(groups)}
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    if len(quote_plus(text)) > QUOTED_LENGTH_MAX:
        raise steps.Failed(
            f"{len(listed)} people are too many for one import",
            "divide them, and give each part a --source of its own",
        )
    return text


def _said(person: Person) -> dict[str, object]:
    """Return what is not as it is for whom nothing is said."""
    nobody = asdict(Person(user_name=""))
    return {name: value for name, value in asdict(person).items() if value != nobody[name]}


def read_csv(path: Path) -> list[Person]:
    """Return the people of a CSV file; raise `steps.Failed` with the line that is wrong."""
    try:
        # Spreadsheets begin what they write with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _people(path, csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise steps.Failed(f"{path}: {error}", "give a CSV file in UTF-8") from error


def _people(path: Path, rows: "csv.DictReader[str]") -> list[Person]:
    heads = rows.fieldnames or ()
    unknown = [head for head in heads if head not in COLUMNS]
    if unknown or COLUMNS[0] not in heads:
        raise steps.Failed(
            f"{path}: the first line is {','.join(heads)!r}", f"head it with {','.join(COLUMNS)}"
        )
    found: list[Person] = []
    for row in rows:
        # What a line has too much is under None, what it lacks is None.
        if None in row or None in row.values():
            raise steps.Failed(
                f"{path}, line {rows.line_num}: not as many fields as the first line", ""
            )
        found.append(_person(f"{path}, line {rows.line_num}", row))
    return found


def _person(where: str, row: Mapping[str, str]) -> Person:
    enabled = row.get("enabled", "").strip().lower()
    if enabled not in _YES | _NO:
        raise steps.Failed(f"{where}: enabled is {enabled!r}", "say yes or no")
    groups = (group.strip() for group in row.get("groups", "").split(";"))
    return Person(
        user_name=row["user_name"].strip(),
        full_name=row.get("full_name", "").strip() or None,
        email=row.get("email", "").strip() or None,
        groups=tuple(dict.fromkeys(group for group in groups if group)),
        is_enabled=enabled in _YES,
    )
