//! What happens to certificates, and the lists of those that were revoked.

macro_rules! certificate_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A certificate was issued and stored.
            "CLA070I" "certificate.stored" CertificateStored {
                /// The certificate.
                certificate_id: CertificateId,
                /// What it names.
                identifiers: Vec<Identifier>,
                /// Until when it is valid.
                not_after: Timestamp,
                /// The order it answers.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                order_id: Option<OrderId>,
                /// The certificate before it, for the same names and account.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                replaces: Option<CertificateId>,
                /// Its serial number, in hexadecimal.
                serial: String,
                /// SHA-256 of the leaf, in hexadecimal.
                sha256: String,
            } about [certificate(certificate_id), order_id.as_ref().and_then(order)];
            /// The client fetched its certificate for the first time.
            "CLA071I" "certificate.downloaded" CertificateDownloaded {
                /// The certificate.
                certificate_id: CertificateId,
                /// The order it answers.
                order_id: OrderId,
            } about [certificate(certificate_id), order(order_id)];
            /// A certificate was revoked.
            "CLA072I" "certificate.revoked" CertificateRevoked {
                /// The certificate.
                certificate_id: CertificateId,
                /// When, and for what reason.
                revocation: Revocation,
                /// Its serial number, in hexadecimal.
                serial: String,
            } about [certificate(certificate_id)];
            /// A revocation list was signed.
            "CLA073I" "crl.signed" CrlSigned {
                /// How many certificates it lists.
                entries: usize,
                /// Until when it is current.
                next_update: Timestamp,
                /// Its number.
                number: u64,
            } about [];
            /// Every endpoint of a certificate serves it, for the first time.
            "CLA074I" "certificate.served" CertificateServed {
                /// The certificate.
                certificate_id: CertificateId,
                /// How many endpoints.
                endpoints: usize,
                /// Where an earlier one was seen last.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                last_old: Option<Glimpse>,
                /// The order that it answers.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                order_id: Option<OrderId>,
            } about [certificate(certificate_id), order_id.as_ref().and_then(order)];
        } $($rest)* }
    };
}
