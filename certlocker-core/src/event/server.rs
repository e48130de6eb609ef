//! What happens to the server itself, and requests that it refuses or admits.

macro_rules! server_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// The server started.
            "CLA120I" "server.started" ServerStarted {
                /// The version of the software.
                version: String,
            } about [];
            /// A certificate authority was made.
            "CLA121I" "authority.created" AuthorityCreated {
                /// The authority.
                authority_id: AuthorityId,
                /// What it signs.
                role: AuthorityRole,
                /// SHA-256 of the certificate, in hexadecimal.
                sha256: String,
            } about [authority(authority_id)];
            /// Entries of the audit log are to be removed; the records and every proof stay.
            "CLA122I" "log.pruned" LogPruned {
                /// Those that were written before this.
                before: Timestamp,
                /// The index of the first entry that stays.
                minimum: u64,
                /// How long the written policy has them kept, in seconds.
                retention: u64,
            } about [];
            /// Requests whose sender is not known were refused; one record stands for many.
            "CLA130E" "requests.refused" RequestsRefused {
                /// How many, since the record before.
                count: u64,
                /// The ACME problem type, without its prefix.
                problem: String,
            } about [];
            /// A request of a known account was refused.
            "CLA131E" "request.refused" RequestRefused {
                /// Whose request.
                account_id: AccountId,
                /// The sentence it was answered with.
                detail: String,
                /// What was asked for.
                operation: String,
                /// The order it was about.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                order_id: Option<OrderId>,
                /// The ACME problem type, without its prefix.
                problem: String,
            } about [account(account_id), order_id.as_ref().and_then(order)];
            /// A client's known mistake was seen, and admitted.
            "CLA140I" "quirk.admitted" QuirkAdmitted {
                /// Whose request.
                account_id: AccountId,
                /// The order it was about.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                order_id: Option<OrderId>,
                /// The mistake.
                quirk: Quirk,
            } about [account(account_id), order_id.as_ref().and_then(order)];
        } $($rest)* }
    };
}
