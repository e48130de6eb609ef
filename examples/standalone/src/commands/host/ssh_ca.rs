//! `host ssh-ca` and `host ssh-certificate`.

use std::path::Path;

use super::super::{CommandError, Desk, by_command};
use crate::assemble::PREFIX;
use crate::atomic::{self, Readers};
use crate::cli::{Exit, SshCaCommand, SshCertificateArguments};
use crate::inventory::InventoryError;
use crate::inventory::ssh_ca::{
    NewSshCaRequest, SshCaView, SshCertificateRequest, SshCertificateView,
};
use crate::output::Output;

pub(super) async fn run(
    desk: &Desk,
    command: &SshCaCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        SshCaCommand::Create {
            algorithm,
            principals,
        } => {
            let request = NewSshCaRequest {
                algorithm: *algorithm,
                principals: *principals,
            };
            let made: SshCaView = match desk {
                Desk::Database(inventory) => {
                    inventory.create_ssh_ca(request, &by_command()).await?
                }
                Desk::Server(server) => server.post("/ssh-ca", &request).await?,
            };
            output.print(&made, trusted)?;
        }
        SshCaCommand::Show => {
            let shown: SshCaView = match desk {
                Desk::Database(inventory) => inventory.show_ssh_ca().await?,
                Desk::Server(server) => server.get("/ssh-ca").await?,
            };
            output.print(&shown, trusted)?;
        }
        SshCaCommand::Revoked { out } => write_revoked(desk, out).await?,
    }
    Ok(Exit::Done)
}

fn trusted(view: &SshCaView) -> String {
    view.trusted_key.clone()
}

async fn write_revoked(desk: &Desk, out: &Path) -> Result<(), CommandError> {
    let list = match desk {
        Desk::Database(inventory) => inventory.revoked_ssh_certificates(&by_command()).await?,
        Desk::Server(server) => server.file(&format!("{PREFIX}/ssh-ca/revoked")).await?,
    };
    Ok(atomic::write(out, &list, Readers::Everyone)?)
}

/// The certificate alone is printed, for a file beside the key.
pub(super) async fn certificate(
    desk: &Desk,
    arguments: &SshCertificateArguments,
    output: Output,
) -> Result<Exit, CommandError> {
    let unusable = |error| InventoryError::Invalid(format!("{}: {error}", arguments.key.display()));
    let request = SshCertificateRequest {
        allow_root: arguments.allow_root,
        force_command: arguments.force_command.clone(),
        key: std::fs::read_to_string(&arguments.key).map_err(unusable)?,
        login: arguments.login.clone(),
        permit: arguments.permit.clone(),
        source_addresses: arguments.source_addresses.clone(),
        ttl: arguments.ttl.clone(),
    };
    let host = &arguments.host;
    let signed: SshCertificateView = match desk {
        Desk::Database(inventory) => {
            inventory
                .sign_ssh_certificate(host, &request, &by_command())
                .await?
        }
        Desk::Server(server) => {
            let host: String = url::form_urlencoded::byte_serialize(host.as_bytes()).collect();
            let path = format!("/hosts/{host}/ssh-certificate");
            server.post(&path, &request).await?
        }
    };
    output.print(&signed, |signed| signed.certificate.clone())?;
    Ok(Exit::Done)
}
