//! Five thousand machines in four regions: planned, applied, planned again, changed, and the next
//! plan has just what was changed, whatever goes wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_ec2::Client;
use certlocker_core::import::{Action, Line, LineCounts, LineKind};
use certlocker_import::source::aws::{Ec2, Options};
use certlocker_import::source::{Progress, SourceError, discover};
use futures_util::future::join_all;

use crate::answers::{ec2_error, key};
use crate::moto::{Moto, found, security_group, tag, tags, ubuntu};
use crate::server::{Reply, Request, Server};
use crate::world::World;

const REGIONS: [&str; 4] = ["ap-south-1", "eu-west-1", "us-east-1", "us-west-2"];
/// So many times as many machines are made in each region.
const RESERVATIONS: usize = 25;
const MACHINES: usize = 50;
const ALL: usize = REGIONS.len() * RESERVATIONS * MACHINES;

/// A region with what is in it.
struct Region {
    client: Client,
    group: String,
    ids: Vec<String>,
    image: String,
}

impl Region {
    async fn new(moto: &Moto, name: &str) -> Self {
        let client = moto.client(name);
        let image = ubuntu(&client).await;
        let group = security_group(&client, "web").await;
        security_group(&client, "db").await;
        let mut region = Self {
            client,
            group,
            ids: Vec::new(),
            image,
        };
        for at in 0..RESERVATIONS {
            let env = ["prod", "test"][at % 2];
            let made = region.make(MACHINES, env).await;
            region.ids.extend(made);
        }
        region
    }

    async fn make(&self, count: usize, env: &str) -> Vec<String> {
        let count = i32::try_from(count).unwrap();
        let request = self
            .client
            .run_instances()
            .image_id(&self.image)
            .min_count(count)
            .max_count(count)
            .security_group_ids(&self.group)
            .tag_specifications(tags(&[("env", env)]));
        let made = request.send().await.unwrap();
        let ids = made.instances().iter().filter_map(|of| of.instance_id());
        ids.map(str::to_owned).collect()
    }

    /// Changes twenty-five machines, each in one way; tells what is to be in the next plan.
    async fn change(&self) -> Vec<(String, LineKind)> {
        let client = &self.client;
        let [stopped, terminated, retagged, renamed, moved] =
            [0, 5, 10, 15, 18].map(|from| self.ids[from * 10..].to_vec());
        let (stopped, terminated, retagged, renamed, moved) = (
            &stopped[..5],
            &terminated[..5],
            &retagged[..5],
            &renamed[..3],
            &moved[..2],
        );
        let ids = |ids: &[String]| Some(ids.to_vec());
        client
            .stop_instances()
            .set_instance_ids(ids(stopped))
            .send()
            .await
            .unwrap();
        client
            .terminate_instances()
            .set_instance_ids(ids(terminated))
            .send()
            .await
            .unwrap();
        let retag = client.create_tags().set_resources(ids(retagged));
        retag.tags(tag("env", "stage")).send().await.unwrap();
        let rename = client.create_tags().set_resources(ids(renamed));
        rename.tags(tag("Name", "named")).send().await.unwrap();
        let db = self.group_named("db").await;
        for id in moved {
            let modify = client.modify_instance_attribute().instance_id(id);
            modify.groups(&db).send().await.unwrap();
        }
        let made = self.make(5, "prod").await;
        let changed = [stopped, retagged, renamed, moved].concat();
        let of = |ids: &[String], kind: LineKind| {
            ids.iter().map(|id| (id.clone(), kind)).collect::<Vec<_>>()
        };
        [
            of(&changed, LineKind::Update),
            of(terminated, LineKind::Gone),
            of(&made, LineKind::Create),
        ]
        .concat()
    }

    async fn group_named(&self, name: &str) -> String {
        let groups = self.client.describe_security_groups().send().await.unwrap();
        let mut groups = groups.security_groups().iter();
        let found = groups
            .find(|group| group.group_name() == Some(name))
            .unwrap();
        found.group_id().unwrap().to_owned()
    }
}

fn options(url: String) -> Options {
    Options {
        attempts: 3,
        endpoint: Some(url),
        page_size: 5,
        pause: std::time::Duration::from_millis(1),
        regions: REGIONS.iter().map(ToString::to_string).collect(),
        ..Options::default()
    }
}

/// What stands between a source and moto, for a while.
struct Weather {
    is_bad: AtomicBool,
    moto: SocketAddr,
    pages: Mutex<BTreeMap<String, usize>>,
}

impl Weather {
    /// One region throttles and goes on, one ends its second page early, one has been
    /// taken from the account.
    fn reply(&self, request: &Request) -> Reply {
        let forward = Reply::Forward(self.moto);
        let is_page = request.action() == "DescribeInstances";
        if !is_page || !self.is_bad.load(Ordering::Relaxed) {
            return forward;
        }
        let region = request.region().to_owned();
        let page = *self
            .pages
            .lock()
            .unwrap()
            .entry(region)
            .and_modify(|n| *n += 1)
            .or_insert(1);
        match request.region() {
            "ap-south-1" if !page.is_multiple_of(2) => {
                ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.").into()
            }
            "eu-west-1" if page > 1 => Reply::Cut(Box::new(forward), 80),
            "us-west-2" if page > 2 => ec2_error(401, "OptInRequired", "Not subscribed.").into(),
            _ => forward,
        }
    }
}

fn kinds(lines: &[Line]) -> BTreeSet<(String, LineKind)> {
    let acting = lines
        .iter()
        .filter(|line| !matches!(line.kind(), LineKind::Exists | LineKind::Skip));
    acting.map(|line| (instance(line), line.kind())).collect()
}

fn instance(line: &Line) -> String {
    let state = match &line.action {
        Action::Gone { before, .. } => before.cloud.clone(),
        _ => line.proposal().unwrap().cloud.clone(),
    };
    state.unwrap().instance().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_plan_has_just_what_was_changed() {
    let Some(moto) = Moto::start() else { return };
    let regions = join_all(REGIONS.map(|name| Region::new(&moto, name))).await;
    let weather = Arc::new(Weather {
        is_bad: AtomicBool::new(false),
        moto: moto.address(),
        pages: Mutex::default(),
    });
    let between = weather.clone();
    let proxy = Server::start(move |request| between.reply(request)).await;
    let mut world = World::new();
    world
        .rules
        .groups
        .push("sg-{security_group}".parse().unwrap());

    let first = found(&Ec2::new(&key(), options(moto.url())).unwrap()).await;
    assert_eq!(
        (first.hosts.len(), first.failed.len(), first.complete.len()),
        (ALL, 0, 4)
    );
    let plan = world.import(first.clone());
    assert_eq!(LineCounts::of(&world.stored(&plan)).create, ALL);
    assert_eq!(
        kinds(&world.lines(first)),
        BTreeSet::new(),
        "nothing is left to do"
    );

    let changes = join_all(regions.iter().map(Region::change)).await.concat();
    assert_eq!(changes.len(), 100);
    weather.is_bad.store(true, Ordering::Relaxed);
    let source = Ec2::new(&key(), options(proxy.url())).unwrap();
    let mut progress = Progress::default();
    discover(&source, &mut progress, &|_| true).await.unwrap();
    let partial = progress.found().clone();
    let complete: Vec<&str> = partial
        .complete
        .iter()
        .map(|scope| &*scope.region)
        .collect();
    assert_eq!(complete, ["ap-south-1", "us-east-1"]);
    let failed: Vec<(&str, &str)> = partial
        .failed
        .iter()
        .map(|(of, why)| (&*of.region, &**why))
        .collect();
    assert!(failed[0].1.contains("ends before its end"), "{failed:?}");
    assert_eq!(
        failed[1],
        ("us-west-2", &*SourceError::Disabled.to_string())
    );
    let expected: BTreeSet<(String, LineKind)> = changes.into_iter().collect();
    let seen = kinds(&world.lines(partial));
    assert!(
        seen.is_subset(&expected),
        "nothing is made of what was not seen"
    );
    assert!(seen.len() >= 50);

    weather.is_bad.store(false, Ordering::Relaxed);
    discover(&source, &mut progress, &|_| true).await.unwrap();
    let whole = progress.into_discovery();
    assert_eq!((whole.complete.len(), whole.failed.len()), (4, 0));
    assert_eq!(
        whole.hosts.len(),
        ALL + 20,
        "each once, those that are terminated among them"
    );
    assert_eq!(kinds(&world.lines(whole.clone())), expected);
    world.import(whole.clone());
    assert_eq!(kinds(&world.lines(whole)), BTreeSet::new());
}
