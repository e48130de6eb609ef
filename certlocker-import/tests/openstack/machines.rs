//! Machines behind the catalog of a real Keystone.

use certlocker_core::host::{AddressKind, Power};
use serde_json::json;

use crate::keystone::{Keystone, keystone};
use crate::nova::{Nova, server};
use crate::world::{World, address, counts};
use crate::{all, cloud, demo, options};

fn region(keystone: &Keystone, name: &str, machines: usize) -> Nova {
    let servers = (0..machines).map(|number| server(number, &keystone.project));
    let nova = Nova::start(servers.collect());
    keystone.region(name, &nova.url);
    nova
}

#[tokio::test]
async fn a_machine_is_told_with_what_nova_and_glance_know_of_it() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "told", 1);
    let found = all(&cloud(keystone, &demo(), options("told")))
        .await
        .unwrap();
    let host = &found.hosts[0];
    assert_eq!(host.cloud.account(), keystone.project);
    assert_eq!(host.cloud.region(), "told");
    for (ip, kind) in [
        ("10.1.0.1", AddressKind::Private),
        ("2001:db8::", AddressKind::Public),
        ("203.0.113.1", AddressKind::Floating),
    ] {
        assert!(host.facts.addresses.contains(&address(ip, kind)), "{ip}");
    }
    assert_eq!(host.image_name.as_deref(), Some("Ubuntu 24.04"));
    assert_eq!(host.image_login.as_deref(), Some("ubuntu"));
    assert_eq!(host.security_groups, ["default"]);
    assert_eq!(found.key_pairs[0].1.name, "deploy");
    assert!(found.key_pairs[0].1.fingerprint.is_some());
    assert_eq!(found.lacking, []);
    drop(nova);
}

#[tokio::test]
async fn five_thousand_machines_are_read_page_by_page_with_their_image_asked_once() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "many", 5_000);
    let mut options = options("many");
    options.page_size = 1_000;
    let found = all(&cloud(keystone, &demo(), options)).await.unwrap();
    assert_eq!((found.hosts.len(), found.complete.len()), (5_000, 1));
    let asked = &nova.cloud.lock().unwrap().asked;
    let images = asked.iter().filter(|path| path.starts_with("/image"));
    assert_eq!(images.count(), 1);
}

#[tokio::test]
async fn an_unknown_status_and_a_deleted_image_are_no_errors() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "odd", 2);
    {
        let servers = &mut nova.cloud.lock().unwrap().servers;
        servers[0]["status"] = json!("HIBERNATING");
        servers[1]["image"]["id"] = json!("deleted");
    }
    let found = all(&cloud(keystone, &demo(), options("odd")))
        .await
        .unwrap();
    assert_eq!(found.hosts[0].facts.power, Power::Unknown);
    assert_eq!(found.hosts[1].image_name, None);
    assert_eq!((found.complete.len(), found.lacking.len()), (1, 0));
}

#[tokio::test]
async fn of_a_part_with_a_cell_that_is_down_nothing_is_concluded() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "down", 25);
    let id = nova.cloud.lock().unwrap().servers[3]["id"].clone();
    nova.cloud.lock().unwrap().servers[3] =
        json!({ "id": id, "status": "UNKNOWN", "tenant_id": keystone.project });
    let found = all(&cloud(keystone, &demo(), options("down")))
        .await
        .unwrap();
    assert_eq!(found.hosts.len(), 24);
    assert_eq!((found.complete.len(), found.selected.len()), (0, 1));
    assert!(found.lacking[0].1.starts_with("1 machines"));
}

#[tokio::test]
async fn a_token_that_expires_meanwhile_is_replaced() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "expiring", 15);
    nova.cloud.lock().unwrap().expire_once = true;
    let found = all(&cloud(keystone, &demo(), options("expiring")))
        .await
        .unwrap();
    assert_eq!((found.hosts.len(), found.complete.len()), (15, 1));
}

#[tokio::test]
async fn a_busy_cloud_is_asked_again() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "busy", 1);
    nova.cloud.lock().unwrap().busy = 2;
    let found = all(&cloud(keystone, &demo(), options("busy")))
        .await
        .unwrap();
    assert_eq!((found.complete.len(), found.lacking.len()), (1, 0));
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "forbidden", 1);
    nova.cloud.lock().unwrap().is_forbidden = true;
    let found = all(&cloud(keystone, &demo(), options("forbidden")))
        .await
        .unwrap();
    let why = &found.failed[0].1;
    assert!(
        why.ends_with("permission: os_compute_api:servers:detail"),
        "{why}"
    );
}

#[tokio::test]
async fn a_region_that_is_not_there_is_told_with_those_that_are() {
    let Some(keystone) = keystone() else { return };
    let _nova = region(keystone, "there", 1);
    let found = all(&cloud(keystone, &demo(), options("elsewhere")))
        .await
        .unwrap();
    let why = &found.failed[0].1;
    assert!(
        why.contains("no region elsewhere; there are") && why.contains("there"),
        "{why}"
    );
}

#[tokio::test]
async fn a_page_that_fails_leaves_what_was_found_before_and_elsewhere() {
    let Some(keystone) = keystone() else { return };
    let _whole = region(keystone, "whole", 20);
    let broken = region(keystone, "broken", 50);
    broken.cloud.lock().unwrap().broken_from = Some(40);
    let mut options = options("whole");
    options.regions.push("broken".to_owned());
    let found = all(&cloud(keystone, &demo(), options)).await.unwrap();
    assert_eq!(found.hosts.len(), 20 + 40);
    assert_eq!((found.complete.len(), found.failed.len()), (1, 1));
}

#[test]
fn a_second_plan_is_empty_and_a_third_shows_what_was_changed() {
    let Some(keystone) = keystone() else { return };
    let nova = region(keystone, "planned", 30);
    let look = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime
            .block_on(all(&cloud(keystone, &demo(), options("planned"))))
            .unwrap()
    };
    let world = World::new();
    world.import(look());
    let second = world.lines(look());
    assert_eq!(counts(&second).exists, 30);
    nova.cloud.lock().unwrap().servers[7]["status"] = json!("SHUTOFF");
    nova.cloud.lock().unwrap().servers.remove(9);
    let third = world.lines(look());
    let counted = counts(&third);
    assert_eq!((counted.exists, counted.update, counted.gone), (28, 1, 1));
}
