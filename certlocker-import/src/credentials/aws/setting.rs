//! The names under which AWS's tools keep the parts of a credential.

/// A part of a credential, or a setting that is known and of no use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    AccessKeyId,
    CredentialSource,
    DurationSeconds,
    Expiration,
    ExternalId,
    MfaSerial,
    Region,
    RoleArn,
    RoleSessionName,
    SecretAccessKey,
    SessionToken,
    SourceProfile,
    UserName,
    /// Leads to credentials only by running something or asking somebody.
    Elsewhere(&'static str),
    /// Known, and of no use for an import.
    Other(&'static str),
}

/// Names without case, blanks, dashes and underscores.
const NAMES: &[(&str, Setting)] = &[
    ("accesskey", Setting::AccessKeyId),
    ("accesskeyid", Setting::AccessKeyId),
    ("awsaccesskey", Setting::AccessKeyId),
    ("awsaccesskeyid", Setting::AccessKeyId),
    ("secret", Setting::SecretAccessKey),
    ("secretaccesskey", Setting::SecretAccessKey),
    ("secretkey", Setting::SecretAccessKey),
    ("awssecretaccesskey", Setting::SecretAccessKey),
    ("awssecretkey", Setting::SecretAccessKey),
    ("sessiontoken", Setting::SessionToken),
    ("securitytoken", Setting::SessionToken),
    ("token", Setting::SessionToken),
    ("awssecuritytoken", Setting::SessionToken),
    ("awssessiontoken", Setting::SessionToken),
    ("expiration", Setting::Expiration),
    ("awscredentialexpiration", Setting::Expiration),
    ("region", Setting::Region),
    ("awsregion", Setting::Region),
    ("awsdefaultregion", Setting::Region),
    ("rolearn", Setting::RoleArn),
    ("sourceprofile", Setting::SourceProfile),
    ("credentialsource", Setting::CredentialSource),
    ("externalid", Setting::ExternalId),
    ("rolesessionname", Setting::RoleSessionName),
    ("durationseconds", Setting::DurationSeconds),
    ("mfaserial", Setting::MfaSerial),
    ("username", Setting::UserName),
    ("awsrolearn", Setting::Elsewhere("AWS_ROLE_ARN")),
    (
        "awswebidentitytokenfile",
        Setting::Elsewhere("AWS_WEB_IDENTITY_TOKEN_FILE"),
    ),
    (
        "credentialprocess",
        Setting::Elsewhere("credential_process"),
    ),
    ("ssoaccountid", Setting::Elsewhere("sso_account_id")),
    ("ssosession", Setting::Elsewhere("sso_session")),
    ("ssostarturl", Setting::Elsewhere("sso_start_url")),
    (
        "webidentitytokenfile",
        Setting::Elsewhere("web_identity_token_file"),
    ),
    ("arn", Setting::Other("Arn")),
    ("assumedroleid", Setting::Other("AssumedRoleId")),
    ("awsdefaultoutput", Setting::Other("AWS_DEFAULT_OUTPUT")),
    ("awsprofile", Setting::Other("AWS_PROFILE")),
    (
        "awsrolesessionname",
        Setting::Other("AWS_ROLE_SESSION_NAME"),
    ),
    ("cabundle", Setting::Other("ca_bundle")),
    ("clipager", Setting::Other("cli_pager")),
    ("code", Setting::Other("Code")),
    ("consoleloginlink", Setting::Other("Console login link")),
    ("createdate", Setting::Other("CreateDate")),
    ("defaultsmode", Setting::Other("defaults_mode")),
    ("endpointurl", Setting::Other("endpoint_url")),
    ("lastupdated", Setting::Other("LastUpdated")),
    ("maxattempts", Setting::Other("max_attempts")),
    ("output", Setting::Other("output")),
    ("password", Setting::Other("Password")),
    ("retrymode", Setting::Other("retry_mode")),
    ("s3", Setting::Other("s3")),
    ("ssoregion", Setting::Other("sso_region")),
    (
        "ssoregistrationscopes",
        Setting::Other("sso_registration_scopes"),
    ),
    ("ssorolename", Setting::Other("sso_role_name")),
    ("status", Setting::Other("Status")),
    (
        "stsregionalendpoints",
        Setting::Other("sts_regional_endpoints"),
    ),
    ("type", Setting::Other("Type")),
    ("version", Setting::Other("Version")),
];

impl Setting {
    /// The setting with this name, in whatever way it is written.
    pub(super) fn named(name: &str) -> Option<Self> {
        const LONGEST: usize = 40;
        if name.len() > LONGEST {
            return None;
        }
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '_' | '-' | ' ' | '"' | '\''))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        NAMES
            .iter()
            .find(|(known, _)| *known == plain)
            .map(|(_, setting)| *setting)
    }

    /// How notes call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "aws_access_key_id",
            Self::CredentialSource => "credential_source",
            Self::DurationSeconds => "duration_seconds",
            Self::Expiration => "expiration",
            Self::ExternalId => "external_id",
            Self::MfaSerial => "mfa_serial",
            Self::Region => "region",
            Self::RoleArn => "role_arn",
            Self::RoleSessionName => "role_session_name",
            Self::SecretAccessKey => "aws_secret_access_key",
            Self::SessionToken => "aws_session_token",
            Self::SourceProfile => "source_profile",
            Self::UserName => "user name",
            Self::Elsewhere(name) | Self::Other(name) => name,
        }
    }

    /// Whether a second one of these belongs to a second identity.
    pub(super) fn is_key(self) -> bool {
        matches!(
            self,
            Self::AccessKeyId | Self::SecretAccessKey | Self::SessionToken
        )
    }
}
