use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use certlocker_audit::sink::conformance::{Fresh, records};
use certlocker_audit::sink::{AuditSink, Format, SyslogSink, Transport, Trust};
use pollster::block_on;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::syslog::{Received, frame, texts};

struct Server {
    certificate: Vec<u8>,
    config: Arc<ServerConfig>,
    listener: TcpListener,
}

impl Server {
    /// Shows a certificate for this name.
    fn named(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key));
        Self {
            certificate: made.cert.der().to_vec(),
            config: Arc::new(config.unwrap()),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn accept(&self) -> StreamOwned<ServerConnection, TcpStream> {
        let (stream, _) = self.listener.accept().unwrap();
        StreamOwned::new(ServerConnection::new(self.config.clone()).unwrap(), stream)
    }

    fn sink(&self) -> SyslogSink {
        let trust = Trust::anchors([self.certificate.as_slice()]).unwrap();
        let port = self.listener.local_addr().unwrap().port();
        let peer = format!("localhost:{port}");
        SyslogSink::new(peer, "host", Transport::Tls(trust), Format::Canonical)
            .patient(Duration::from_secs(5))
    }
}

fn over_tls() -> Fresh {
    let server = Server::named("localhost");
    let (sink, received) = (server.sink(), Received::default());
    let messages = received.clone();
    thread::spawn(move || {
        let mut stream = server.accept();
        while let Some(message) = frame(&mut stream) {
            messages.lock().unwrap().push(message);
        }
    });
    Fresh::new(Arc::new(sink), move || texts(&received), crate::run)
}

certlocker_audit::sink_conformance!(over_tls);

#[test]
fn a_server_with_another_name_gets_nothing() {
    let server = Server::named("other.example");
    let sink = server.sink();
    let peer = thread::spawn(move || frame(&mut server.accept()));
    let error = block_on(sink.deliver(&records(&["a"]))).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("not valid for name"), "{cause}");
    assert_eq!(peer.join().unwrap(), None);
}

#[test]
fn a_server_that_closed_the_connection_is_connected_to_again() {
    let server = Server::named("localhost");
    let sink = server.sink();
    let all = records(&["a"; 2]);
    let first = thread::spawn(move || {
        let mut stream = server.accept();
        let message = frame(&mut stream);
        (server, message.is_some())
    });
    block_on(sink.deliver(&all[..1])).unwrap();
    let (server, came) = first.join().unwrap();
    assert!(came);
    let second = thread::spawn(move || frame(&mut server.accept()).is_some());
    block_on(sink.deliver(&all[1..])).unwrap();
    assert!(second.join().unwrap());
}
