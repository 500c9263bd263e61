"""Errors of IAM, STS and the cloud's own administration."""

from mallee.aws.errors.answer import AwsError


class NoSuchEntity(AwsError):
    """Arguments: the noun (`user`) and the name."""

    code = "NoSuchEntity"
    status = 404
    template = "The {} with name {} cannot be found."


class NoSuchPolicy(NoSuchEntity):
    """Argument: the policy's ARN."""

    template = "Policy {} does not exist or is not attachable."


class NoSuchPolicyVersion(NoSuchEntity):
    """Arguments: the policy's ARN and the version."""

    template = "Policy {} version {} does not exist or is not attachable."


class NoSuchDevice(NoSuchEntity):
    """Argument: the device's serial number."""

    template = "VirtualMFADevice with serial number {} does not exist."


class NoSuchJob(NoSuchEntity):
    """Argument: the id of a report's job."""

    template = "The job with id {} cannot be found."


class NoSuchArn(NoSuchEntity):
    """Argument: the ARN."""

    template = "{} does not exist."


class NoSuchCertificate(NoSuchEntity):
    """Argument: the signing certificate's id."""

    template = "The Certificate with id {} cannot be found."


class NoSuchSshPublicKey(NoSuchEntity):
    """Argument: the key's id."""

    template = "The SSH Public Key with id {} cannot be found."


class NoSuchServiceCredential(NoSuchEntity):
    """Argument: the credential's id."""

    template = "No such credential {} exists."


class NoSuchLoginProfile(NoSuchEntity):
    """Argument: the user's name."""

    template = "Login Profile for User {} cannot be found."


class NoSuchPasswordPolicy(NoSuchEntity):
    """Argument: the account."""

    template = "The Password Policy with domain name {} cannot be found."


class EntityAlreadyExists(AwsError):
    """Arguments: the noun with a capital (`User`) and the name."""

    code = "EntityAlreadyExists"
    status = 409
    template = "{} with name {} already exists."


class LoginProfileExists(EntityAlreadyExists):
    """Argument: the user's name."""

    template = "Login Profile for User {} already exists."


class DeviceExists(EntityAlreadyExists):
    template = "MFADevice entity at the same path and name already exists."


class DeviceInUse(EntityAlreadyExists):
    template = "MFA Device is already in use."


class InstanceTypeAlreadyExists(EntityAlreadyExists):
    """Argument: the name of the type."""

    template = "There is an instance type {} already: change it, or choose another name."


class EntityTemporarilyUnmodifiable(AwsError):
    code = "EntityTemporarilyUnmodifiable"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflict"
    status = 409


class LimitExceeded(AwsError):
    """Arguments: the quota (`AccessKeysPerUser`) and its value."""

    code = "LimitExceeded"
    status = 409
    template = "Cannot exceed quota for {}: {}"


class InlinePolicyLimitExceeded(LimitExceeded):
    """Arguments: the noun (`user`), the name and the most bytes."""

    template = "Maximum policy size of {2} bytes exceeded for {0} {1}"


class MfaFailed(AwsError):
    """Argument: what was wrong with the device or its code."""

    code = "AccessDenied"
    status = 403
    template = "MultiFactorAuthentication failed, {}"


class MalformedCertificate(AwsError):
    """Argument: what is wrong with it."""

    code = "MalformedCertificate"


class InvalidCertificate(AwsError):
    """Argument: why it cannot be taken."""

    code = "InvalidCertificate"


class DuplicateCertificate(AwsError):
    code = "DuplicateCertificate"
    status = 409
    template = "The user has this certificate already."


class KeyPairMismatch(AwsError):
    code = "KeyPairMismatch"
    template = "The private key is not the certificate's."


class InvalidPublicKey(AwsError):
    """Argument: what is wrong with it."""

    code = "InvalidPublicKey"


class UnrecognizedPublicKeyEncoding(AwsError):
    code = "UnrecognizedPublicKeyEncoding"
    template = "The encoding of the public key must be SSH or PEM."


class DuplicateSshPublicKey(AwsError):
    code = "DuplicateSSHPublicKey"
    template = "The user has this SSH public key already."


class ServiceNotSupported(AwsError):
    """Argument: the service's name."""

    code = "NotSupportedService"
    status = 404
    template = "No such service {} is supported"


class CredentialReportNotPresent(AwsError):
    code = "ReportNotPresent"
    status = 410
    template = "Report is not present. Use GenerateCredentialReport to make one."


class CredentialReportExpired(AwsError):
    code = "ReportExpired"
    status = 410
    template = "The report has expired. Use GenerateCredentialReport to make another one."


class InvalidAuthenticationCode(AwsError):
    code = "InvalidAuthenticationCode"
    status = 403
    template = "Authentication code for device is not valid."


class PasswordPolicyViolation(AwsError):
    """Argument: what the password lacks."""

    code = "PasswordPolicyViolation"
    template = "Password does not conform to the account password policy: {}"


class WrongPassword(AwsError):
    code = "AccessDenied"
    status = 403
    template = "The old password was incorrect."


class InvalidUserType(AwsError):
    code = "InvalidUserType"
    template = "Only users may change their password."


class SignInFailed(AwsError):
    """Whatever was wrong, so that nobody learns which users there are."""

    code = "AccessDenied"
    status = 403
    template = "Account, user, password or code is not right."


class MfaRequired(AwsError):
    """The password was right, and its user has a device."""

    code = "MultiFactorAuthenticationRequired"
    status = 403
    template = "This user signs in with a code of his MFA device too."


class PasswordResetRequired(AwsError):
    """The password was right, and is no longer good."""

    code = "PasswordResetRequired"
    status = 403
    template = "The password must be changed: sign in with a new one beside it."


class PasswordExpired(AwsError):
    """The password was right, and only an administrator can replace it."""

    code = "PasswordExpired"
    status = 403
    template = "The password has expired. Ask an administrator of the account for another one."


class UnmodifiableEntity(AwsError):
    """Argument: the role's name."""

    code = "UnmodifiableEntity"
    template = (
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable "
        "by AWS"
    )


class PolicyNotAttachable(AwsError):
    """Argument: the policy's ARN."""

    code = "PolicyNotAttachable"
    template = "Cannot attach a Service Role Policy {} to a Customer Role."


class InvalidInput(AwsError):
    code = "InvalidInput"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocument"


class PolicyEvaluation(AwsError):
    """A simulation that cannot be carried out; the caller's policies are the reason."""

    code = "PolicyEvaluation"
    status = 500


class InvalidAuthorizationMessage(AwsError):
    code = "InvalidAuthorizationMessageException"
    template = "The encoded authorization message is invalid."


class NoSuchProvider(NoSuchEntity):
    """Argument: the provider's ARN."""

    template = "OpenIDConnect Provider not found for arn {}"


class NoSuchSamlProvider(NoSuchEntity):
    """Argument: the provider's ARN."""

    template = "Manifest not found for arn {}"


class OpenIdIdpCommunicationError(AwsError):
    """Argument: the provider's URL."""

    code = "OpenIdIdpCommunicationError"
    template = (
        "The server of {} could not be reached for its certificate. Make it reachable, or give a "
        "ThumbprintList."
    )


class InvalidIdentityToken(AwsError):
    """Argument: what is wrong with the token, a sentence."""

    code = "InvalidIdentityToken"


class ExpiredIdentityToken(AwsError):
    """A token of an identity provider that was good once."""

    code = "ExpiredTokenException"
    template = "Token must be issued within a reasonable timeframe and must not be expired"


class IdpCommunicationError(AwsError):
    """Argument: the issuer."""

    code = "IDPCommunicationError"
    template = (
        "Couldn't retrieve verification key from your identity provider {}: it must answer over "
        "HTTPS, with a certificate of a public authority or of a thumbprint of the provider."
    )


class PackedPolicyTooLarge(AwsError):
    code = "PackedPolicyTooLarge"


class NoSuchResource(AwsError):
    """Arguments: the noun and the id; from the administration service."""

    code = "NoSuchResource"
    status = 404
    template = "There is no {} {}"


class InvalidInvitation(AwsError):
    """Never says whether the token was unknown, used, withdrawn or expired."""

    code = "InvalidToken"
    status = 403
    template = "The invitation is not valid, or no longer."


class RegistrationClosed(AwsError):
    code = "AccessDenied"
    status = 403
    template = "This cloud takes no requests for accounts: its administration invites people."
