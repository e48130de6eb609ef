//! The ledger: numbered, found, read back.

use super::Fresh;
use super::fixture::{
    account, at, by, client, codes, consecutive, history, names, placed, put, random, request,
};
use crate::{
    AccountId, Actor, Attribution, Change, Changeset, Fact, Sequence, Subject, Traceparent, Trigger,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_records {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { records $($rest)*:
            records_count_from_one_in_the_order_of_the_commits,
            records_are_found_by_each_of_their_subjects,
            a_record_reads_back_as_what_was_written,
            a_fact_alone_is_recorded,
            a_commit_answers_with_the_place_of_its_first_record,
            reading_goes_on_after_the_record_before,
            after_the_last_record_there_is_nothing,
        }
    };
}

pub fn records_count_from_one_in_the_order_of_the_commits(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        put(store, client("c")).await;
        put(store, account.set_contacts(Vec::new(), at(1))).await;
        consecutive(store).await;
        let wanted = ["account.created", "client.created", "account.updated"];
        assert_eq!(codes(&history(store, None).await), wanted);
    });
}

pub fn records_are_found_by_each_of_their_subjects(fresh: &Fresh) {
    fresh.run(async |store| {
        let client = put(store, client("c")).await;
        let account = put(store, account("a", Some(*client.value.id()))).await;
        let order = put(store, placed(request(*account.value.id(), names(1)), at(1))).await;
        put(store, client.disable(at(2))).await;
        let about = async |subject| codes(&history(store, Some(&subject)).await);
        let created = ["client.created", "account.created", "client.disabled"];
        assert_eq!(about(Subject::Client(*client.value.id())).await, created);
        let history = ["account.created", "order.created"];
        assert_eq!(about(Subject::Account(*account.value.id())).await, history);
        assert_eq!(
            about(Subject::Order(*order.value.id())).await,
            ["order.created"]
        );
        assert!(
            about(Subject::Account(AccountId::new(at(0), &mut random)))
                .await
                .is_empty()
        );
    });
}

pub fn a_record_reads_back_as_what_was_written(fresh: &Fresh) {
    fresh.run(async |store| {
        let parent = Subject::Account(AccountId::new(at(0), &mut random));
        let mut by = Attribution::new(
            Actor::Command("Zoë \"'\\ \u{1f512}".to_owned()),
            Trigger::Request("7f".to_owned()),
        );
        by = by.because_of(parent);
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        by.traceparent = Some(Traceparent::try_from(trace).expect("this is a traceparent"));
        let fact = Fact::server_started("1.0 \0 \u{2028}", at(5));
        let written = store.commit(Changeset::fact(&fact, &by)).await;
        let records = history(store, None).await;
        let [record] = records.as_slice() else {
            panic!("one record was expected, not {records:?}");
        };
        assert_eq!(record.sequence, written.expect("it is written"));
        assert_eq!((record.time, &record.event), (at(5), fact.event()));
        let attribution = (&record.actor, &record.cause, &record.traceparent);
        assert_eq!(attribution, (&by.actor, &by.cause, &by.traceparent));
    });
}

pub fn a_fact_alone_is_recorded(fresh: &Fresh) {
    fresh.run(async |store| {
        let about = AccountId::new(at(0), &mut random);
        let fact = Fact::request_refused(about, None, "new-order", "malformed", "no names", at(0));
        store
            .commit(Changeset::fact(&fact, &by()))
            .await
            .expect("it is written");
        let found = history(store, Some(&Subject::Account(about))).await;
        assert_eq!(codes(&found), ["request.refused"]);
    });
}

pub fn a_commit_answers_with_the_place_of_its_first_record(fresh: &Fresh) {
    fresh.run(async |store| {
        let fact = |version| Fact::server_started(version, at(0));
        let two = Changeset::fact(&fact("1"), &by()).and_fact(&fact("2"), &by());
        assert_eq!(
            store.commit(two).await.expect("it is written"),
            Sequence::new(1)
        );
        let order = placed(request(AccountId::new(at(0), &mut random), names(1)), at(0)).by(&by());
        let placed = order.after();
        assert_eq!(
            store.commit(order.into()).await.expect("it is written"),
            Sequence::new(3)
        );
        let nothing_seen: Change<_> = placed
            .attempted(Vec::new(), &super::fixture::RETRY, at(9), at(1))
            .by(&by());
        let answer = store.commit(nothing_seen.into()).await;
        assert_eq!(
            answer.expect("it is written"),
            Sequence::new(3),
            "it has no record"
        );
        let next = store.commit(Changeset::fact(&fact("3"), &by())).await;
        assert_eq!(next.expect("it is written"), Sequence::new(4));
    });
}

pub fn reading_goes_on_after_the_record_before(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        for second in 1..8 {
            put(
                store,
                account_at(store, &account)
                    .await
                    .set_contacts(Vec::new(), at(second)),
            )
            .await;
            put(store, client(&second.to_string())).await;
        }
        let subject = Subject::Account(*account.value.id());
        for about in [None, Some(&subject)] {
            let (mut read, mut after) = (Vec::new(), Sequence::START);
            loop {
                let page = store
                    .records(about, after, 3)
                    .await
                    .expect("records are read");
                let Some(last) = page.last() else { break };
                assert!(page[0].sequence > after, "a page went back");
                after = last.sequence;
                read.extend(page);
            }
            assert_eq!(read, history(store, about).await);
            assert_eq!(read.len(), if about.is_some() { 8 } else { 15 });
        }
    });
}

async fn account_at(
    store: &dyn super::Tested,
    account: &crate::Versioned<crate::Account>,
) -> crate::Versioned<crate::Account> {
    let read = crate::AccountStore::account(store, account.value.id()).await;
    read.expect("it is there")
}

pub fn after_the_last_record_there_is_nothing(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        let subject = Subject::Account(*account.value.id());
        for after in [1, 2, i64::MAX as u64, u64::MAX] {
            for about in [None, Some(&subject)] {
                let read = store.records(about, Sequence::new(after), usize::MAX).await;
                assert!(read.expect("records are read").is_empty(), "after {after}");
            }
        }
    });
}
