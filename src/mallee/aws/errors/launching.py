"""Errors of EC2 about what launches are made of: launch templates and placement groups."""

from mallee.aws.errors.answer import AwsError

# --- Launch templates ---


class InvalidLaunchTemplateIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidLaunchTemplateId.Malformed"
    template = "The specified launch template ID, {}, is not valid."


class InvalidLaunchTemplateIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidLaunchTemplateId.NotFound"
    template = "The specified launch template, with template ID {}, does not exist."


class InvalidLaunchTemplateIdVersionNotFound(AwsError):
    """Argument: the version as it was asked for."""

    code = "InvalidLaunchTemplateId.VersionNotFound"
    template = "Could not find launch template version {}."


class InvalidLaunchTemplateNameNotFound(AwsError):
    """Argument: the name."""

    code = "InvalidLaunchTemplateName.NotFoundException"
    template = "The specified launch template, with template name {}, does not exist."


class InvalidLaunchTemplateNameAlreadyExists(AwsError):
    code = "InvalidLaunchTemplateName.AlreadyExistsException"
    template = "Launch template name already in use."


class InvalidLaunchTemplateNameMalformed(AwsError):
    code = "InvalidLaunchTemplateName.MalformedException"
    template = (
        "Launch template names have 3 to 128 characters: letters, digits, parentheses, dots, "
        "hyphens, slashes and underscores."
    )


class LaunchTemplateLimitExceeded(AwsError):
    """Argument: the most that there may be."""

    code = "ResourceCountExceeded"
    template = "An account has at most {} launch templates."


class LaunchTemplateVersionLimitExceeded(AwsError):
    """Argument: the most that there may be."""

    code = "VersionLimitExceeded"
    template = "A launch template has at most {} versions."


# --- Placement groups ---


class InvalidPlacementGroupUnknown(AwsError):
    """Argument: the name."""

    code = "InvalidPlacementGroup.Unknown"
    template = "The Placement Group '{}' is unknown."


class InvalidPlacementGroupIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidPlacementGroupId.NotFound"
    template = "The Placement Group ID '{}' does not exist."


class InvalidPlacementGroupIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidPlacementGroupId.Malformed"
    template = 'Invalid id: "{}" (expecting "pg-...")'


class InvalidPlacementGroupDuplicate(AwsError):
    """Argument: the name."""

    code = "InvalidPlacementGroup.Duplicate"
    template = "The Placement Group '{}' already exists."


class InvalidPlacementGroupInUse(AwsError):
    """Argument: the name."""

    code = "InvalidPlacementGroup.InUse"
    template = "The placement group '{}' is in use and may not be deleted."


class PlacementGroupLimitExceeded(AwsError):
    code = "PlacementGroupLimitExceeded"
    template = "The maximum number of placement groups is reached."
