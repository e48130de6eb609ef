//! Endpoints: found by place and lineage, claimed when due, and recorded when something changes.

use std::net::SocketAddr;

use super::fixture::{at, by, codes, history, is_conflict, put, random};
use super::{Fault, Flaky, Fresh, Tested};
use crate::endpoint::{
    Endpoint, EndpointOrigin, EndpointSpec, Lineage, Look, Place, Sighting, Verdict,
};
use crate::{
    AccountId, Changeset, EndpointStore, Identifier, Kind, Ledger, Page, StoreError, Subject,
    Transition, Versioned,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_endpoints {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { endpoints $($rest)*:
            endpoints_are_found_by_place_and_by_lineage,
            two_endpoints_are_not_at_one_place,
            an_endpoint_is_claimed_when_it_is_due_and_not_before,
            a_change_of_verdict_is_recorded_once_whenever_the_commit_fails,
        }
    };
}

fn spec(name: &str) -> EndpointSpec {
    EndpointSpec {
        connect_to: Vec::new(),
        disk: None,
        grace: 0,
        host: Identifier::dns(name).expect("it is a name"),
        interval: 600,
        lineage: None,
        port: 443,
        protocol: "tls".to_owned(),
        without_name: false,
    }
}

fn add(spec: EndpointSpec) -> Transition<Endpoint> {
    Endpoint::add(spec, EndpointOrigin::ByHand, &mut random, at(0))
}

fn look(endpoint: &Versioned<Endpoint>, verdict: Verdict, second: i64) -> Transition<Endpoint> {
    let sighting = Sighting {
        chain: vec!["0".repeat(64)],
        level: verdict.level(),
        lifetime: None,
        place: Place {
            address: Some(SocketAddr::from(([192, 0, 2, 1], 443))),
            algorithm: None,
            named: true,
        },
        timings: None,
        verdict,
    };
    let look = Look {
        at: at(second),
        expectation: None,
        sightings: vec![sighting],
    };
    endpoint.looked(look, 0)
}

pub fn endpoints_are_found_by_place_and_by_lineage(fresh: &Fresh) {
    fresh.run(async |store| {
        let names = ["b.example", "a.example"].map(|name| Identifier::dns(name).expect("a name"));
        let lineage = |identifiers: Vec<Identifier>| Lineage {
            account: AccountId::first_at(at(0)),
            identifiers,
        };
        let expected = EndpointSpec {
            lineage: Some(lineage(names.to_vec())),
            ..spec("a.example")
        };
        let one = put(store, add(expected.clone())).await;
        let other = put(store, add(spec("other.example"))).await;
        let [b, a] = names;
        let same = lineage(vec![a.clone(), b]);
        let found = store.endpoints_of(&same, Page::oldest(9)).await;
        assert_eq!(
            found.expect("a query is answered"),
            std::slice::from_ref(&one)
        );
        let none = store.endpoints_of(&lineage(vec![a]), Page::oldest(9)).await;
        assert_eq!(none.expect("a query is answered"), []);
        let found = store.endpoint_at(&expected).await;
        assert_eq!(found.expect("a query is answered"), Some(one.clone()));
        let all = store.endpoints(Page::oldest(9)).await;
        assert_eq!(all.expect("a query is answered"), [one, other]);
    });
}

pub fn two_endpoints_are_not_at_one_place(fresh: &Fresh) {
    fresh.run(async |store| {
        let first = put(store, add(spec("a.example"))).await;
        let again = Changeset::of(add(spec("a.example")).by(&by()));
        is_conflict(&store.commit(again).await);
        put(store, first.remove(at(1))).await;
        put(store, add(spec("a.example"))).await;
    });
}

pub fn an_endpoint_is_claimed_when_it_is_due_and_not_before(fresh: &Fresh) {
    fresh.run(async |store| {
        let endpoint = put(store, add(spec("a.example"))).await;
        let claim = async |second| {
            let claimed = store.claim_due(Kind::Endpoint, at(second), at(second + 30), 9);
            claimed.await.expect("rows are claimed")
        };
        let leases = claim(0).await;
        let [lease] = &leases[..] else {
            panic!("one is due: {leases:?}")
        };
        assert_eq!(lease.key, endpoint.value.id().to_string());
        let seen = look(&endpoint, Verdict::Expected, 1).by(&by());
        let due = seen.after().value.due();
        let done = store.commit(Changeset::of(seen).under(lease.clone())).await;
        done.expect("it is written");
        assert_eq!(claim(2).await, []);
        assert_eq!(
            claim(due.since(at(0)).as_secs().cast_signed() + 1)
                .await
                .len(),
            1
        );
    });
}

pub fn a_change_of_verdict_is_recorded_once_whenever_the_commit_fails(fresh: &Fresh) {
    // One store may be used for both.
    for (fault, name) in [(Fault::Before, "a.example"), (Fault::After, "b.example")] {
        fresh.run(async |store: &dyn Tested| {
            let id = *put(store, add(spec(name))).await.value.id();
            for (second, verdict) in [(1, Verdict::Expected), (2, Verdict::Unknown)] {
                let flaky = Flaky::over(fresh.store()).at(1, fault);
                for again in 0..3 {
                    let endpoint = flaky.endpoint(&id).await.expect("it is there");
                    let seen = look(&endpoint, verdict.clone(), second + again).by(&by());
                    match flaky.commit(Changeset::of(seen)).await {
                        Ok(_) | Err(StoreError::Unavailable(_) | StoreError::Indeterminate(_)) => {}
                        Err(error) => panic!("nobody else writes, and yet: {error}"),
                    }
                }
            }
            let told = history(store, Some(&Subject::Endpoint(id))).await;
            let wanted = ["endpoint.added", "endpoint.seen", "endpoint.mismatch"];
            assert_eq!(codes(&told), wanted, "{fault:?}");
        });
    }
}
