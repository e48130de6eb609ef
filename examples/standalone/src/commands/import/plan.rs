//! `import plan`: here, or by a running server that is asked how far it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use certlocker_import::found::Discovery;

use super::super::{CommandError, Desk, Remote, by_command};
use super::{invalid, read_text, show};
use crate::cli::PlanArguments;
use crate::inventory::InventoryError;
use crate::inventory::import::{DiscoveryView, NamedText, PlanRequest};
use crate::inventory::import_view::PlanDetail;

/// How often a server is asked how far it is.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn make(
    desk: &Desk,
    arguments: &PlanArguments,
) -> Result<PlanDetail, CommandError> {
    let request = request(arguments)?;
    match desk {
        Desk::Database(inventory) => {
            let go_on = |found: &Discovery| {
                tell(found.hosts.len(), found.complete.len());
                true
            };
            let by = by_command();
            Ok(inventory.plan_import(&request, &by, &go_on).await?)
        }
        Desk::Server(server) => {
            let plan = by_server(server, &request).await?;
            show(desk, &plan).await
        }
    }
}

fn tell(found: usize, parts: usize) {
    if found > 0 {
        eprintln!("{found} machines found, {parts} parts seen to their end");
    }
}

async fn by_server(server: &Remote, request: &PlanRequest) -> Result<String, CommandError> {
    let mut look: DiscoveryView = server.post("/imports/plans", request).await?;
    let mut told = 0;
    loop {
        if look.found != told {
            told = look.found;
            tell(look.found, look.parts);
        }
        match (look.plan, look.why) {
            (Some(plan), _) => return Ok(plan),
            (None, Some(why)) => return Err(InventoryError::Refused(why).into()),
            (None, None) => tokio::time::sleep(PAUSE).await,
        }
        let path = format!("/imports/discoveries/{}", look.id);
        look = server.get(&path).await?;
    }
}

fn request(arguments: &PlanArguments) -> Result<PlanRequest, CommandError> {
    Ok(PlanRequest {
        account: arguments.account.clone(),
        all_projects: arguments.all_projects,
        endpoint: arguments.endpoint.clone(),
        from: arguments.from.clone(),
        groups: arguments.groups.clone(),
        keys: texts(&arguments.keys)?,
        logins: logins(&arguments.logins)?,
        recordings: texts(&arguments.files)?,
        region: match arguments.from {
            Some(_) => None,
            None => arguments.region.first().cloned(),
        },
        regions: match arguments.from {
            Some(_) => arguments.region.clone(),
            None => Vec::new(),
        },
    })
}

fn logins(given: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let login = |login: &String| {
        let expected = || invalid(format!("--login {login}: GROUP=USER was expected"));
        let (group, user) = login.split_once('=').ok_or_else(expected)?;
        Ok((group.to_owned(), user.to_owned()))
    };
    given.iter().map(login).collect()
}

fn texts(paths: &[PathBuf]) -> Result<Vec<NamedText>, CommandError> {
    let text = |path: &PathBuf| {
        Ok(NamedText {
            name: path.display().to_string(),
            text: read_text(path)?,
        })
    };
    paths.iter().map(text).collect()
}
