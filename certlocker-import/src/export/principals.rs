//! The principals that an account of a host accepts, for
//! [`AuthorizedPrincipalsFile`](https://man.openbsd.org/sshd_config#AuthorizedPrincipalsFile).

use certlocker_core::{HostId, SshPrincipals};

use super::{Export, ExportError, is_login};

/// The file of one account of one host.
///
/// # Errors
/// [`ExportError::Setting`] for what is no account.
pub fn authorized_principals(
    host: &HostId,
    login: &str,
    form: SshPrincipals,
) -> Result<Export, ExportError> {
    if !is_login(login) {
        let expected = "letters, digits, `.`, `_` and `-` were expected";
        return Err(ExportError::Setting("the account", expected));
    }
    let text = format!("{}\n", form.principal(login, host));
    let notes = Vec::new();
    Ok(Export { notes, text })
}
