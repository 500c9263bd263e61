"""What an account has set once for all of EC2, for it and nobody else."""

import msgspec

from mallee.model.network.publicaccess import BlockPublicAccess


class MetadataDefaults(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Metadata options for launches that do not say them; None: no preference."""

    http_endpoint: str | None = None
    http_tokens: str | None = None
    http_put_response_hop_limit: int | None = None
    instance_metadata_tags: str | None = None


class EventTags(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which tags of instances notices of scheduled events tell."""

    keys: tuple[str, ...] = ()
    all: bool = False


class ImageCriterion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an image must be that may be launched; all that is said of it, and any of each list."""

    providers: tuple[str, ...] = ()
    """Accounts, `amazon` (the cloud's own) or `none`."""
    names: tuple[str, ...] = ()
    """With `*` and `?`."""
    days_since_deprecated_max: int | None = None
    days_since_created_max: int | None = None


class AllowedImages(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which images of others the account's users may see and launch."""

    state: str = "disabled"
    """`enabled`; `audit-mode`: those that would not be are shown as such; `disabled`: all."""
    criteria: tuple[ImageCriterion, ...] = ()
    """An image is allowed that fits one of them."""


class Ec2Settings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account's settings; their defaults are those of an account that has set nothing."""

    serial_console: bool = False
    """Whether its users may type into its instances' serial consoles, as far as policies allow."""
    metadata: MetadataDefaults = MetadataDefaults()
    event_tags: EventTags = EventTags()
    public_access: BlockPublicAccess = BlockPublicAccess()
    encrypts_volumes: bool = False
    """Whether every new volume is encrypted, said or not."""
    volume_key: str = ""
    """The ARN of the key for volumes for which none is named; empty: EBS's own."""
    snapshot_sharing: str = "unblocked"
    """Which snapshots are not everybody's, whatever they say: `block-all-sharing`, those that are
    not yet (`block-new-sharing`), none."""
    image_sharing: str = "unblocked"
    """Whether images may become everybody's: `block-new-sharing`, or `unblocked`."""
    allowed_images: AllowedImages = AllowedImages()
