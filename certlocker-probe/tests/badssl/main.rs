//! The kinds of servers that badssl.com has, as cases of our own: each is played octet by octet, so that it
//! does not matter what TLS libraries still speak, and its certificates are made here.

mod certificates;
mod play;
mod protocols;
