//! The way to a server outside of this process.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(20);
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// One connection for each request, so that no server can lean on the connection.
pub struct Tls(TlsConnector);

impl Tls {
    /// Trusts the roots in the PEM file, or else those of the system.
    pub fn trusting(file: Option<&str>) -> Self {
        let mut roots = RootCertStore::empty();
        let file = file.unwrap_or(SYSTEM_ROOTS);
        let certificates = CertificateDer::pem_file_iter(file).expect("the file of roots reads");
        roots.add_parsable_certificates(certificates.map(Result::unwrap));
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Sends a request; a server that gives no answer fails the scenario and not the run.
    pub async fn exchange(&self, request: http::Request<Full<Bytes>>) -> http::Response<Vec<u8>> {
        let asked = format!("{} {}", request.method(), request.uri());
        tokio::time::timeout(PATIENCE, self.answer(request))
            .await
            .unwrap_or_else(|_| panic!("{asked} got no answer"))
    }

    async fn answer(&self, request: http::Request<Full<Bytes>>) -> http::Response<Vec<u8>> {
        let authority = request.uri().authority().unwrap().clone();
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let tcp = TcpStream::connect((host.as_str(), port))
            .await
            .expect("the subject listens");
        let name = ServerName::try_from(host).unwrap();
        let stream = self
            .0
            .connect(name, tcp)
            .await
            .expect("the subject is trusted");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(in_origin_form(request)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        http::Response::from_parts(parts, body)
    }
}

/// RFC 9112 section 3.2.1: the path in the request line, the authority in `Host`, unless the
/// scenario says something else there.
fn in_origin_form(request: http::Request<Full<Bytes>>) -> http::Request<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().unwrap().to_string();
    let path = parts.uri.path_and_query().unwrap().to_string();
    parts.uri = path.parse().unwrap();
    parts
        .headers
        .entry("host")
        .or_insert(authority.parse().unwrap());
    http::Request::from_parts(parts, body)
}
