//! What happens to secrets.

macro_rules! secret_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A secret was sealed and stored.
            "CLA110I" "secret.stored" SecretStored {
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
                /// SHA-256 of the sealed bytes, in hexadecimal.
                sha256: String,
            } about [secret(secret_id)];
            /// A secret was opened.
            "CLA111I" "secret.opened" SecretOpened {
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
            } about [secret(secret_id)];
        } $($rest)* }
    };
}
