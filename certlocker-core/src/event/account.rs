//! What happens to accounts.

macro_rules! account_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// An ACME account was registered.
            "CLA010I" "account.created" AccountCreated {
                /// The account.
                account_id: AccountId,
                /// The scoped client whose credential vouched for it.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                client_id: Option<ClientId>,
                /// The key.
                thumbprint: Thumbprint,
            } about [account(account_id), client_id.as_ref().and_then(client)];
            /// An account's contacts or agreement to the terms changed.
            "CLA011I" "account.updated" AccountUpdated {
                /// The account.
                account_id: AccountId,
                /// How many contacts it has now.
                contacts: usize,
            } about [account(account_id)];
            /// An account got another key.
            "CLA012I" "account.key_changed" AccountKeyChanged {
                /// The account.
                account_id: AccountId,
                /// The key it has now.
                new_thumbprint: Thumbprint,
                /// The key it had.
                old_thumbprint: Thumbprint,
            } about [account(account_id)];
            /// An account was closed by its holder.
            "CLA013I" "account.deactivated" AccountDeactivated {
                /// The account.
                account_id: AccountId,
            } about [account(account_id)];
        } $($rest)* }
    };
}
