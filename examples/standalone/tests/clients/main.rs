//! ACME clients that operators already run, as Debian packages them, against the built server.

mod acme_tiny;
mod certbot;
mod crl;
mod dehydrated;
#[path = "../harness/mod.rs"]
mod harness;
mod instant_acme;
mod lego;
mod openssl;
mod uacme;
mod web_servers;
