"""What an account has set once for all of EC2, for it and nobody else."""

import msgspec


class Ec2Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The account's settings; their defaults are those of an account that has set nothing."""

    serial_console: bool = False
    """Whether its users may type into its instances' serial consoles, as far as policies allow."""
