//! What a probe costs the machine that makes it, in processor time of one thread.
//!
//! A bare connection, a plain handshake with rustls and webpki, and the two ways of looking are measured in
//! turns, against a server in the same process whose threads do not count. The time of the kernel on
//! loopback counts, for both ends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use certlocker_core::{Der, DnsName, Identifier, Timestamp};
use certlocker_probe::{
    Algorithm, Captured, Depth, Facts, Fingerprint, Generation, Inventory, Item, Judge, Level,
    Lineage, Manners, Offer, Phase, Plan, Protocol, Roots, Session, TlsVersion,
};
use clap::Parser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::time::{ClockId, clock_gettime};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

const NAME: &str = "a.example";

/// Measures the processor time of one thread for each kind of probe.
#[derive(Parser)]
struct Arguments {
    /// How many batches of each kind, of which the median and the best are shown.
    #[arg(long, default_value_t = 15)]
    batches: usize,
    /// How many probes a batch has.
    #[arg(long, default_value_t = 200)]
    probes: u32,
}

/// A server, what it serves, and who trusts it.
struct Scene {
    address: SocketAddr,
    chain: Vec<Der>,
    plain: Arc<ClientConfig>,
    judge: Judge,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let scene = Scene::new()?;
    let expected = Fingerprint::of(&scene.chain[0].0);
    type Kind<'a> = (&'static str, Box<dyn Fn() -> io::Result<()> + 'a>);
    let kinds: [Kind<'_>; 4] = [
        ("a bare connection", Box::new(|| scene.connect())),
        ("plain rustls with webpki", Box::new(|| scene.plain())),
        (
            "sweep, compared with the inventory",
            Box::new(|| {
                let captured = scene.look(Depth::Grab)?;
                assert!(
                    scene.judge.inventory.is_expected(NAME, &expected)
                        && captured.chain == scene.chain
                );
                Ok(())
            }),
        ),
        ("full, with every verdict", Box::new(|| scene.full())),
    ];
    let mut figures = vec![Vec::new(); kinds.len()];
    for _ in 0..=arguments.batches {
        for ((_, probe), figures) in kinds.iter().zip(&mut figures) {
            let before = micros();
            (0..arguments.probes).try_for_each(|_| probe())?;
            figures.push((micros() - before) / f64::from(arguments.probes));
        }
    }
    for ((name, _), mut figures) in kinds.iter().zip(figures) {
        // The first batch warms up.
        figures.remove(0);
        figures.sort_by(f64::total_cmp);
        let (best, median) = (figures[0], figures[figures.len() / 2]);
        println!("{name:36} best {best:7.1} us, median {median:7.1} us");
    }
    Ok(())
}

/// Processor time of this thread.
fn micros() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(
        clippy::cast_precision_loss,
        reason = "a program does not run for so long"
    )]
    let micros = now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3;
    micros
}

impl Scene {
    fn new() -> io::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names are valid names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("there is randomness");
        let root = CertifiedIssuer::self_signed(authority.clone(), key()).expect("it signs itself");
        let middle = CertifiedIssuer::signed_by(named(authority, "intermediate"), key(), &root)
            .expect("the root signs");
        let leaf_key = key();
        let leaf = CertificateParams::new(vec![NAME.to_owned()]).expect("it is a name");
        let leaf = leaf
            .signed_by(&leaf_key, &middle)
            .expect("the intermediate signs");
        let chain = vec![leaf.der().clone(), middle.der().clone()];
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).map_err(io::Error::other)?;
        let plain = ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ));
        let plain = plain
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut plain = plain.with_root_certificates(roots).with_no_client_auth();
        plain.resumption = rustls::client::Resumption::disabled();
        let root = Der(root.der().to_vec());
        let server = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ));
        let server = server
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let server = server
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .map_err(io::Error::other)?;
        let chain: Vec<Der> = chain.iter().map(|der| Der(der.to_vec())).collect();
        Ok(Self {
            address: serve(Arc::new(server))?,
            judge: judge(&chain[0], &root),
            chain,
            plain: Arc::new(plain),
        })
    }

    fn stream(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn connect(&self) -> io::Result<()> {
        self.stream().map(drop)
    }

    fn plain(&self) -> io::Result<()> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let mut connection =
            ClientConnection::new(Arc::clone(&self.plain), name).map_err(io::Error::other)?;
        let mut stream = self.stream()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(())
    }

    fn look(&self, depth: Depth) -> io::Result<Captured> {
        let offer = Offer {
            algorithm: None,
            newest: TlsVersion::TLS_1_3,
            server_name: DnsName::parse(NAME).ok(),
        };
        let plan = Plan {
            depth,
            manners: Manners::Sudden,
            offer,
            prelude: Vec::new(),
            protocol: Protocol::Tls,
        };
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random).map_err(io::Error::other)?;
        let (mut session, mut stream) = (Session::new(plan, random), self.stream()?);
        let mut buffer = [0; 4096];
        while session.phase() != Phase::Done {
            stream.write_all(&session.transmit())?;
            match stream.read(&mut buffer)? {
                0 => session.ended(),
                count => session.receive(&buffer[..count]),
            }
        }
        let outcome = session
            .outcome()
            .cloned()
            .unwrap_or(Err(certlocker_probe::Failure::Closed(Phase::Done)));
        outcome.map_err(io::Error::other)
    }

    fn full(&self) -> io::Result<()> {
        let captured = self.look(Depth::Full { identity: None })?;
        let name = Identifier::dns(NAME).map_err(io::Error::other)?;
        let judgement = self.judge.judge(NAME, Some(&name), &captured, now());
        assert!(judgement.level() < Level::Failure, "{judgement:?}");
        Ok(())
    }
}

fn named(mut parameters: CertificateParams, name: &str) -> CertificateParams {
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    parameters
}

fn judge(leaf: &Der, root: &Der) -> Judge {
    let facts = Facts::read(&leaf.0).expect("it was made here");
    let item = Item {
        grace: std::time::Duration::ZERO,
        lineages: vec![Lineage::new(
            Algorithm::Ecdsa,
            Generation::of(&facts, now()),
        )],
        name: NAME.to_owned(),
        names: facts.names,
    };
    let mut judge = Judge::new(Inventory::new([item]));
    judge.stores.inventory = Some(Roots::new([root]));
    judge
}

/// In the middle of the time for which certificates are made by default.
fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// Serves whoever comes, on threads of its own.
fn serve(config: Arc<ServerConfig>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(connection) = ServerConnection::new(Arc::clone(&config)) {
                let _ = io::copy(&mut StreamOwned::new(connection, stream), &mut io::sink());
            }
        }
    });
    Ok(address)
}
