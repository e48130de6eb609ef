//! External account binding: which scoped client vouches for a new account
//! ([RFC 8555 section 7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).

use certlocker_core::{Client, ClientId, SecretError, SecretPurpose, StoreError, Versioned};

use super::{Gateway, Refused, Signed};
use crate::jose::ExternalAccountBinding;
use crate::problem::{Problem, ProblemType};

impl Gateway {
    /// The client whose credential made this binding.
    pub(super) async fn bind(
        &self,
        inner: &[u8],
        signed: &Signed,
    ) -> Result<Versioned<Client>, Refused> {
        let binding = ExternalAccountBinding::parse(inner, &signed.url, &signed.key)
            .map_err(Problem::from)?;
        let id: ClientId = binding.kid().parse().map_err(|_| unknown_or_wrong())?;
        let client = match self.store().client(&id).await {
            Ok(client) => client,
            Err(StoreError::NotFound) => return Err(unknown_or_wrong().into()),
            Err(error) => return Err(error.into()),
        };
        let opened = self.0.parts.secrets.open(
            client.value.mac_key(),
            SecretPurpose::EabMacKey,
            &signed.by,
            signed.now,
        );
        let key = match opened.await {
            Ok(key) => key,
            Err(SecretError::Store(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, client = %id, "a client's MAC key does not open");
                return Err(Problem::unavailable(
                    "the credential cannot be checked now; the operator has to look at the log",
                )
                .into());
            }
        };
        binding
            .verify(key.expose())
            .map_err(|_| unknown_or_wrong())?;
        client
            .value
            .check_registration(signed.now)
            .map_err(Problem::from)?;
        Ok(client)
    }
}

/// One answer for both, so that key identifiers cannot be probed.
fn unknown_or_wrong() -> Problem {
    Problem::new(
        ProblemType::Unauthorized,
        "the external account binding is not one of ours: its key identifier is unknown or its MAC is wrong",
    )
}
