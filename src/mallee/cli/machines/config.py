"""`mallee config`: the settings of this machine's cloud, changed with a plan and a way back."""

import datetime
import sys
from pathlib import Path

from mallee.box import configuring, databasemove, owners, settingshistory, steps
from mallee.cli import progress, words
from mallee.cli.machines import nodes
from mallee.cli.root import DEFAULT, Document, Root, Word
from mallee.model.configuration import eucalyptusconf, settingschanges
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout


def show(*, secrets: bool = False, number: int = 0, root: Root = DEFAULT) -> None:
    """Print the settings, every one written out.

    Parameters
    ----------
    secrets
        Print passwords too.
    number
        Of the history; those that hold unless given.
    """
    layout = Layout(root)
    held = _of_history(layout, number) if number else owners.read_settings(layout)
    words.give(settingschanges.shown(held, with_secrets=secrets).rstrip())


def check(document: Document) -> None:
    """Tell whether a document makes sense by itself; `-` reads it from standard input."""
    configuring.parse(_read(document), _called(document))
    words.tell("the document makes sense")


def plan(document: Document, *, root: Root = DEFAULT) -> None:
    """Show what a document would change, and on which host. Exit status 1 when it cannot be."""
    found = configuring.look(Layout(root), _read(document), _called(document))
    words.table(
        ("setting", "now", "then"), [(it.name, it.before, it.after) for it in found.changes]
    )
    words.table(("host", "what becomes of it"), found.hosts)
    if found.front_ends:
        words.table(("front end", "what becomes of it"), found.front_ends)
    for meaning in found.meanings:
        words.tell(meaning)
    if found.obstacles:
        raise steps.Failed("; ".join(found.obstacles), "change the document, or what is said there")


def apply(
    document: Document, *, confirm: float = configuring.CONFIRM_S, root: Root = DEFAULT
) -> None:
    """Put a document in force; it is undone unless the cloud and all its hosts confirm it.

    What several front ends have the same is brought to all of them, one after the other.

    Parameters
    ----------
    confirm
        How many seconds they have for it, at each front end.
    """
    wish = configuring.Wish(_read(document), f"apply {document}", _called(document), confirm)
    progress.run(configuring.apply_steps(Layout(root), wish))


def history(*, root: Root = DEFAULT) -> None:
    """List the documents that there were: when, by whom, and what came of them."""
    words.table(
        ("number", "when", "by", "what", "outcome"),
        [
            (str(it.number), _when(it.at), it.by, it.what, it.outcome)
            for it in settingshistory.entries(Layout(root))
        ],
    )


def rollback(number: int, *, root: Root = DEFAULT) -> None:
    """Put the document of that number in force again, by the same way as a new one."""
    layout = Layout(root)
    _of_history(layout, number)
    text = settingshistory.read_document(layout, number)
    wish = configuring.Wish(text, f"roll back to {number}", f"settings {number}")
    progress.run(configuring.apply_steps(layout, wish))


def move_database(target: Word = "-", *, root: Root = DEFAULT) -> None:
    """Move the cloud's memory from SQLite to PostgreSQL, while the cloud is down.

    It is copied in one transaction and compared; until the settings name the new database, the
    cloud has the old one, which stays where it is. Killed or failed, do it again.

    Parameters
    ----------
    target
        An empty database: `postgresql+psycopg://USER:PASSWORD@HOST/NAME`. `-` reads it from
        standard input and `@FILE` from a file: in a list of processes it is seen by all.
    """
    url = nodes.read_word(target, "the new database_url:").strip()
    progress.run(databasemove.plan(Layout(root), url))
    words.tell("the cloud's memory is in PostgreSQL; start it: mallee up")


def import_eucalyptus(conf: Document, *, root: Root = DEFAULT) -> None:
    """Print settings like those of a `eucalyptus.conf`, and say what became of each line.

    What no line can say is as in the settings of this machine's cloud, where there is one. Exit
    status 1 when lines were not understood: the settings are printed without them.
    """
    held = owners.read_settings(Layout(root))
    made = eucalyptusconf.read(_read(conf, errors="replace"), held)
    for line in made.lines:
        words.tell(f"{line.number:4} {line.name}: {line.became}")
    for trouble in made.troubles:
        words.tell(f"     {trouble}")
    if made.settings is None:
        raise steps.Failed("no settings can be made of it", "see above what is wrong")
    words.give(settingschanges.shown(made.settings, with_secrets=True).rstrip())
    if made.unread:
        numbers = ", ".join(map(str, made.unread))
        raise steps.Failed(
            f"not understood: line {numbers} of {conf}; these settings leave that out",
            "put it right there, or in the settings",
        )


def _of_history(layout: Layout, number: int) -> Settings:
    try:
        return configuring.parse(
            settingshistory.read_document(layout, number), f"settings {number}"
        )
    except FileNotFoundError as error:
        raise steps.Failed(f"there are no settings {number}", "mallee config history") from error


def _called(document: Path) -> str:
    return "standard input" if str(document) == "-" else str(document)


def _read(document: Path, errors: str = "strict") -> str:
    try:
        data = sys.stdin.buffer.read() if str(document) == "-" else document.read_bytes()
    except OSError as error:
        why = f"{document} cannot be read: {error.strerror}"
        raise steps.Failed(why, "name a document that is there, or - for standard input") from error
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise steps.Failed(f"{document} is no text: {error}", "name a document in TOML") from error


def _when(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
