//! What happens to secrets.

macro_rules! secret_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A secret was sealed and stored.
            "CLA110I" "secret.stored" SecretStored {
                /// The key that wraps its data key.
                key_id: String,
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
                /// SHA-256 of the sealed bytes, in hexadecimal.
                sha256: String,
                /// Which of its values it is.
                version: u64,
            } about [secret(secret_id), sealed(secret_id)];
            /// A secret was opened.
            "CLA111I" "secret.opened" SecretOpened {
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
                /// Which of its values it was.
                version: u64,
            } about [secret(secret_id)];
            /// A secret got another value, sealed under a data key of its own.
            "CLA112I" "secret.replaced" SecretReplaced {
                /// The key that wraps its data key.
                key_id: String,
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
                /// SHA-256 of the sealed bytes, in hexadecimal.
                sha256: String,
                /// Which of its values it is.
                version: u64,
            } about [secret(secret_id), sealed(secret_id)];
            /// A secret's data key was wrapped under another key.
            "CLA113I" "secret.rewrapped" SecretRewrapped {
                /// The key that wraps its data key now.
                key_id: String,
                /// The key that wrapped it before.
                old_key_id: String,
                /// What it is for.
                purpose: SecretPurpose,
                /// The secret.
                secret_id: SecretId,
                /// SHA-256 of the sealed bytes, in hexadecimal.
                sha256: String,
                /// Which of its values it is.
                version: u64,
            } about [secret(secret_id), sealed(secret_id)];
            /// A process took up the key that wraps secrets, and keeps it until it ends.
            "CLA114I" "wrapping_key.loaded" WrappingKeyLoaded {
                /// The key.
                key_id: String,
            } about [];
        } $($rest)* }
    };
}
