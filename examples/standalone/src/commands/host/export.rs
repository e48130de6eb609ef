//! `host export`.

use super::super::{CommandError, Desk};
use crate::cli::{Exit, ExportArguments};
use crate::inventory::InventoryError;
use crate::inventory::export::{ExportFormat, ExportRequest, ExportView};
use crate::output::Output;

pub(super) async fn run(
    desk: &Desk,
    arguments: &ExportArguments,
    output: Output,
) -> Result<Exit, CommandError> {
    if arguments.list && arguments.format != ExportFormat::AnsibleJson {
        let text = "--list is of use only with --format ansible-json";
        return Err(InventoryError::Invalid(text.to_owned()).into());
    }
    let request = request(arguments);
    let view: ExportView = match desk {
        Desk::Database(inventory) => inventory.export_hosts(&request).await?,
        Desk::Server(server) => server.get(&request.path()).await?,
    };
    // Ansible takes for an error what an inventory script says beside its answer.
    if output == Output::Text && !arguments.list {
        view.notes.iter().for_each(|note| eprintln!("{note}"));
    }
    output.print(&view, |view| view.text.clone())?;
    Ok(Exit::Done)
}

fn request(arguments: &ExportArguments) -> ExportRequest {
    let from: Vec<String> = arguments.from.iter().map(ToString::to_string).collect();
    ExportRequest {
        address: arguments.address,
        at: arguments.at.clone(),
        format: arguments.format,
        from: (!from.is_empty()).then(|| from.join(",")),
        group: arguments.group.clone(),
        host: arguments.host.clone(),
        identity_dir: arguments.identity_dir.clone(),
        login: arguments.login.clone(),
        port: arguments.port,
    }
}
