"""Errors of volumes and snapshots, in the words of EC2."""

from mallee.aws.errors.answer import AwsError


class InvalidKMSKeyNotFound(AwsError):
    """Argument: what the key store says."""

    code = "InvalidKMSKey.NotFound"


class InvalidParameterDependency(AwsError):
    """Argument: a sentence."""

    code = "InvalidParameterDependency"


class InvalidKMSKeyInvalidState(AwsError):
    """Argument: what the key store says."""

    code = "InvalidKMSKey.InvalidState"


class InvalidVolumeNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidVolume.NotFound"
    template = "The volume '{}' does not exist."


class InvalidVolumeIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidParameterValue"
    template = "Value ({}) for parameter volumeId is invalid. Expected: 'vol-...'."


class InvalidVolumeZoneMismatch(AwsError):
    """Arguments: the volume's id and the instance's."""

    code = "InvalidVolume.ZoneMismatch"
    template = "The volume '{}' is not in the same availability zone as instance '{}'"


class InvalidVolumeModificationNotFound(AwsError):
    """Argument: the volume's id."""

    code = "InvalidVolumeModification.NotFound"
    template = "Modification for volume '{}' does not exist."


class IncorrectModificationState(AwsError):
    code = "IncorrectModificationState"


class VolumeInUse(AwsError):
    code = "VolumeInUse"


class InvalidAttachmentNotFound(AwsError):
    code = "InvalidAttachment.NotFound"


class VolumeAttachmentLimitExceeded(AwsError):
    code = "AttachmentLimitExceeded"


class InsufficientVolumeCapacity(AwsError):
    """No host of the zone has room for the volume."""

    code = "InsufficientVolumeCapacity"
    http_status = 503


class VolumeLimitExceeded(AwsError):
    code = "VolumeLimitExceeded"


class InvalidSnapshotIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidSnapshotID.Malformed"
    template = 'Invalid id: "{}" (expecting "snap-...")'


class InvalidUserIDMalformed(AwsError):
    """Argument: what should be an account's id."""

    code = "InvalidUserID.Malformed"
    template = 'Invalid user id: "{}"'


class SnapshotLimitExceeded(AwsError):
    code = "SnapshotLimitExceeded"


class InvalidReplaceRootVolumeTaskIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidReplaceRootVolumeTaskId.Malformed"
    template = 'Invalid id: "{}" (expecting "replacevol-...")'


class InvalidReplaceRootVolumeTaskIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidReplaceRootVolumeTaskId.NotFound"
    template = "The replace root volume task '{}' does not exist."


class InvalidImageUsageReportIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidImageUsageReportId.Malformed"
    template = 'Invalid id: "{}" (expecting "report-...")'


class InvalidImageUsageReportIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidImageUsageReportId.NotFound"
    template = "The image usage report '{}' does not exist."


class InvalidSnapshotInUse(AwsError):
    code = "InvalidSnapshot.InUse"


class InvalidSnapshotNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidSnapshot.NotFound"
    template = "The snapshot '{}' does not exist."
