"""Errors of EC2's network insights; gathered by the package."""

from mallee.aws.errors.answer import AwsError, IdsNotFound


class InvalidNetworkInsightsPathIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkInsightsPathId.Malformed"
    template = 'Invalid id: "{}" (expecting "nip-...")'


class InvalidNetworkInsightsPathIdNotFound(IdsNotFound):
    code = "InvalidNetworkInsightsPathId.NotFound"
    noun = "networkInsightsPath"


class InvalidNetworkInsightsAnalysisIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkInsightsAnalysisId.Malformed"
    template = 'Invalid id: "{}" (expecting "nia-...")'


class InvalidNetworkInsightsAnalysisIdNotFound(IdsNotFound):
    code = "InvalidNetworkInsightsAnalysisId.NotFound"
    noun = "networkInsightsAnalysis"


class InvalidNetworkInsightsAccessScopeIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkInsightsAccessScopeId.Malformed"
    template = 'Invalid id: "{}" (expecting "nis-...")'


class InvalidNetworkInsightsAccessScopeIdNotFound(IdsNotFound):
    code = "InvalidNetworkInsightsAccessScopeId.NotFound"
    noun = "networkInsightsAccessScope"


class InvalidNetworkInsightsAccessScopeAnalysisIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkInsightsAccessScopeAnalysisId.Malformed"
    template = 'Invalid id: "{}" (expecting "nisa-...")'


class InvalidNetworkInsightsAccessScopeAnalysisIdNotFound(IdsNotFound):
    code = "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound"
    noun = "networkInsightsAccessScopeAnalysis"


class AnalysisExistsForNetworkInsightsPath(AwsError):
    """Argument: the path's id."""

    code = "AnalysisExistsForNetworkInsightsPath"
    template = "The path {} has analyses. Delete them first."


class AnalysisExistsForNetworkInsightsAccessScope(AwsError):
    """Argument: the scope's id."""

    code = "AnalysisExistsForNetworkInsightsAccessScope"
    template = "The access scope {} has analyses. Delete them first."


class NetworkInsightsLimitExceeded(AwsError):
    """Arguments: how many, and of what."""

    code = "NetworkInsightsLimitExceeded"
    template = "You have reached the limit of {} {} of an account. Delete some first."
