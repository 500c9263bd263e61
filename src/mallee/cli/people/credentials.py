"""`mallee credentials env|profile|show|zip`: what a client needs to speak to the cloud."""

import contextlib
import shlex
from pathlib import Path

from mallee.aws import clientfiles
from mallee.box import oldclients, steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.layout import Layout


def env(*, root: Root = DEFAULT) -> None:
    """Print shell lines that set keys, region and endpoint: eval "$(mallee credentials env)"."""
    layout = Layout(root)
    bearer = client.bearer(client.access(layout))
    for line in clientfiles.shell_lines(bearer):
        words.give(line)
    try:
        models = oldclients.ensure_models(layout, bearer)
    except OSError as error:
        words.tell(f"old clients do not find the cloud: {error}")
    else:
        words.give(f"export AWS_DATA_PATH={shlex.quote(str(models))}")


def show(*, root: Root = DEFAULT) -> None:
    """Print endpoint, region and the access key's id; never the secret."""
    found = client.access(Layout(root))
    words.table(
        ("setting", "value"),
        (
            ("endpoint", found.endpoint),
            ("region", found.region),
            ("access key", found.access_key_id),
        ),
    )


def profile(name: str = "mallee", *, root: Root = DEFAULT, directory: Path | None = None) -> None:
    """Write a profile of that name for AWS clients; other profiles stay as they are.

    Parameters
    ----------
    name
        The profile: `aws --profile NAME …`.
    directory
        Where the AWS files are; `~/.aws` unless given.
    """
    write_profile(client.bearer(client.access(Layout(root))), name, directory)


def write_profile(bearer: clientfiles.Bearer, name: str, directory: Path | None) -> None:
    """Write a profile of that name for AWS clients into `~/.aws`, or another directory."""
    place = directory or Path.home() / ".aws"
    place.mkdir(mode=0o700, exist_ok=True)
    _write_section(place / "credentials", name, clientfiles.credentials(bearer))
    _write_section(place / "config", f"profile {name}", clientfiles.config(bearer))
    words.tell(f"profile written: aws --profile {name} sts get-caller-identity")


def zip(file: Path, *, root: Root = DEFAULT, user: str | None = None) -> None:
    """Write a zip with everything for clients of today and of Eucalyptus: who has it is you.

    It leads to the address at which other machines reach this cloud, where one is known.

    Parameters
    ----------
    file
        Where to write it; what is there already stays.
    user
        Make a fresh key of this user, for him to take away; else it holds the administrator's.
    """
    with contextlib.ExitStack() as undo:
        # The place is taken first: a key that cannot be handed over is not made.
        _take(file)
        undo.callback(file.unlink)
        files.write_atomically(file, _packed(Layout(root), user))
        undo.pop_all()
    words.tell(f"credentials written: unzip {file}, then read {clientfiles.FOLDER}/README.txt")


def _take(file: Path) -> None:
    try:
        is_new = files.create_atomically(file, b"")
    except OSError as error:
        raise steps.Failed(
            f"{file} cannot be written: {error.strerror}", "name another file"
        ) from error
    if not is_new:
        raise steps.Failed(f"{file} is there already", "name another file, or remove this one")


def _packed(layout: Layout, user: str | None) -> bytes:
    access = client.taken_away(layout)
    if user is None:
        return clientfiles.archive(client.bearer(access))
    wanted = {"UserName": user, "Endpoint": access.endpoint}
    return client.call(layout, "mallee", "CreateCredentials", wanted)["Archive"]


def _write_section(path: Path, section: str, values: dict[str, str]) -> None:
    """Put the section at the file's end in place of its former self; all else stays as it is."""
    kept: list[str] = []
    is_ours = False
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.lstrip().startswith("["):
            is_ours = line.strip() == f"[{section}]"
        if not is_ours:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    made = [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    text = "\n".join([*kept, "", *made] if kept else made) + "\n"
    # A link to where its owner keeps such files stays one.
    files.write_atomically(path.resolve(), text.encode())
