//! What happens to scoped clients.

macro_rules! client_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A scoped client was made.
            "CLA100I" "client.created" ClientCreated {
                /// The client.
                client_id: ClientId,
                /// Its name.
                name: String,
                /// What it may order.
                scope: Scope,
            } about [client(client_id)];
            /// A scoped client was switched off.
            "CLA101I" "client.disabled" ClientDisabled {
                /// The client.
                client_id: ClientId,
            } about [client(client_id)];
            /// A single-use credential was used.
            "CLA102I" "client.bound" ClientBound {
                /// The account it made.
                account_id: AccountId,
                /// The client.
                client_id: ClientId,
            } about [client(client_id), account(account_id)];
        } $($rest)* }
    };
}
