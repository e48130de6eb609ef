//! Databases that are new, foreign, from another release, reached over TLS or not at all.

use std::error::Error;
use std::fs;

use certlocker_core::{Ledger, PostgresError, PostgresStore, StoreError};

use crate::nouns::fact;
use crate::scene::{Scene, plain, runtime};
use crate::server::Server;

#[test]
fn many_processes_may_open_a_new_database_at_once() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let open = || {
            let url = scene.url.clone();
            tokio::spawn(async move { PostgresStore::open(&url).await })
        };
        let opening: Vec<_> = (0..8).map(|_| open()).collect();
        for opened in opening {
            let store = opened.await.unwrap().unwrap();
            store.commit(fact("here")).await.unwrap();
        }
    });
}

#[test]
fn a_schema_of_another_program_is_left_alone() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let client = scene.client().await;
        let table = "CREATE TABLE invoice (number int)";
        client.batch_execute(table).await.unwrap();
        let error = PostgresStore::open(&scene.url).await.unwrap_err();
        assert!(matches!(error, PostgresError::Foreign { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("invoice"), "{text}");
        let tables = "SELECT FROM pg_tables WHERE schemaname = current_schema()";
        assert_eq!(client.query(tables, &[]).await.unwrap().len(), 1);
    });
}

#[test]
fn a_database_from_a_newer_release_is_refused_with_both_versions() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        scene.open().await.close().await;
        let newer = "INSERT INTO certlocker_migrations VALUES (99, 'later', '', '1')";
        let client = scene.client().await;
        client.batch_execute(newer).await.unwrap();
        let error = PostgresStore::open(&scene.url).await.unwrap_err();
        let PostgresError::Newer { found, known, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(*found == 99 && *known < 99, "{error}");
        let text = error.to_string();
        assert!(text.contains("run the release that wrote it"), "{text}");
    });
}

#[test]
fn a_record_is_neither_changed_nor_removed() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        scene.open().await.commit(fact("here")).await.unwrap();
        let client = scene.client().await;
        for statement in [
            "UPDATE record SET code = ''",
            "DELETE FROM record",
            "TRUNCATE record",
        ] {
            let error = client.batch_execute(statement).await.unwrap_err();
            let error = error.as_db_error().unwrap().message().to_owned();
            assert!(error.contains("never"), "{error}");
        }
    });
}

#[test]
fn a_closed_store_answers_that_it_is() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let store = scene.open().await;
        store.check().await.unwrap();
        store.commit(fact("last")).await.unwrap();
        store.close().await;
        let refused = |answer: Result<(), StoreError>| {
            assert!(
                matches!(answer, Err(StoreError::Unavailable(_))),
                "{answer:?}"
            );
        };
        refused(store.check().await);
        refused(store.commit(fact("late")).await.map(drop));
        let read = store.records(None, certlocker_core::Sequence::START, 1);
        refused(read.await.map(drop));
    });
}

fn told(error: &PostgresError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[test]
fn a_server_that_lets_nobody_in_is_named_without_the_password() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let client = scene.client().await;
        let role = "CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'correct'";
        client.batch_execute(role).await.unwrap();
        let right = scene.url.replace("postgres@", "guest:correct@");
        PostgresStore::open(&right).await.unwrap();
        let wrong = scene.url.replace("postgres@", "guest:hunter2@");
        let nobody = "postgres://postgres:hunter2@127.0.0.1:1/db".to_owned();
        for url in [wrong, nobody] {
            let error = told(&PostgresStore::open(&url).await.unwrap_err());
            assert!(error.contains("127.0.0.1"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    });
}

#[test]
fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let Some(scene) = Scene::new() else { return };
    let Some(standby) = Server::start() else {
        return;
    };
    runtime().block_on(async {
        let client = plain(&standby.url("postgres")).await;
        let read_only = "ALTER SYSTEM SET default_transaction_read_only = on";
        client.batch_execute(read_only).await.unwrap();
        standby.control(&["reload"]);
        let taken = "SELECT FROM pg_settings WHERE name = 'default_transaction_read_only' \
            AND setting = 'on'";
        while client.query(taken, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let own = format!("127.0.0.1:{}", scene.server.port());
        let hosts = format!("127.0.0.1:1,127.0.0.1:{},{own}", standby.port());
        let store = PostgresStore::open(&scene.url.replace(&own, &hosts)).await;
        store.unwrap().commit(fact("here")).await.unwrap();
    });
}

/// A server with a certificate for `localhost` of an authority that is written beside it.
fn with_tls() -> Option<Server> {
    let server = Server::start()?;
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = rcgen::KeyPair::generate().unwrap();
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let folder = server.folder();
    fs::write(folder.join("root.pem"), root_pem).unwrap();
    server.provide("server.pem", &leaf.pem());
    server.provide("server.key", &key.serialize_pem());
    let at = folder.display();
    server.configure(&format!(
        "ssl = on\nssl_cert_file = '{at}/server.pem'\nssl_key_file = '{at}/server.key'"
    ));
    server.control(&["-w", "restart"]);
    Some(server)
}

#[test]
fn a_server_is_believed_as_far_as_its_certificate_goes() {
    let Some(server) = with_tls() else { return };
    runtime().block_on(async {
        let root = server.folder().join("root.pem").display().to_string();
        let other = server.folder().join("server.pem").display().to_string();
        let named = server.url("postgres").replace("127.0.0.1", "localhost");
        let numbered = server.url("postgres");
        let cases = [
            (&named, "sslmode=require".to_owned(), true),
            (
                &named,
                format!("sslmode=verify-full&sslrootcert={root}"),
                true,
            ),
            (
                &numbered,
                format!("sslmode=verify-full&sslrootcert={root}"),
                false,
            ),
            (
                &numbered,
                format!("sslmode=verify-ca&sslrootcert={root}"),
                true,
            ),
            (
                &named,
                format!("sslmode=verify-ca&sslrootcert={other}"),
                false,
            ),
        ];
        let mut stores = Vec::new();
        for (url, tls, believed) in cases {
            let opened = PostgresStore::open(&format!("{url}?{tls}")).await;
            let why = opened.as_ref().err().map(told);
            assert_eq!(opened.is_ok(), believed, "{tls}: {why:?}");
            let Ok(store) = opened else { continue };
            store.commit(fact("over TLS")).await.unwrap();
            stores.push(store);
        }
        let client = plain(&server.url("postgres")).await;
        let encrypted = "SELECT FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE ssl AND application_name = 'certlocker'";
        let connections = client.query(encrypted, &[]).await.unwrap();
        assert!(connections.len() >= stores.len());
    });
}
