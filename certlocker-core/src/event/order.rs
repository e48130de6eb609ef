//! What happens to orders, from the request to the issuer.

macro_rules! order_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// An order was placed.
            "CLA020I" "order.created" OrderCreated {
                /// Whose it is.
                account_id: AccountId,
                /// The scoped client it counts for.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                client_id: Option<ClientId>,
                /// Until when it can be completed.
                expires: Timestamp,
                /// What it names.
                identifiers: Vec<Identifier>,
                /// The order.
                order_id: OrderId,
            } about [order(order_id), account(account_id), client_id.as_ref().and_then(client)];
            /// An order was refused before it existed.
            "CLA021E" "order.refused" OrderRefused {
                /// Whose it would have been.
                account_id: AccountId,
                /// The scoped client it would have counted for.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                client_id: Option<ClientId>,
                /// Why.
                failure: Failure,
                /// What it would have named.
                identifiers: Vec<Identifier>,
                /// The id under which the refusal is found; no order has it.
                order_id: OrderId,
            } about [order(order_id), account(account_id), client_id.as_ref().and_then(client)];
            /// Every authorization of an order is valid.
            "CLA022I" "order.ready" OrderReady {
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// An order ended without a certificate.
            "CLA023E" "order.invalid" OrderInvalid {
                /// Why.
                failure: Failure,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// An order ended because its time was up.
            "CLA024E" "order.expired" OrderExpired {
                /// Until when it could have been completed.
                expires: Timestamp,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// An order that had ended long ago was removed; its history stays.
            "CLA025I" "order.removed" OrderRemoved {
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// An identifier needed no new proof.
            "CLA030I" "authorization.reused" AuthorizationReused {
                /// What was proven.
                identifier: Identifier,
                /// How it was proven.
                method: Method,
                /// The order that needs it now.
                order_id: OrderId,
                /// The order for which it was proven.
                proven_for: OrderId,
            } about [order(order_id)];
            /// An authorization was given back by its holder.
            "CLA031I" "authorization.deactivated" AuthorizationDeactivated {
                /// What it was for.
                identifier: Identifier,
                /// The order it belongs to.
                order_id: OrderId,
            } about [order(order_id)];
            /// A client said that its answer is in place.
            "CLA040I" "challenge.armed" ChallengeArmed {
                /// What is to be proven.
                identifier: Identifier,
                /// How.
                method: Method,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A look at a challenge found the expected answer.
            "CLA041I" "challenge.attempted" ChallengeAttempted {
                /// What was seen.
                attempt: Attempt,
                /// What is to be proven.
                identifier: Identifier,
                /// How.
                method: Method,
                /// Which attempt it was, from 1.
                number: u32,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A look at a challenge found no answer, or a wrong one.
            "CLA041E" "challenge.attempt_failed" ChallengeAttemptFailed {
                /// What was seen.
                attempt: Attempt,
                /// What is to be proven.
                identifier: Identifier,
                /// How.
                method: Method,
                /// When the next attempt is due, if there is one.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                next: Option<Timestamp>,
                /// Which attempt it was, from 1.
                number: u32,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A challenge was passed.
            "CLA042I" "challenge.valid" ChallengeValid {
                /// What is proven.
                identifier: Identifier,
                /// How.
                method: Method,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A challenge was failed.
            "CLA042E" "challenge.invalid" ChallengeInvalid {
                /// Why.
                failure: Failure,
                /// What was to be proven.
                identifier: Identifier,
                /// How.
                method: Method,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A certificate request was accepted.
            "CLA050I" "finalize.received" FinalizeReceived {
                /// SHA-256 of the request's public key, in hexadecimal.
                key_sha256: String,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// A certificate request was refused; the order waits for another.
            "CLA050E" "finalize.refused" FinalizeRefused {
                /// Why.
                failure: Failure,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
            /// The issuer could not be reached; it is asked again.
            "CLA060E" "issue.delayed" IssueDelayed {
                /// Why.
                failure: Failure,
                /// When it is asked again.
                next: Timestamp,
                /// The order.
                order_id: OrderId,
            } about [order(order_id)];
        } $($rest)* }
    };
}
