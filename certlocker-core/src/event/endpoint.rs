//! What happens at endpoints.

macro_rules! endpoint_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// An endpoint was added.
            "CLA340I" "endpoint.added" EndpointAdded {
                /// The endpoint.
                endpoint_id: EndpointId,
                /// The names of the certificate that should be there.
                expected: Vec<Identifier>,
                /// How long the previous certificate is waited for to go, in seconds.
                grace: u64,
                /// How long between two looks, in seconds.
                interval: u64,
                /// How it came to be known.
                origin: EndpointOrigin,
                /// Where it is.
                place: String,
            } about [endpoint(endpoint_id)];
            /// Something about an endpoint was changed.
            "CLA341I" "endpoint.changed" EndpointChanged {
                /// What.
                changes: Vec<FieldChange>,
                /// The endpoint.
                endpoint_id: EndpointId,
            } about [endpoint(endpoint_id)];
            /// An endpoint was removed.
            "CLA342I" "endpoint.removed" EndpointRemoved {
                /// The endpoint.
                endpoint_id: EndpointId,
                /// Where it was.
                place: String,
            } about [endpoint(endpoint_id)];
            /// Another answer than before was seen, and it is no failure.
            "CLA343I" "endpoint.seen" EndpointSeen {
                /// The answer before.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                before: Option<Verdict>,
                /// The certificate that should be served.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                certificate_id: Option<CertificateId>,
                /// The endpoint.
                endpoint_id: EndpointId,
                /// Where it is.
                place: String,
                /// What was seen.
                sighting: Box<Sighting>,
            } about [endpoint(endpoint_id), certificate_id.as_ref().and_then(certificate)];
            /// Another answer than before was seen, and it is a failure.
            "CLA343E" "endpoint.mismatch" EndpointMismatch {
                /// The answer before.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                before: Option<Verdict>,
                /// The certificate that should be served.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                certificate_id: Option<CertificateId>,
                /// The endpoint.
                endpoint_id: EndpointId,
                /// Where it is.
                place: String,
                /// What was seen.
                sighting: Box<Sighting>,
            } about [endpoint(endpoint_id), certificate_id.as_ref().and_then(certificate)];
            /// Places of an endpoint are no longer there.
            "CLA344I" "endpoint.places_gone" EndpointPlacesGone {
                /// The endpoint.
                endpoint_id: EndpointId,
                /// Which.
                places: Vec<Place>,
            } about [endpoint(endpoint_id)];
            /// Every place of an endpoint serves a certificate, for the first time.
            "CLA345I" "endpoint.converged" EndpointConverged {
                /// The certificate.
                certificate_id: CertificateId,
                /// The endpoint.
                endpoint_id: EndpointId,
                /// From when it should have been served.
                expected_from: Timestamp,
                /// Where it was seen first.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                first_new: Option<Glimpse>,
                /// Where an earlier one was seen last.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                last_old: Option<Glimpse>,
                /// The order that it answers.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                order_id: Option<OrderId>,
                /// How many places there are.
                places: usize,
            } about [endpoint(endpoint_id), certificate(certificate_id), order_id.as_ref().and_then(order)];
        } $($rest)* }
    };
}
