"""Where everything of one cloud on one machine lies: all of it hangs under one root directory.

Two clouds with two roots share nothing: no path, no namespace, no link name, no libvirt. Keep
roots short: a unix socket's path may not exceed 107 bytes.
"""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_ROOT = Path("/var/lib/mallee")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths and kernel names under `root`."""

    root: Path
    placed: Path | None = None
    """Where volumes lie, unless it is under the root (`node.do.places`)."""

    @property
    def tag(self) -> str:
        """Five letters that make this cloud's kernel names its own: `box` for the default root."""
        if self.root == DEFAULT_ROOT:
            return "box"
        # Here and not above: it brings 4 MB of OpenSSL along, which the supervisor never needs.
        import hashlib

        return hashlib.sha256(str(self.root).encode()).hexdigest()[:5]

    # Settings and credentials
    @property
    def settings(self) -> Path:
        """The cloud's settings, TOML (see `settings.Settings`)."""
        return self.root / "mallee.toml"

    @property
    def host_settings(self) -> Path:
        """The settings of a host that belongs to a cloud elsewhere (`settings.HostSettings`)."""
        return self.root / "node.toml"

    @property
    def admin_credentials(self) -> Path:
        """Access key of the first account's administrator, JSON, mode 0600."""
        return self.root / "credentials" / "admin.json"

    @property
    def packages(self) -> Path:
        """Debian packages that images are built from, a directory per recipe; a cache."""
        return self.root / "cache" / "packages"

    @property
    def recipes(self) -> Path:
        """Layers of images that were built from recipes; a cache, closed to everybody but root."""
        return self.root / "cache" / "recipes"

    @property
    def client_files(self) -> Path:
        """What clients of any age need to find the cloud, for everybody to read; a cache."""
        return self.root / "cache" / "clients"

    @property
    def keys(self) -> Path:
        """What this machine's owner needs to enter instances; nobody else writes below it."""
        return self.root / "keys"

    def key_of(self, name: str) -> Path:
        """The private half of a key pair that this machine's owner made here, mode 0600."""
        return self.keys / f"{name}.pem"

    @property
    def known_hosts(self) -> Path:
        """Host keys of instances, so that nobody's own file is filled with them."""
        return self.keys / "known_hosts"

    # The cloud process (owner: the unprivileged user)
    @property
    def cloud(self) -> Path:
        """State of the cloud process; nobody else writes below it but the image builder."""
        return self.root / "cloud"

    @property
    def database(self) -> Path:
        """The SQLite file, unless settings name a database by URL."""
        return self.cloud / "state.db"

    @property
    def master_key(self) -> Path:
        """The key under which secrets in the database are sealed, mode 0600."""
        return self.cloud / "master.key"

    @property
    def outbox(self) -> Path:
        """Mails to people, a file each, unless settings name another directory."""
        return self.cloud / "outbox"

    @property
    def cloud_pki(self) -> Path:
        """The cloud's own certificate authority and its server certificate."""
        return self.cloud / "pki"

    @property
    def bundle_key(self) -> Path:
        """The cloud's RSA key, for which bundles of images are encrypted, mode 0600."""
        return self.cloud_pki / "bundles.key"

    @property
    def bundle_certificate(self) -> Path:
        """Its certificate, for whoever makes bundles."""
        return self.cloud_pki / "bundles.pem"

    @property
    def brought(self) -> Path:
        """Which blobs hosts have brought for which tasks: a file each, empty."""
        return self.cloud / "brought"

    @property
    def front_end(self) -> Path:
        """Which of the cloud's front ends this is, JSON."""
        return self.cloud / "frontend.json"

    @property
    def front_end_key(self) -> Path:
        """The key to which others seal what is for this front end alone."""
        return self.cloud_pki / "own.key"

    @property
    def blobs(self) -> Path:
        """Image files by content: `blobs/SHA256`."""
        return self.cloud / "blobs"

    @property
    def catalogue(self) -> Path:
        """Built-in images to register: one JSON document each (`images.catalogue`)."""
        return self.cloud / "catalogue"

    @property
    def objects(self) -> Path:
        """What the object store keeps (`mallee.walrus`)."""
        return self.root / "objects"

    @property
    def cloud_door(self) -> Path:
        """The socket at which the cloud's process takes connections from that of S3."""
        return self.cloud / "cloud.door"

    @property
    def s3_door(self) -> Path:
        """The socket at which S3's first process takes connections; there while S3 is served."""
        return self.s3_door_of(0)

    def s3_door_of(self, number: int) -> Path:
        """The socket at which one of S3's processes takes connections."""
        return self.cloud / (f"s3-{number}.door" if number else "s3.door")

    @property
    def trail_inbox(self) -> Path:
        """The socket at which the cloud's process takes S3's lines of the trail."""
        return self.cloud / "trail.inbox"

    @property
    def flow_inbox(self) -> Path:
        """Lines of flow logs that hosts have brought and S3 has not delivered yet."""
        return self.cloud / "flowlogs"

    @property
    def cloud_ports(self) -> Path:
        """JSON `{"services": port, "agents": port}`, written when the sockets listen."""
        return self.cloud / "ports.json"

    # The agent (owner: root)
    @property
    def node(self) -> Path:
        """State of the agent."""
        return self.root / "node"

    @property
    def node_pki(self) -> Path:
        """The agent's key and certificate, and the cloud's CA certificate."""
        return self.node / "pki"

    @property
    def host_certificate(self) -> Path:
        """The agent's certificate and its key, in one file."""
        return self.node_pki / "host.pem"

    @property
    def host_authority(self) -> Path:
        """The certificate of whoever signs those of the cloud and its hosts."""
        return self.node_pki / "ca.pem"

    @property
    def join_token(self) -> Path:
        """One-time token with which this machine's agent joins, mode 0600."""
        return self.node / "join-token"

    @property
    def ledger(self) -> Path:
        """What the agent was last told to want, JSON."""
        return self.node / "ledger.json"

    @property
    def progress(self) -> Path:
        """How far each instance got on this host: one JSON file each."""
        return self.node / "progress"

    @property
    def kvm_verdict(self) -> Path:
        """The proof that KVM runs guests here, or does not, JSON."""
        return self.node / "kvm.json"

    @property
    def node_images(self) -> Path:
        """The host's image cache by content."""
        return self.node / "images"

    @property
    def instances(self) -> Path:
        """One directory per instance: disk, console log, sockets."""
        return self.node / "instances"

    @property
    def volumes(self) -> Path:
        """One directory per volume that this host keeps."""
        return self.placed or self.node / "volumes"

    @property
    def volumes_record(self) -> Path:
        """Which place outside the root this host has put volumes into, JSON."""
        return self.node / "volumes.json"

    @property
    def block_socket(self) -> Path:
        """The socket of the block server, from which guests' QEMUs read what volumes lie on."""
        return self.node / "blocks.sock"

    @property
    def block_cache(self) -> Path:
        """Blocks that the object store keeps, those that were used last."""
        return self.node / "blocks"

    @property
    def block_troubles(self) -> Path:
        """What the block server could not read, JSON."""
        return self.node / "blocks.json"

    @property
    def pins(self) -> Path:
        """The snapshots that the block server shall keep all of at hand, JSON."""
        return self.node / "pins.json"

    @property
    def pinned(self) -> Path:
        """How far the block server is with that, JSON."""
        return self.node / "pinned.json"

    @property
    def kept_consoles(self) -> Path:
        """The end of what instances said that are gone now: one file each, for an hour."""
        return self.node / "consoles"

    @property
    def flow_outbox(self) -> Path:
        """Lines of flow logs that the cloud has not taken yet."""
        return self.node / "flowlogs"

    @property
    def lost(self) -> Path:
        """Disks of leftovers that no cloud claims; never deleted by the agent."""
        return self.node / "lost"

    # libvirt of our own
    @property
    def libvirt(self) -> Path:
        """Private `/run/libvirt`, `/var/lib/libvirt`, `/etc/libvirt`, log and cache of it."""
        return self.root / "libvirt"

    @property
    def libvirt_uri(self) -> str:
        """The URI under which virsh and the agent reach this cloud's libvirtd."""
        return f"qemu+unix:///system?socket={self.libvirt}/run/libvirt-sock"

    # Running processes
    @property
    def run(self) -> Path:
        """Process ids and control sockets; nothing in it outlives a reboot."""
        return self.root / "run"

    @property
    def bell(self) -> Path:
        """A pipe: a byte in it has the supervisor see to settings that are tried (`rollouts`)."""
        return self.run / "bell"

    @property
    def log(self) -> Path:
        """One log file per daemon."""
        return self.root / "log"

    @property
    def trail(self) -> Path:
        """What every call to the services was, in files to which only is added."""
        return self.root / "trail"

    @property
    def trail_key(self) -> Path:
        """The key under which the lines of the trail are chained, mode 0600."""
        return self.cloud / "trail.key"

    # Names in the kernel
    @property
    def edge_namespace(self) -> str:
        """The network namespace between the VPCs and the host."""
        return f"mallee-{self.tag}-edge"

    @property
    def hypervisor_namespace(self) -> str:
        """The network namespace of libvirtd, where a tap is born before it moves to its VPC."""
        return f"mallee-{self.tag}-hyper"

    def vpc_namespace(self, vpc_id: str) -> str:
        """The network namespace of one VPC on this host."""
        return f"mallee-{self.tag}-{vpc_id}"

    @property
    def host_link(self) -> str:
        """The host's end of its one link to the edge."""
        return f"ml-{self.tag}"

    def tap(self, interface_id: str) -> str:
        """The tap of an interface: 15 characters at most, unique by the id's random part."""
        return f"mt{interface_id.removeprefix('eni-')[:13]}"

    def nat_link(self, interface_id: str) -> str:
        """The VPC's end of the link to a NAT gateway or an endpoint, by the interface's id."""
        return f"mg{interface_id.removeprefix('eni-')[:13]}"

    def send_limiter(self, interface_id: str) -> str:
        """The device by whose queue an interface's guest sends, when its speed is limited."""
        return f"mi{interface_id.removeprefix('eni-')[:13]}"

    def peer_link(self, peering_id: str) -> str:
        """Either end of the link of a peering connection: they are in different namespaces."""
        return f"mp{peering_id.removeprefix('pcx-')[:13]}"

    def transit_link(self, attachment_id: str) -> str:
        """Either end of the link of an attachment to a transit gateway; no `peer_link` is alike,
        for `x` is no hexadecimal digit."""
        return f"mpx{attachment_id.rpartition('-')[2][:12]}"

    def transit_namespace(self, gateway_id: str) -> str:
        """The network namespace of one transit gateway."""
        return f"mallee-{self.tag}-{gateway_id}"

    def nat_namespace(self, nat_id: str) -> str:
        """The network namespace of one NAT gateway."""
        return f"mallee-{self.tag}-{nat_id}"

    def endpoint_namespace(self, interface_id: str) -> str:
        """The network namespace of one interface of an endpoint."""
        return f"mallee-{self.tag}-vpce-{interface_id.removeprefix('eni-')}"
