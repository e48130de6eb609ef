//! An RFC 8555 server: an engine without transport, and a thin router over it.
