"""Errors of EC2 about what is imported, exported and bundled: a class per code."""

from mallee.aws.errors.answer import AwsError


class InvalidConversionTaskIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidConversionTaskId.Malformed"
    template = "Invalid id: '{}' (expecting the id of an import task)"


class InvalidConversionTaskIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidConversionTaskId"
    template = "The import task ID '{}' does not exist"


class InvalidExportTaskIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidExportTaskID.Malformed"
    template = "Invalid id: '{}' (expecting the id of an export task)"


class InvalidExportTaskIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidExportTaskID.NotFound"
    template = "The export task ID '{}' does not exist"


class NotExportable(AwsError):
    """Argument: a sentence that says why."""

    code = "NotExportable"


class InvalidBundleIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidBundleID.NotFound"
    template = "The bundle task ID '{}' does not exist"


class BundlingInProgress(AwsError):
    """Arguments: the instance's id; the task's."""

    code = "BundlingInProgress"
    template = "The specified instance '{}' already has a bundling task in progress: {}"


class InvalidManifest(AwsError):
    """Argument: a sentence that says what is wrong with it."""

    code = "InvalidManifest"


class ResourceCountLimitExceeded(AwsError):
    """Arguments: how many tasks may be under way, and of what."""

    code = "ResourceCountLimitExceeded"
    template = "An account may have {} {} tasks under way at once. Wait for some of them to end."
