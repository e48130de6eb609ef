//! `audit access`, `list`, `why`, `renewal`, `receipt`, `checkpoint`.

mod access;
mod prune;
mod verify;

use super::{CommandError, Desk};
use crate::cli::{AuditCommand, Exit, RecordFilter};
use crate::config::Settings;
use crate::inventory::audit::{RecordsRequest, RenewalView, WhyStep, WhyView};
use crate::inventory::view::TimelineEntry;
use crate::output::{Output, table};

pub(super) async fn run(
    settings: &Settings,
    command: &AuditCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    if let AuditCommand::Verify(arguments) = command {
        return verify::run(settings, arguments, output).await;
    }
    if let AuditCommand::Prune(arguments) = command {
        return prune::run(settings, arguments, output).await;
    }
    let desk = &Desk::open(settings).await?;
    match command {
        AuditCommand::Access(filter) => {
            output.print(&access::changes(desk, filter).await?, |all| {
                access::text(all)
            })?;
        }
        AuditCommand::Checkpoint => {
            let note = checkpoint(desk).await?;
            output.print(&note, Clone::clone)?;
        }
        AuditCommand::List(filter) => {
            output.print(&list(desk, filter).await?, |found| list_text(found))?;
        }
        AuditCommand::Receipt { record } => {
            output.print(&receipt(desk, *record).await?, |view| view.receipt.clone())?;
        }
        AuditCommand::Renewal { kind, id } => {
            output.print(&renewal(desk, kind, id).await?, renewal_text)?;
        }
        AuditCommand::Why { kind, id } => output.print(&why(desk, kind, id).await?, why_text)?,
        AuditCommand::Prune(_) | AuditCommand::Verify(_) => {}
    }
    Ok(Exit::Done)
}

async fn checkpoint(desk: &Desk) -> Result<String, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.checkpoint()?.to_string()),
        Desk::Server(server) => {
            let bytes = server.file("/audit/checkpoint").await?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

async fn receipt(
    desk: &Desk,
    record: u64,
) -> Result<crate::inventory::audit::ReceiptView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.receipt(record).await?),
        Desk::Server(server) => Ok(server
            .get(&format!("/audit/records/{record}/receipt"))
            .await?),
    }
}

async fn list(desk: &Desk, filter: &RecordFilter) -> Result<Vec<TimelineEntry>, CommandError> {
    let request = RecordsRequest {
        actor: filter.actor.clone(),
        action: filter.action.clone(),
        about: filter.about.clone(),
        since: filter.since.clone(),
        until: filter.until.clone(),
        limit: Some(filter.limit),
        cursor: filter.cursor,
        oldest_first: filter.oldest_first,
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory.find_records(&request).await?),
        Desk::Server(server) => {
            let query = request.to_query();
            Ok(server.get(&format!("/audit/records?{query}")).await?)
        }
    }
}

async fn why(desk: &Desk, kind: &str, id: &str) -> Result<WhyView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.why(kind, id).await?),
        Desk::Server(server) => {
            let id = id.rsplit('/').next().unwrap_or(id);
            Ok(server.get(&format!("/audit/why/{kind}/{id}")).await?)
        }
    }
}

async fn renewal(desk: &Desk, kind: &str, id: &str) -> Result<RenewalView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.renewal(kind, id).await?),
        Desk::Server(server) => {
            let id = id.rsplit('/').next().unwrap_or(id);
            Ok(server.get(&format!("/audit/renewal/{kind}/{id}")).await?)
        }
    }
}

fn list_text(records: &[TimelineEntry]) -> String {
    let row = |record: &TimelineEntry| {
        vec![
            record.sequence.to_string(),
            record.time.clone(),
            record.code.clone(),
            record.name.clone(),
            record.actor.clone(),
            record.trigger.clone(),
            record.parent.clone().unwrap_or_default(),
        ]
    };
    table(
        &[
            "record",
            "time",
            "code",
            "event",
            "actor",
            "trigger",
            "because of",
        ],
        &records.iter().map(row).collect::<Vec<_>>(),
    )
}

fn line(step: &WhyStep) -> String {
    format!("Record {}, {}: {}", step.record, step.time, step.sentence)
}

fn why_text(view: &WhyView) -> String {
    let lines: Vec<String> = view.steps.iter().map(line).collect();
    format!("{}\n{}", lines.join("\nbecause "), view.root)
}

fn renewal_text(view: &RenewalView) -> String {
    let way: Vec<String> = view.way.iter().rev().map(line).collect();
    let records: Vec<String> = view.records.iter().map(line).collect();
    let came = match (&view.certificate, &view.replaces) {
        (Some(new), Some(old)) => format!("Certificate {new} came of it, in place of {old}."),
        (Some(new), None) => format!("Certificate {new} came of it, the first for its names."),
        (None, _) => "No certificate came of it.".to_owned(),
    };
    let (root, way, records) = (&view.root, way.join("\n"), records.join("\n"));
    format!(
        "What set it off. {root}\n{way}\n\nWhat happened to order {}:\n{records}\n\n{came}",
        view.order
    )
}
