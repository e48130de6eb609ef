//! Databases that earlier releases made.

use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls};

use super::super::{schema, text::stored};
use super::server::Server;
use crate::store::earlier::{is_there, told};
use crate::{PostgresStore, Sequence};

/// As the first release writes; what later ones add to a table is computed, or has a default.
async fn fill(client: &Client) {
    let mut head = Sequence::START;
    for changes in told() {
        for write in changes.writes() {
            let row = "INSERT INTO row (kind, key, version, snapshot) VALUES ($1, $2, 1, $3)";
            let (kind, key) = (write.kind.as_str(), stored(&write.key));
            client
                .execute(row, &[&kind, &key, &write.snapshot])
                .await
                .unwrap();
            for entry in &write.added {
                let text = "INSERT INTO entry (kind, name, value, key, single) \
                    VALUES ($1, $2, $3, $4, $5)";
                let value = stored(&entry.value);
                let given: super::super::Given<'_> =
                    &[&kind, &entry.name, &value, &key, &entry.unique];
                client.execute(text, given).await.unwrap();
            }
        }
        for draft in changes.drafts() {
            head = head.next();
            let place = i64::try_from(head.get()).unwrap();
            let record = "INSERT INTO record (sequence, code, bytes) VALUES ($1, $2, $3)";
            let bytes = draft.at(head);
            client
                .execute(record, &[&place, &draft.code(), &bytes])
                .await
                .unwrap();
            for subject in draft.subjects() {
                let about = "INSERT INTO record_subject (subject, sequence) VALUES ($1, $2)";
                let subject = subject.to_string();
                client.execute(about, &[&subject, &place]).await.unwrap();
            }
        }
    }
    let last = i64::try_from(head.get()).unwrap();
    let advance = "UPDATE ledger_head SET sequence = $1";
    client.execute(advance, &[&last]).await.unwrap();
}

#[test]
fn a_database_of_each_earlier_release_is_brought_up_to_date_with_all_that_is_in_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    for version in 1..u32::try_from(schema::known()).unwrap() {
        let name = format!("release{version}");
        server.create_database(&name);
        let url = server.url(&name);
        runtime.block_on(async {
            let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            schema::of_version(&mut client, version).await;
            fill(&client).await;
            let store = PostgresStore::open(&url).await.unwrap();
            is_there(&store).await;
            PostgresStore::open(&url)
                .await
                .unwrap()
                .check()
                .await
                .unwrap();
        });
    }
}
