//! A disk that is full at a chosen write: the server refuses it with the words and the code of one.

use certlocker_core::conformance::Broken;

use crate::scene::{plain, runtime};

pub(crate) struct FullDisk;

/// Triggers count the statements that write, and the commit as the last of them. What a sequence
/// counts is not taken back with a transaction.
const COUNT: &str = r"
    CREATE SEQUENCE IF NOT EXISTS written;
    CREATE OR REPLACE FUNCTION out_of_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('written') = TG_ARGV[0]::bigint THEN
            RAISE EXCEPTION 'could not extend file: No space left on device'
                USING ERRCODE = 'disk_full';
        END IF;
        RETURN NULL;
    END
    $$";
const TABLES: [&str; 6] = [
    "row",
    "entry",
    "record",
    "record_subject",
    "ledger_head",
    "lease",
];

impl FullDisk {
    /// Full at the `step`th write from now on.
    pub(crate) fn at(url: &str, step: u32) -> Broken {
        let mut setup = format!("{COUNT}; SELECT setval('written', 1, false);");
        for table in TABLES {
            setup += &format!(
                "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {table} \
                FOR EACH STATEMENT EXECUTE FUNCTION out_of_room({step});"
            );
        }
        setup += &format!(
            "CREATE CONSTRAINT TRIGGER full_disk_at_commit AFTER UPDATE ON ledger_head \
            INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION out_of_room({step})"
        );
        let mut end = "DROP TRIGGER full_disk_at_commit ON ledger_head;".to_owned();
        for table in TABLES {
            end += &format!("DROP TRIGGER full_disk ON {table};");
        }
        execute(url, &setup);
        let (asked, mended) = (url.to_owned(), url.to_owned());
        Broken::new(
            move || written(&asked) >= i64::from(step),
            move || execute(&mended, &end),
        )
    }
}

/// Called while the case runs on the runtime, which is why it has a thread of its own.
fn execute(url: &str, statements: &str) {
    std::thread::scope(|scope| {
        let work = async { plain(url).await.batch_execute(statements).await.unwrap() };
        scope.spawn(|| runtime().block_on(work));
    });
}

fn written(url: &str) -> i64 {
    let count = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM written";
    std::thread::scope(|scope| {
        let work = async { plain(url).await.query_one(count, &[]).await.unwrap().get(0) };
        scope.spawn(|| runtime().block_on(work)).join().unwrap()
    })
}
