//! `token create`, `list`, `show`, `revoke`, `rotate`.

use std::path::{Path, PathBuf};

use certlocker_core::TokenText;

use super::{CommandError, Desk, by_command};
use crate::atomic::{self, Readers};
use crate::cli::{Exit, NewTokenArguments, TokenCommand};
use crate::config::Settings;
use crate::home::Home;
use crate::inventory::{
    InventoryError, IssuedToken, NewTokenRequest, RevokedTokens, RotationRequest, TokenReach,
    TokenView,
};
use crate::output::{Output, facts, table};

const LISTED: usize = 500;

pub(super) async fn run(
    settings: &Settings,
    command: &TokenCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    let desk = &Desk::open(settings).await?;
    match command {
        TokenCommand::Create(arguments) => {
            output.print(&create(desk, arguments).await?, issued_text)?
        }
        TokenCommand::List => output.print(&list(desk).await?, |tokens| list_text(tokens))?,
        TokenCommand::Show { token } => output.print(&show(desk, token).await?, token_text)?,
        TokenCommand::Revoke { token } => {
            output.print(&revoke(desk, token).await?, revoked_text)?
        }
        TokenCommand::Rotate {
            token: Some(token),
            expires,
        } => output.print(&rotate(desk, token, expires).await?, issued_text)?,
        TokenCommand::Rotate {
            token: None,
            expires,
        } => {
            let file = token_file(settings)?;
            let rotated = rotate_file(desk, &file, expires).await?;
            output.print(&rotated, |token| rotated_text(token, &file))?;
        }
    }
    Ok(Exit::Done)
}

async fn create(desk: &Desk, arguments: &NewTokenArguments) -> Result<IssuedToken, CommandError> {
    let request = NewTokenRequest {
        scopes: arguments.scope.clone(),
        expires: arguments.expires.clone(),
        networks: arguments.network.clone(),
        parent: arguments.parent.clone(),
        reason: arguments.reason.clone(),
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory
            .create_token(&request, TokenReach::All, None, &by_command())
            .await?),
        Desk::Server(server) => Ok(server.post("/tokens", &request).await?),
    }
}

async fn list(desk: &Desk) -> Result<Vec<TokenView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.tokens(TokenReach::All, None, LISTED).await?),
        Desk::Server(server) => Ok(server.get(&format!("/tokens?limit={LISTED}")).await?),
    }
}

async fn show(desk: &Desk, token: &str) -> Result<TokenView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.token(token, TokenReach::All).await?),
        Desk::Server(server) => Ok(server.get(&format!("/tokens/{token}")).await?),
    }
}

async fn revoke(desk: &Desk, token: &str) -> Result<RevokedTokens, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory
            .revoke_token(token, TokenReach::All, &by_command())
            .await?),
        Desk::Server(server) => Ok(server.post(&format!("/tokens/{token}/revoke"), &()).await?),
    }
}

async fn rotate(
    desk: &Desk,
    token: &str,
    expires: &Option<String>,
) -> Result<IssuedToken, CommandError> {
    let request = RotationRequest {
        expires: expires.clone(),
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory
            .rotate_token(token, &request, TokenReach::All, &by_command())
            .await?),
        Desk::Server(server) => Ok(server
            .post(&format!("/tokens/{token}/rotate"), &request)
            .await?),
    }
}

fn token_file(settings: &Settings) -> Result<PathBuf, CommandError> {
    match &settings.token_file {
        Some(file) => Ok(file.clone()),
        None => Ok(Home::at(&settings.data_dir)?.admin_token_file()),
    }
}

/// Rotates the token in a file, which then has the new one. What follows is only its view: the text is
/// in the file.
async fn rotate_file(
    desk: &Desk,
    file: &Path,
    expires: &Option<String>,
) -> Result<TokenView, CommandError> {
    let unusable = |error: String| InventoryError::Invalid(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let token: TokenText = text
        .trim()
        .parse()
        .map_err(|error: certlocker_core::InvalidToken| unusable(error.to_string()))?;
    let issued = rotate(desk, &token.id().to_string(), expires).await?;
    let line = format!("{}\n", issued.token);
    atomic::write(file, line.as_bytes(), Readers::Owner)?;
    Ok(issued.view)
}

fn issued_text(issued: &IssuedToken) -> String {
    let token = facts(&[("token", issued.token.clone())]);
    format!(
        "{}\n\n{token}\n\nThe token is not shown again.",
        token_text(&issued.view)
    )
}

fn rotated_text(token: &TokenView, file: &Path) -> String {
    format!(
        "{}\n\nThe new token is in {}.",
        token_text(token),
        file.display()
    )
}

fn token_text(token: &TokenView) -> String {
    facts(&[
        ("id", token.id.clone()),
        ("for", token.reason.clone()),
        ("status", token.status.clone()),
        ("may", token.scopes.join(", ")),
        ("from", token.networks.join(", ")),
        ("below", token.parent.clone().unwrap_or_default()),
        ("created", token.created.clone()),
        ("created by", token.created_by.clone().unwrap_or_default()),
        ("expires", token.expires.clone()),
        ("revoked", token.revoked.clone().unwrap_or_default()),
        ("last used", token.last_used.clone().unwrap_or_default()),
    ])
}

fn list_text(tokens: &[TokenView]) -> String {
    let row = |token: &TokenView| {
        vec![
            token.id.clone(),
            token.status.clone(),
            token.expires.clone(),
            token
                .last_used
                .clone()
                .unwrap_or_else(|| "never".to_owned()),
            token.parent.clone().unwrap_or_default(),
            token.scopes.join(", "),
            token.reason.clone(),
        ]
    };
    table(
        &[
            "token",
            "status",
            "expires",
            "last used",
            "below",
            "may",
            "for",
        ],
        &tokens.iter().map(row).collect::<Vec<_>>(),
    )
}

fn revoked_text(revoked: &RevokedTokens) -> String {
    match revoked.revoked.as_slice() {
        [] => "It was revoked before.".to_owned(),
        ids => format!("Revoked {}:\n{}", ids.len(), ids.join("\n")),
    }
}
