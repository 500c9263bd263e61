"""A real LDAP server (OpenLDAP's slapd) on the loopback, in a directory of its own.

It speaks plain LDAP and LDAPS, and gives ten entries at once, so that readers must ask for pages.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import ldap
import ldap.modlist

from mallee.kit import pki
from tests import freeports

BASE = "dc=example,dc=org"
ROOT_DN = f"cn=root,{BASE}"
PASSWORD = "a very secret word"
SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/bin")
START_S = 60.0
PAGE = 10
"""How many entries it gives at once."""

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/pid
argsfile {directory}/args
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
sizelimit size.soft=10 size.hard=10 size.prtotal=unlimited
disallow bind_anon
require authc
database mdb
suffix "{base}"
rootdn "{root}"
rootpw "{password}"
directory {directory}/data
"""


class Server:
    """A server that runs as long as its `with` block."""

    def __enter__(self) -> "Server":
        assert SLAPD is not None, "apt-get install slapd"
        self._temporary = tempfile.TemporaryDirectory(prefix="m-ldap-")
        self.directory = Path(self._temporary.name)
        (self.directory / "data").mkdir()
        self._certify()
        config = self.directory / "slapd.conf"
        names = {"directory": self.directory, "base": BASE, "root": ROOT_DN, "password": PASSWORD}
        config.write_text(_CONFIG.format(**names))
        self.port, self.tls_port = freeports.port(), freeports.port()
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.tls_url = f"ldaps://127.0.0.1:{self.tls_port}"
        self.password_file = self.directory / "password"
        self.password_file.write_text(PASSWORD + "\n")
        urls = f"{self.url} ldaps://127.0.0.1:{self.tls_port}"
        self._log = (self.directory / "log").open("wb")
        self._process = subprocess.Popen(
            [SLAPD, "-f", config, "-h", urls, "-d", "0"], stderr=self._log, stdout=self._log
        )
        self.connection = self._connect()
        self.add(BASE, objectClass="domain", dc="example")
        self.add(f"ou=people,{BASE}", objectClass="organizationalUnit", ou="people")
        self.add(f"ou=groups,{BASE}", objectClass="organizationalUnit", ou="groups")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.connection.unbind_s()
        self._process.terminate()
        self._process.wait(START_S)
        self._log.close()
        self._temporary.cleanup()

    def add(self, dn: str, **attributes: str | list[str]) -> None:
        """Add an entry."""
        lists = {
            name: [one.encode() for one in ([value] if isinstance(value, str) else value)]
            for name, value in attributes.items()
        }
        self.connection.add_s(dn, ldap.modlist.addModlist(lists))

    def add_person(self, name: str, **attributes: str | list[str]) -> str:
        """Add a person; return his distinguished name."""
        dn = f"uid={name},ou=people,{BASE}"
        given = {"objectClass": "inetOrgPerson", "cn": name, "sn": name, "uid": name}
        self.add(dn, **{**given, **attributes})
        return dn

    def add_group(self, name: str, *members: str) -> None:
        """Add a group of distinguished names."""
        dn = f"cn={name},ou=groups,{BASE}"
        self.add(dn, objectClass="groupOfNames", cn=name, member=list(members))

    def add_unix_group(self, name: str, *members: str) -> None:
        """Add a group of user names, as Unix keeps them."""
        dn = f"cn={name},ou=groups,{BASE}"
        self.add(dn, objectClass="posixGroup", cn=name, gidNumber="1000", memberUid=list(members))

    def remove(self, name: str) -> None:
        """Remove a person."""
        self.connection.delete_s(f"uid={name},ou=people,{BASE}")

    def file(self, path: Path, more: str = "", url: str = "") -> Path:
        """Write the file that `mallee users import-ldap` takes."""
        path.write_text(
            f'url = "{url or self.tls_url}"\nbind_dn = "{ROOT_DN}"\n'
            f'password_file = "{self.password_file}"\nca_file = "{self.directory}/ca.pem"\n{more}\n'
            f'[people]\nbase = "ou=people,{BASE}"\n'
            'disabled_filter = "(employeeType=former)"\n'
            f'[groups]\nbase = "ou=groups,{BASE}"\n'
        )
        return path

    def _connect(self) -> Any:
        ends_at = time.monotonic() + START_S
        while True:
            connection = ldap.initialize(self.url)
            try:
                connection.simple_bind_s(ROOT_DN, PASSWORD)
            except ldap.SERVER_DOWN:
                said = (self.directory / "log").read_text()
                assert self._process.poll() is None, said
                assert time.monotonic() < ends_at, said
                time.sleep(0.02)
            else:
                return connection

    def _certify(self) -> None:
        authority = pki.create_authority("ldap tests", time.time())
        request = pki.make_request("ldap")
        grant = pki.Grant(
            name="ldap", now=time.time(), life_s=86_400.0, hosts=("localhost", "127.0.0.1")
        )
        (self.directory / "ca.pem").write_bytes(authority.certificate_pem)
        certificate = pki.issue(authority, request.csr_pem, grant)
        (self.directory / "server.pem").write_bytes(certificate)
        (self.directory / "server.key").write_bytes(request.key_pem)
