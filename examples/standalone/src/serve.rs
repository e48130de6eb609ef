//! `serve`: puts everything together, serves both planes, and ends in good order.

mod audit;
mod error;
mod followers;
mod health;
mod identity;
mod lag;
mod planes;
mod signals;
pub(crate) mod sinks;
mod upkeep;
mod witnesses;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use certlocker_acme::validate::{self, NetworkValidator};
use certlocker_acme::{
    Clock, Config, Gateway, Links, LocalCa, LocalCaError, LocalCaSettings, Parts, Registration,
    RouteTable, SystemClock,
};
use certlocker_core::{
    Actor, Attribution, Changeset, Component, Fact, KeyWrap, Retry, StoreError, Trigger,
};
use tokio_util::sync::CancellationToken;

use crate::assemble::{Opened, PREFIX, Redeemers, base_url};
use crate::audit::AuditHome;
use crate::bootstrap::{self, BootstrapError};
use crate::config::{BaseUrl, Settings};
use crate::home::Home;
use crate::inventory::Inventory;
use crate::listen::Limits;
use crate::lock::DataDirLock;
#[cfg(feature = "oidc")]
use crate::oidc::Oidc;
use crate::operator;
use crate::probing::Watching;
use crate::ready::{Ready, ReadyFile};
use crate::telemetry::Metrics;
use crate::tls::Tls;
use followers::Followers;
use planes::{Listeners, Planes, Routers};
use signals::Signals;

pub use error::ServeError;

/// Serves until a signal says stop.
///
/// # Errors
/// [`ServeError`] for whatever keeps it from starting.
pub async fn serve(settings: &Settings, metrics: Metrics) -> Result<(), ServeError> {
    allow_open_files();
    let home = Home::prepare(&settings.data_dir)?;
    let _lock = DataDirLock::take(home.path())?;
    let opened = Opened::open(settings).await?;
    let listeners = Listeners::bind(settings)?;
    let public = listeners.public_url(settings);
    let clock = SystemClock::default();
    let links = Links::new(base_url(&public));
    let ca = authority(&opened, settings, &links, &clock).await?;
    home.write_ca(&ca.root_pem())?;
    home.write_base_url(&base_url(&public))?;
    record_start(&opened, &clock).await?;
    first_token(&opened, &home, &clock).await?;

    let followers = Followers::open(&opened, &home, &public, &clock, settings).await?;
    let names = identity::names([&public, &settings.operator_url], listeners.addresses());
    let tls = Tls::new(identity::issue(&ca, &names, clock.now())?)?;
    let redeemers = opened.nonces().await?;
    let gateway = Gateway::new(
        parts(&opened, &redeemers, &ca, settings)?,
        gateway_config(settings, links.clone()),
    );
    let inventory = inventory(&opened, &home, links.clone());
    let desk = operator::Parts {
        inventory: inventory.clone(),
        #[cfg(feature = "oidc")]
        oidc: Oidc::open(
            settings,
            listeners.operator_page_url(settings).as_str(),
            opened.store.as_ref(),
            opened.secrets.as_ref(),
            Arc::clone(&redeemers.nonces),
            clock.now(),
        )
        .await?,
    };
    let routers = routers(
        &gateway,
        &opened,
        desk,
        &public,
        metrics.clone(),
        followers.lags(),
    )?;

    let stop = CancellationToken::new();
    // What follows the ledger has to end as well when this does not get to its end.
    let _stops = stop.clone().drop_guard();
    let following = followers.start(&stop);
    let operator_url = listeners.operator_url(&public);
    let planes = Planes::start(listeners, routers, &tls, Limits::from(settings), &stop);
    let jobs = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.run().await }
    });
    let looks = tokio::spawn({
        let watch = inventory.watching.watch().clone();
        async move { watch.run().await }
    });
    let rounds = upkeep::Rounds {
        ca,
        gateway,
        inventory,
        metrics,
        names,
        nonces: redeemers.shared,
        retention: settings.order_retention,
        tls,
    };
    let upkeep = tokio::spawn(rounds.run());
    // Whoever reads the ready file may say stop at once.
    let signals = Signals::new()?;
    let ready = ready(settings, &home, &links, operator_url)?;
    signals.stopped().await;

    tracing::info!("stopping: requests in progress are finished");
    drop(ready);
    stop.cancel();
    planes.end().await;
    // What the last requests wrote gets to the log, too.
    following.end().await;
    jobs.abort();
    looks.abort();
    upkeep.abort();
    opened.database.close().await;
    Ok(())
}

async fn authority(
    opened: &Opened,
    settings: &Settings,
    links: &Links,
    clock: &SystemClock,
) -> Result<LocalCa, LocalCaError> {
    let ca_settings = LocalCaSettings {
        revocation_list: Some(links.revocation_list()),
        ..ca_settings(settings)
    };
    let (store, secrets) = (opened.store.as_ref(), opened.secrets.as_ref());
    LocalCa::open_or_create(store, secrets, ca_settings, clock.now()).await
}

/// Each connection is an open file, and what shells and service managers allow at first is little.
fn allow_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(allowed) => tracing::debug!(allowed, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

async fn record_start(opened: &Opened, clock: &SystemClock) -> Result<(), StoreError> {
    let started = Fact::server_started(env!("CARGO_PKG_VERSION"), clock.now());
    let loaded = Fact::wrapping_key_loaded(&opened.keys.ring.key_id(), clock.now());
    let by = startup();
    let facts = Changeset::fact(&started, &by).and_fact(&loaded, &by);
    opened.store.commit(facts).await.map(drop)
}

fn startup() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

async fn first_token(
    opened: &Opened,
    home: &Home,
    clock: &SystemClock,
) -> Result<(), BootstrapError> {
    bootstrap::first_token(opened.store.as_ref(), home, &startup(), clock.now()).await
}

/// How the local authority signs, without where its list is.
pub(crate) fn ca_settings(settings: &Settings) -> LocalCaSettings {
    LocalCaSettings {
        organization: "CertLocker".to_owned(),
        revocation_list: None,
        validity: settings.certificate_validity,
    }
}

fn parts(
    opened: &Opened,
    redeemers: &Redeemers,
    ca: &LocalCa,
    settings: &Settings,
) -> Result<Parts, ServeError> {
    let mut validation = validate::Config::default();
    validation.allow.clone_from(&settings.allow_validation_to);
    validation.http_port = settings.http01_port.get();
    validation.tls_port = settings.tls_alpn01_port.get();
    validation.resolver = settings.resolver;
    validation.max_attempts = settings.max_jobs.get();
    Ok(Parts {
        clock: Arc::new(SystemClock::default()),
        issuer: Arc::new(ca.clone()),
        nonces: Arc::clone(&redeemers.nonces),
        revocation_lists: Some(Arc::new(ca.clone())),
        secrets: opened.secrets.clone(),
        store: opened.store.clone(),
        validator: Arc::new(NetworkValidator::new(validation)?),
    })
}

fn gateway_config(settings: &Settings, links: Links) -> Config {
    let mut config = Config::new(links);
    config.answer_wait = settings.answer_wait;
    config.authorization_lifetime = settings.authorization_lifetime;
    config.issuer_patience = settings.issuer_patience;
    config.list_lifetime = settings.crl_validity;
    config.max_identifiers = settings.max_identifiers.get();
    config.max_jobs = settings.max_jobs.get();
    config.max_requests = settings.max_requests.get();
    config.max_validity = settings.max_certificate_validity;
    config.order_lifetime = settings.order_lifetime;
    config.rate_limits.account_orders = settings.account_order_rate;
    config.rate_limits.account_requests = settings.account_request_rate;
    config.rate_limits.client_orders = settings.client_order_rate;
    config.rate_limits.client_requests = settings.client_request_rate;
    config.rate_limits.network_requests = settings.network_request_rate;
    config.registration = if settings.open_registration {
        Registration::Open
    } else {
        Registration::Credential
    };
    config.retry = Retry {
        first: settings.validation_retry,
        window: settings.validation_window,
    };
    config.same_order_window = settings.same_order_window;
    config.terms_of_service = settings
        .terms_of_service
        .as_ref()
        .map(|url| url.as_str().to_owned());
    config.website = settings.website.as_ref().map(|url| url.as_str().to_owned());
    config
}

fn inventory(opened: &Opened, home: &Home, links: Links) -> Inventory {
    Inventory {
        audit: AuditHome::of(home),
        clock: Arc::new(SystemClock::default()),
        links,
        secrets: opened.secrets.clone(),
        store: opened.store.clone(),
        watching: Watching::over(&opened.store, home),
    }
}

/// Each plane's router; that no path belongs to both is checked on the one table.
fn routers(
    gateway: &Gateway,
    opened: &Opened,
    desk: operator::Parts,
    public: &BaseUrl,
    metrics: Metrics,
    lags: Vec<lag::Lag>,
) -> Result<Routers, ServeError> {
    RouteTable::protocol().with(&operator::routes())?;
    let mount = format!("{}{PREFIX}", public.path());
    let log = operator::log_router(desk.inventory.audit.clone());
    let desk = operator::router(desk, PREFIX);
    Ok(Routers {
        gateway: Router::new()
            .nest(&mount, gateway.router())
            .fallback_service(gateway.router()),
        operator: desk.merge(health::router(opened, metrics, lags)),
        log,
    })
}

fn ready(
    settings: &Settings,
    home: &Home,
    links: &Links,
    operator_url: String,
) -> Result<Option<ReadyFile>, ServeError> {
    let ready = Ready {
        directory: links.directory(),
        ca_file: home.ca_file(),
        operator_url,
        admin_token_file: home.admin_token_file(),
        pid: std::process::id(),
    };
    tracing::info!(directory = ready.directory, operator = ready.operator_url, ca = %ready.ca_file.display(), "serving");
    let path: Option<&PathBuf> = settings.ready_file.as_ref();
    Ok(path
        .map(|path| ReadyFile::write(path, &ready))
        .transpose()?)
}

/// How often the upkeep looks whether something is to be done.
pub(crate) const UPKEEP_PAUSE: Duration = Duration::from_secs(60);
