//! What tests do with instant-acme over TLS.

use std::fs;
use std::path::Path;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, Order, RetryPolicy,
};

use super::scene::Scene;
use super::server::Credential;

/// Registers with a scoped client's credential.
pub(crate) async fn register(scene: &Scene, client: Credential) -> Account {
    register_with_credentials(scene, client).await.0
}

/// The same, with what it takes to be the account again over other connections.
pub(crate) async fn register_with_credentials(
    scene: &Scene,
    client: Credential,
) -> (Account, AccountCredentials) {
    try_register(scene, client).await.unwrap()
}

/// The same, with what went wrong.
pub(crate) async fn try_register(
    scene: &Scene,
    client: Credential,
) -> Result<(Account, AccountCredentials), Error> {
    let mac_key = client.mac_key();
    let new = NewAccount {
        contact: &["mailto:ops@instant.example"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let binding = ExternalAccountKey::new(client.kid, &mac_key);
    let builder = Account::builder_with_root(scene.server.ca_file()).unwrap();
    let directory = scene.server.directory().to_owned();
    builder.create(&new, directory, Some(&binding)).await
}

/// The account over connections of its own: those of before a crash are gone.
pub(crate) async fn reconnect(scene: &Scene, credentials: AccountCredentials) -> Account {
    let builder = Account::builder_with_root(scene.server.ca_file()).unwrap();
    builder.from_credentials(credentials).await.unwrap()
}

pub(crate) async fn order(account: &Account, names: &[&str]) -> Result<Order, Error> {
    let dns = |name: &&str| Identifier::Dns((*name).to_owned());
    let names: Vec<Identifier> = names.iter().map(dns).collect();
    account.new_order(&NewOrder::new(&names)).await
}

/// The id at the end of an order's URL.
pub(crate) fn id(order: &Order) -> String {
    order.url().rsplit('/').next().unwrap().to_owned()
}

/// Puts the http-01 answers into the web root `answers`, and says so.
pub(crate) async fn answer(order: &mut Order, answers: &Path) {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
        let answer = challenge.key_authorization();
        fs::write(answers.join(&challenge.token), answer.as_str()).unwrap();
        challenge.set_ready().await.unwrap();
    }
}

/// Says that the answers are in place, and they are not; gives the problem as far as it is known at once.
pub(crate) async fn answer_nowhere(order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let challenge = authorization.challenge(ChallengeType::Http01);
        challenge.unwrap().set_ready().await?;
    }
    Ok(())
}

/// The private key and the chain of a proven order.
pub(crate) async fn finish(order: &mut Order) -> (String, String) {
    order.poll_ready(&RetryPolicy::default()).await.unwrap();
    let key = order.finalize().await.unwrap();
    let chain = order.poll_certificate(&RetryPolicy::default()).await;
    (key, chain.unwrap())
}
