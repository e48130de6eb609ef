//! The router over the gateway: bytes in, bytes out, and what HTTP itself can get wrong.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::call::{Answer, Call};
use crate::gateway::Gateway;
use crate::problem::{Problem, ProblemType};
use crate::route::Operation;

/// The largest body that is read.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a client may take to send it.
const BODY_TIME: Duration = Duration::from_secs(20);
/// Names the request in records, logs and the answer; a proxy may set it.
const REQUEST_ID: &str = "x-request-id";

impl Gateway {
    /// A router that serves the gateway's resources, to be nested under the path that its
    /// [`Links`](crate::Links) name. It answers every path below that, those it does not know too.
    ///
    /// The address of the client is taken from [`ConnectInfo`]`<SocketAddr>` if the server puts it
    /// into the request's extensions.
    pub fn router(&self) -> Router {
        let routes = Operation::ROUTES.iter().map(|(_, route)| route.path);
        let router = routes.fold(Router::new(), |router, path| {
            router.route(path, any(handle))
        });
        router.fallback(handle).with_state(self.clone())
    }
}

async fn handle(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let method = request.method().as_str().to_owned();
    let id = request_id(request.headers());
    let answered = AssertUnwindSafe(answer(&gateway, request, &id)).catch_unwind();
    let answer = answered.await.unwrap_or_else(|_| Err(broke(&id)));
    respond(
        answer.unwrap_or_else(|problem| gateway.refuse(&problem, &method)),
        &id,
    )
}

async fn answer(gateway: &Gateway, request: Request, id: &str) -> Result<Answer, Problem> {
    let call = call(request, id).await?;
    Ok(gateway.answer(call).await)
}

async fn call(request: Request, id: &str) -> Result<Call, Problem> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(Call {
        content_type: text(&parts.headers, header::CONTENT_TYPE.as_str()),
        method: parts.method.as_str().to_owned(),
        path_and_query: path.to_owned(),
        peer: parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| canonical(peer.ip())),
        request_id: id.to_owned(),
        traceparent: only(&parts.headers, "traceparent"),
        body: read(body).await?,
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str();
    value.ok().map(str::to_owned)
}

/// A header that means nothing when there are several of it.
fn only(headers: &HeaderMap, name: &str) -> Option<String> {
    match headers.get_all(name).iter().count() {
        1 => text(headers, name),
        _ => None,
    }
}

fn request_id(headers: &HeaderMap) -> String {
    text(headers, REQUEST_ID)
        .filter(|id| is_request_id(id))
        .unwrap_or_else(new_request_id)
}

/// An IPv4 client of a listener for both families is an IPv4 client.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(BODY_TIME, Limited::new(body, LARGEST_BODY).collect()).await;
    let collected = read.map_err(|_| {
        Problem::malformed(format!(
            "the body did not arrive within {} seconds",
            BODY_TIME.as_secs()
        ))
        .with_status(408)
    })?;
    match collected {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("the body is larger than {LARGEST_BODY} octets");
            Err(Problem::malformed(detail).with_status(413))
        }
        Err(_) => Err(Problem::malformed("the body broke off")),
    }
}

fn is_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

fn new_request_id() -> String {
    let mut bytes = [0; 8];
    crate::gateway::random(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// RFC 8555 section 6.1: browsers may use every resource.
const ANY_ORIGIN: (HeaderName, HeaderValue) = (
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    HeaderValue::from_static("*"),
);

fn preflight() -> Response<Body> {
    let headers = [
        ANY_ORIGIN,
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("86400"),
        ),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn respond(answer: Answer, request_id: &str) -> Response<Body> {
    const EXPOSED: HeaderValue =
        HeaderValue::from_static("Link, Location, Replay-Nonce, Retry-After");
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let (name, value) = ANY_ORIGIN;
    headers.insert(name, value);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn broke(request_id: &str) -> Problem {
    tracing::error!(request = request_id, "the handler of a request broke");
    let detail = format!(
        "the request broke the server's handler; the operator finds it in the log as request {request_id}"
    );
    Problem::new(ProblemType::ServerInternal, detail)
}
