"""What it takes to make an image of a recipe: steps, each a script for a jail, each with a key.

A step's key follows from all that goes into it and from the key of the step before, so a step that
was done once need not be done again (`layers`). Pure: a recipe in, steps out.
"""

import hashlib
import io
import json
import shlex
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field

from mallee.images import tree
from mallee.images.recipes import recipe, sources, texts

VERSION = "1"
"""Of the way in which steps are done; another one makes all layers anew."""
EPOCH = 1_735_689_600
"""The time that files bear which a build makes: 2025-01-01. Packages' own files keep theirs."""
DEBS = "/run/debs"
"""Where a step finds the packages that were fetched for it."""
TESTS = "usr/share/mallee/tests"
"""Where an image keeps the commands that prove it, for `mallee images test`."""
COMMAND_S_MAX = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One layer of an image."""

    name: str
    """What it does, for people."""
    script: str
    """For `/bin/sh -e`, in the image; no secret is in it."""
    stdin: bytes = field(default=b"", repr=False)
    """What the script reads: files to unpack, hashes of passwords."""
    packages: tuple[str, ...] = ()
    """Packages that are fetched for it with all that they need."""

    def key(self, before: str) -> str:
        """What names the layer that this step makes upon another one."""
        told = hashlib.sha256(self.stdin).hexdigest()
        return key_of(before, self.script, told, *self.packages)


def key_of(*parts: str) -> str:
    """Return the key that follows from those parts."""
    said = json.dumps([VERSION, EPOCH, *parts]).encode()
    return hashlib.sha256(said).hexdigest()[:24]


def steps(wanted: recipe.Recipe) -> tuple[Step, ...]:
    """Return what is done upon the base, in this order; the same recipe gives the same steps."""
    made: list[Step] = []
    if wanted.packages:
        made.append((_packages_of_guest if wanted.is_foreign else _packages)(wanted.packages))
    made += [_user(user) for user in wanted.users]
    if wanted.files:
        made.append(_files(wanted.files))
    made += [
        Step(name=f"Run {_short(command)}", script=f"cd /root\n{command}\n")
        for command in wanted.run
    ]
    if wanted.services:
        made.append(_services(wanted))
    if settings := _settings(wanted):
        made.append(settings)
    return tuple(made)


def set_up(files: tree.Tree) -> Step:
    """Return the step that makes a Debian of mmdebstrap's a guest of the cloud."""
    return Step(
        name="Make it a guest of the cloud",
        script="tar -xpf - -C /\nsystemctl enable serial-getty@ttyS0.service >/dev/null 2>&1\n"
        "rm -f /vmlinuz.old /initrd.img.old\n",
        stdin=_packed_tree(files),
    )


def part() -> Step:
    """Return the last step: what tells one machine from another goes."""
    return Step(name="Take away what is only this machine's", script=_PART)


_PART = """
[ ! -e /etc/machine-id ] || : >/etc/machine-id
rm -rf /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /etc/dropbear/* /var/lib/systemd/random-seed \\
    /var/lib/cloud /var/lib/dhcp/* /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old \\
    /var/backups/* /var/lib/mallee/* /root/.bash_history /etc/.pwd.lock /etc/resolv.conf \\
    /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old /etc/*- /usr/sbin/policy-rc.d
[ ! -d /var/log ] || find /var/log -type f -exec rm -f {} +
if command -v dpkg-query >/dev/null; then
    mkdir -p /usr/share/mallee
    dpkg-query -W -f '${Package} ${Version} ${Architecture}\\n' >/usr/share/mallee/manifest
fi
"""

_INSTALL = f"""
[ -e {DEBS}/none ] && exit 0
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -y -q -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef \\
    -o Dpkg::Options::=--force-confold --allow-downgrades --no-install-recommends \\
    install {DEBS}/*.deb
apt-mark auto $(for deb in {DEBS}/*.deb; do dpkg-deb -f "$deb" Package; done) >/dev/null
"""


def _packages(names: Sequence[str]) -> Step:
    asked = " ".join(sorted({name.partition("=")[0] for name in names}))
    script = f"{_INSTALL}apt-mark manual {asked} >/dev/null\nrm -f /usr/sbin/policy-rc.d\n"
    told = ", ".join(names)
    return Step(name=f"Install {_short(told)}", script=script, packages=tuple(sorted(names)))


def _packages_of_guest(names: Sequence[str]) -> Step:
    """In a guest its own apt fetches them, from where its image says."""
    told = ", ".join(names)
    asked = " ".join(map(shlex.quote, names))
    script = (
        "export DEBIAN_FRONTEND=noninteractive\n"
        "command -v apt-get >/dev/null || { echo 'this image has no apt'; exit 1; }\n"
        f"apt-get -q update\napt-get -q -y --no-install-recommends install {asked}\n"
    )
    return Step(name=f"Install {_short(told)}", script=script)


def _user(user: recipe.User) -> Step:
    """Each command of it is for both families: what `useradd` does, the tiny guest's shell does."""
    name = user.name
    lines = [_USERS.replace("NAME", name).replace("SHELL", shlex.quote(user.shell or "default"))]
    lines += [f"join {group}" for group in user.groups]
    if user.hash:
        lines.append("set_password")
    if user.keys:
        quoted = " ".join(map(shlex.quote, user.keys))
        lines += [
            'umask 077 && mkdir -p "$home/.ssh"',
            f"printf '%s\\n' {quoted} >>\"$home/.ssh/authorized_keys\"",
            'chown -R "$name:$(id -g $name)" "$home/.ssh"',
        ]
    if user.ssh_password:
        said = f"Match User {name}\\n    PasswordAuthentication yes\\n"
        lines.append(_TAKES_PASSWORDS)
        lines.append(f"umask 022 && printf '{said}' >/etc/ssh/sshd_config.d/50-{name}.conf")
    stdin = f"{user.hash}\n".encode() if user.hash else b""
    return Step(name=f"Make the user {name}", script="\n".join(lines) + "\n", stdin=stdin)


_TAKES_PASSWORDS = """\
[ -d /etc/ssh/sshd_config.d ] || {
    echo "ssh-password: the image has no /etc/ssh/sshd_config.d, so its SSH takes keys only" >&2
    exit 1
}"""

_USERS = r"""
name=NAME shell=SHELL
if command -v useradd >/dev/null; then
    [ $shell != default ] || shell=/bin/bash
    id -u $name >/dev/null 2>&1 || useradd --create-home --shell $shell $name
    join() { usermod -aG $1 $name; }
    set_password() { read -r hash && echo "$name:$hash" | chpasswd -e; }
else
    [ $shell != default ] || shell=/bin/sh
    if ! id -u $name >/dev/null 2>&1; then
        number=1000
        while grep -q "^[^:]*:[^:]*:$number:" /etc/passwd; do number=$((number + 1)); done
        echo "$name:x:$number:$number::/home/$name:$shell" >>/etc/passwd
        echo "$name:x:$number:" >>/etc/group
        echo "$name:*:19000:0:99999:7:::" >>/etc/shadow
        mkdir -p /home/$name
        chown $number:$number /home/$name
    fi
    join() { sed -i "/^$1:/{s/[^:]\$/&,/;s/\$/$name/}" /etc/group && grep -q "^$1:" /etc/group; }
    set_password() {
        read -r hash
        umask 077
        while read -r line; do
            case $line in "$name":*) line="$name:$hash:19000:0:99999:7:::" ;; esac
            echo "$line"
        done </etc/shadow >/etc/shadow.new
        mv /etc/shadow.new /etc/shadow
    }
fi
home=$(grep "^$name:" /etc/passwd | cut -d: -f6)
"""


def _files(entries: Sequence[sources.File]) -> Step:
    names = sorted({name for file in entries for name in (file.owner,)})
    checks = [f"id -u {name} >/dev/null || {_no_one(name)}" for name in names if name != "root"]
    script = "\n".join((*checks, "tar -xpf - -C /", ""))
    return Step(name=f"Bring {len(entries)} files", script=script, stdin=_packed(entries))


def _no_one(name: str) -> str:
    return f"{{ echo 'there is no user {name}: make one with `users`'; exit 1; }}"


def _packed(entries: Sequence[sources.File]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in entries:
            member = tarfile.TarInfo(file.path.strip("/"))
            member.mode, member.mtime = file.mode, EPOCH
            member.uname, member.gname = file.owner, file.group
            member.type = tarfile.DIRTYPE if file.data is None else tarfile.REGTYPE
            member.size = len(file.data or b"")
            archive.addfile(member, io.BytesIO(file.data or b""))
    return buffer.getvalue()


def _packed_tree(files: tree.Tree) -> bytes:
    entries = [
        sources.File(
            path=name,
            owner="root",
            group="root",
            mode=node.mode & 0o7777,
            data=None if node.mode & 0o170000 == 0o040000 else node.data,
        )
        for name, node in sorted(files.items())
    ]
    return _packed(entries)


def _services(wanted: recipe.Recipe) -> Step:
    if wanted.base == recipe.TINY:
        programs = [shlex.quote(service.partition(" ")[0]) for service in wanted.services]
        lines = [f"::respawn:{service}\n" for service in wanted.services]
        return Step(
            name=f"Have {len(lines)} services run",
            script="".join(
                f"[ -x {one} ] || {{ echo no program {one}; exit 1; }}\n" for one in programs
            )
            + "cat >>/etc/inittab\n",
            stdin="".join(lines).encode(),
        )
    names = " ".join(map(shlex.quote, wanted.services))
    return Step(name=f"Enable {_short(names)}", script=f"systemctl enable {names}\n")


def _settings(wanted: recipe.Recipe) -> Step | None:
    """The host name, the user data of instances that bring none, and the tests."""
    files = _tiny_settings(wanted) if wanted.base == recipe.TINY else _debian_settings(wanted)
    for number, command in enumerate(wanted.test):
        files[f"{TESTS}/{number:02}"] = tree.Node(tree.PROGRAM, f"#!/bin/sh\n{command}\n".encode())
    if not files:
        return None
    return Step(
        name="Set the host name, user data and tests",
        script=(_HAS_CLOUD_INIT if wanted.is_foreign and _is_told(wanted) else "")
        + "tar -xpf - -C /\n",
        stdin=_packed_tree(files),
    )


_HAS_CLOUD_INIT = "[ -d /etc/cloud ] || { echo 'nobody here does it: no cloud-init'; exit 1; }\n"


def _is_told(wanted: recipe.Recipe) -> bool:
    return bool(wanted.user_data) or wanted.hostname != texts.FROM_METADATA


def _tiny_settings(wanted: recipe.Recipe) -> tree.Tree:
    files: tree.Tree = {}
    if wanted.hostname != texts.FROM_METADATA:
        files["etc/mallee/hostname"] = tree.Node(tree.FILE, f"{wanted.hostname}\n".encode())
    if wanted.user_data:
        files["etc/mallee/user-data.default"] = tree.Node(tree.FILE, wanted.user_data.encode())
    return files


def _debian_settings(wanted: recipe.Recipe) -> tree.Tree:
    files: tree.Tree = {}
    if wanted.hostname != texts.FROM_METADATA:
        files["etc/hostname"] = tree.Node(tree.FILE, f"{wanted.hostname}\n".encode())
        files["etc/cloud/cloud.cfg.d/80_recipe_hostname.cfg"] = tree.Node(
            tree.FILE, b"preserve_hostname: true\n"
        )
    if wanted.user_data.startswith("#cloud-config"):
        name = "etc/cloud/cloud.cfg.d/85_recipe.cfg"
        files[name] = tree.Node(tree.FILE, wanted.user_data.encode())
    elif wanted.user_data:
        name = "usr/lib/mallee/user-data"
        files[name] = tree.Node(tree.PROGRAM, wanted.user_data.encode())
        files["etc/cloud/cloud.cfg.d/85_recipe.cfg"] = tree.Node(
            tree.FILE, b"runcmd:\n- [/usr/lib/mallee/user-data]\n"
        )
    return files


def _short(text: str) -> str:
    first = text.strip().splitlines()[0]
    return first if len(first) <= 60 else f"{first[:57]}…"
