//! ACME clients that operators already run, as Debian packages them, against the built server.

mod acme_tiny;
mod certbot;
mod crl;
mod dehydrated;
mod dns;
mod http;
mod lego;
mod openssl;
mod scene;
mod server;
mod tool;
mod uacme;
