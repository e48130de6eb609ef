//! `certificate list`, `show`.

use super::{CommandError, Desk};
use crate::cli::{CertificateCommand, Exit};
use crate::inventory::view::CertificateView;
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &CertificateCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        CertificateCommand::List { limit } => {
            output.print(&list(desk, *limit).await?, |found| list_text(found))?
        }
        CertificateCommand::Show { certificate } => {
            output.print(&show(desk, certificate).await?, certificate_text)?
        }
    }
    Ok(Exit::Done)
}

async fn list(desk: &Desk, limit: usize) -> Result<Vec<CertificateView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.certificates(None, limit).await?),
        Desk::Server(server) => Ok(server.get(&format!("/certificates?limit={limit}")).await?),
    }
}

async fn show(desk: &Desk, certificate: &str) -> Result<CertificateView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.certificate(certificate).await?),
        Desk::Server(server) => Ok(server.get(&format!("/certificates/{certificate}")).await?),
    }
}

fn list_text(certificates: &[CertificateView]) -> String {
    let row = |one: &CertificateView| {
        vec![
            one.id.clone(),
            one.status.clone(),
            one.not_after.clone(),
            one.identifiers.join(", "),
        ]
    };
    table(
        &["certificate", "status", "valid until", "names"],
        &certificates.iter().map(row).collect::<Vec<_>>(),
    )
}

fn certificate_text(one: &CertificateView) -> String {
    facts(&[
        ("certificate", one.id.clone()),
        ("status", one.status.clone()),
        ("names", one.identifiers.join(", ")),
        ("serial", one.serial.clone()),
        ("valid from", one.not_before.clone()),
        ("valid until", one.not_after.clone()),
        ("sha256", one.sha256.clone()),
        ("key sha256", one.key_sha256.clone()),
        ("account", one.account.clone().unwrap_or_default()),
        ("order", one.order.clone().unwrap_or_default()),
        ("replaces", one.replaces.clone().unwrap_or_default()),
        ("revoked", one.revoked.clone().unwrap_or_default()),
    ])
}
