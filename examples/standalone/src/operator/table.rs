//! The table of the plane: every route, what it needs, and who answers.

use std::fmt;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use certlocker_acme::{Plane, Route, Verbs};
use certlocker_core::Permission;

use super::auth::{Gate, authorize};
use super::{Desk, api, audit, endpoints, hosts, imports, page, people, tokens};

/// What a caller needs to use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// A token that permits this.
    Permission(Permission),
    /// A person who signed in, whatever they are.
    Person,
    /// Nothing: what is there is for those who are not known yet.
    Nothing,
}

/// To whom a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// Programs, below the prefix that is shared with the gateway.
    Api,
    /// Programs that read files.
    Files,
    /// Browsers.
    Page,
}

/// One line of the table. A route cannot be served without saying what it needs.
pub(super) struct Line {
    pub(super) route: Route,
    pub(super) needs: Needs,
    pub(super) surface: Surface,
    handler: MethodRouter<Desk>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs {:?}", self.route, self.needs)
    }
}

/// Every route of the plane but health and metrics, which anybody may ask for.
pub(super) fn lines() -> Vec<Line> {
    use Permission::{
        Admin, AuditExport, AuditRead, CertificateRead, HostRead, HostWrite, ImportWrite,
        OrderCreate, ProbeRun, TokenCreate,
    };
    use Verbs::{Post, Read};
    let api = |verbs, path, needs, purpose, handler| {
        line(Surface::Api, (verbs, path), needs, purpose, handler)
    };
    let page = |verbs, path, needs, purpose, handler| {
        line(Surface::Page, (verbs, path), needs, purpose, handler)
    };
    let open = |verbs, path, purpose, handler| Line {
        needs: Needs::Nothing,
        ..line(Surface::Page, (verbs, path), TokenCreate, purpose, handler)
    };
    let own = |verbs, path, purpose, handler| Line {
        needs: Needs::Person,
        ..line(Surface::Page, (verbs, path), TokenCreate, purpose, handler)
    };
    #[rustfmt::skip] // A table is read line by line.
    let table = vec![
        api(Read, "/clients", CertificateRead, "scoped clients", get(api::clients)),
        api(Post, "/clients", OrderCreate, "create a scoped client", post(api::create_client)),
        api(Read, "/clients/{client}", CertificateRead, "a scoped client", get(api::client)),
        api(Post, "/clients/{client}/disable", OrderCreate, "switch a scoped client off", post(api::disable_client)),
        api(Read, "/orders", CertificateRead, "orders", get(api::orders)),
        api(Read, "/orders/{order}", CertificateRead, "an order, explained", get(api::order)),
        api(Read, "/orders/{order}/timeline", CertificateRead, "what happened to an order", get(api::timeline)),
        api(Read, "/certificates", CertificateRead, "certificates", get(api::certificates)),
        api(Read, "/certificates/{certificate}", CertificateRead, "a certificate", get(api::certificate)),
        api(Read, "/endpoints", CertificateRead, "endpoints, with what was last seen", get(endpoints::list)),
        api(Post, "/endpoints", ProbeRun, "add an endpoint, or change the one at its place", post(endpoints::add)),
        api(Read, "/endpoints/{endpoint}", CertificateRead, "an endpoint, explained", get(endpoints::show)),
        api(Post, "/endpoints/{endpoint}/probe", ProbeRun, "look at an endpoint now", post(endpoints::probe)),
        api(Post, "/endpoints/{endpoint}/remove", ProbeRun, "remove an endpoint", post(endpoints::remove)),
        api(Read, "/endpoint-plan", CertificateRead, "endpoints that follow from certificates and hosts", get(endpoints::plan)),
        api(Post, "/endpoint-plan", ProbeRun, "add the endpoints of the plan that was read", post(endpoints::apply)),
        api(Read, "/audit/records", AuditRead, "records, by actor, action, subject and time", get(audit::records)),
        api(Read, "/audit/records/{record}/receipt", AuditRead, "the proof that a record is in the audit log", get(audit::receipt)),
        api(Read, "/audit/access/{host}", AuditRead, "what changed who may use a host", get(audit::access)),
        api(Read, "/audit/why/{kind}/{id}", AuditRead, "the way from a thing back to what set it off", get(audit::why)),
        api(Read, "/audit/renewal/{kind}/{id}", AuditRead, "what happened during a renewal", get(audit::renewal)),
        api(Read, "/imports/credentials", HostRead, "credentials of clouds, and keys", get(imports::credentials)),
        api(Post, "/imports/credentials", ImportWrite, "keep a credential, sealed", post(imports::keep_credential)),
        api(Post, "/imports/credentials/{credential}/remove", ImportWrite, "remove a credential and its secret", post(imports::remove_credential)),
        api(Read, "/imports/plans", HostRead, "plans of imports", get(imports::plans)),
        api(Post, "/imports/plans", ImportWrite, "look for machines, and plan what importing them would do", large(post(imports::discover))),
        api(Read, "/imports/discoveries/{discovery}", HostRead, "how far a look for machines is", get(imports::discovery)),
        api(Post, "/imports/discoveries/{discovery}/cancel", ImportWrite, "end a look for machines", post(imports::cancel_discovery)),
        api(Read, "/imports/plans/{plan}", HostRead, "a plan", get(imports::plan)),
        api(Read, "/imports/plans/{plan}/lines", HostRead, "lines of a plan", get(imports::lines)),
        api(Post, "/imports/plans/{plan}/lines/{line}", ImportWrite, "change a line of a plan", post(imports::edit)),
        api(Post, "/imports/plans/{plan}/apply", ImportWrite, "do what a plan says", post(imports::apply)),
        api(Post, "/imports/plans/{plan}/undo", ImportWrite, "plan to take a plan back", post(imports::undo)),
        api(Read, "/hosts", HostRead, "hosts", get(imports::hosts)),
        api(Post, "/hosts/{host}/access", HostWrite, "let somebody use a host", post(imports::grant)),
        api(Post, "/access/{access}/revoke", HostWrite, "end what lets somebody use hosts", post(imports::revoke)),
        api(Read, "/hosts/{host}/access", HostRead, "who may use a host, or could at a time", get(imports::access)),
        api(Read, "/hosts/export", HostRead, "hosts as a file for Ansible or SSH", get(hosts::export)),
        api(Read, "/people", Admin, "people who sign in", get(people::list)),
        api(Post, "/people", Admin, "add a person", post(people::add)),
        api(Post, "/people/{person}/disable", Admin, "switch a person off", post(people::disable)),
        api(Post, "/people/{person}/reset", Admin, "give a person another password and code key", post(people::reset)),
        api(Read, "/tokens", TokenCreate, "tokens: one's own and those below it", get(tokens::list)),
        api(Post, "/tokens", TokenCreate, "create a token", post(tokens::create)),
        api(Read, "/tokens/{token}", TokenCreate, "a token", get(tokens::show)),
        api(Post, "/tokens/{token}/revoke", TokenCreate, "revoke a token and those below it", post(tokens::revoke)),
        api(Post, "/tokens/{token}/rotate", TokenCreate, "give a token another secret", post(tokens::rotate)),
        line(Surface::Files, (Read, "/audit/{*path}"), AuditExport, "the audit log's files", get(audit::log_file)),
        page(Read, "/app/orders", CertificateRead, "orders", get(page::orders)),
        page(Read, "/app/orders/{order}", CertificateRead, "an order, explained", get(page::order)),
        page(Read, "/app/endpoints", CertificateRead, "endpoints", get(page::endpoints::list)),
        page(Read, "/app/endpoints/{endpoint}", CertificateRead, "an endpoint, explained", get(page::endpoints::show)),
        page(Read, "/app/tokens", TokenCreate, "tokens", get(page::tokens::list)),
        page(Post, "/app/tokens", TokenCreate, "create a token", post(page::tokens::create)),
        page(Post, "/app/tokens/{token}/revoke", TokenCreate, "revoke a token and those below it", post(page::tokens::revoke)),
        page(Read, "/app/people", Admin, "people who sign in", get(page::people::list)),
        page(Post, "/app/people", Admin, "add a person", post(page::people::add)),
        page(Post, "/app/people/{person}/disable", Admin, "switch a person off", post(page::people::disable)),
        page(Post, "/app/people/{person}/reset", Admin, "give a person another password and code key", post(page::people::reset)),
        own(Read, "/app/password", "one's own password", get(page::password::show)),
        own(Post, "/app/password", "change one's own password", post(page::password::change)),
        open(Read, "/", "where everything begins", get(page::home)),
        open(Read, "/login", "sign in", get(page::login::show)),
        open(Post, "/login", "sign in", post(page::login::enter)),
        #[cfg(feature = "oidc")]
        open(Post, "/login/oidc", "sign in at the issuer", post(page::oidc::begin)),
        #[cfg(feature = "oidc")]
        open(Read, crate::oidc::CALLBACK, "back from the issuer", get(page::oidc::end)),
        open(Post, "/logout", "sign out", post(page::login::leave)),
        open(Read, "/assets/app.css", "the style of the pages", get(page::style)),
    ];
    table.into_iter().chain(ssh_ca()).collect()
}

#[cfg(not(feature = "ssh-ca"))]
fn ssh_ca() -> Vec<Line> {
    Vec::new()
}

/// The certificates of SSH. To have one signed needs a permission of its own, which is less than to change
/// who may use a host: it gives nobody access who has none.
#[cfg(feature = "ssh-ca")]
fn ssh_ca() -> Vec<Line> {
    use super::ssh_ca;
    use Permission::{Admin, HostCertify, HostRead};
    use Verbs::{Post, Read};
    let api = |verbs, path, needs, purpose, handler| {
        line(Surface::Api, (verbs, path), needs, purpose, handler)
    };
    #[rustfmt::skip] // A table is read line by line.
    let table = vec![
        api(Read, "/ssh-ca", HostRead, "the authority for certificates of SSH", get(ssh_ca::show)),
        api(Post, "/ssh-ca", Admin, "make the authority for certificates of SSH", post(ssh_ca::create)),
        api(Read, "/ssh-ca/revoked", HostRead, "certificates of SSH whose holders lost access", get(ssh_ca::revoked)),
        api(Post, "/hosts/{host}/ssh-certificate", HostCertify, "sign a certificate of SSH", post(ssh_ca::sign)),
    ];
    table
}

/// Recordings of a large cloud do not fit where other requests do.
fn large(handler: MethodRouter<Desk>) -> MethodRouter<Desk> {
    const LARGEST: usize = 64 << 20;
    handler.layer(DefaultBodyLimit::max(LARGEST))
}

fn line(
    surface: Surface,
    (verbs, path): (Verbs, &'static str),
    needs: Permission,
    purpose: &'static str,
    handler: MethodRouter<Desk>,
) -> Line {
    Line {
        route: Route::new(Plane::Operator, verbs, path, purpose),
        needs: Needs::Permission(needs),
        surface,
        handler,
    }
}

/// The routers of a table: the API's, to be nested, and everything else's.
pub(super) fn routers(lines: Vec<Line>, desk: &Desk) -> (Router<Desk>, Router<Desk>) {
    let (mut api, mut others) = (Router::new(), Router::new());
    for line in lines {
        let gate = Gate {
            desk: desk.clone(),
            needs: line.needs,
            route: line.route,
            surface: line.surface,
        };
        let layer = from_fn_with_state(gate, authorize);
        let handler = line.handler.route_layer(layer);
        match line.surface {
            Surface::Api => api = api.route(line.route.path, handler),
            Surface::Files | Surface::Page => others = others.route(line.route.path, handler),
        }
    }
    (api, others)
}
