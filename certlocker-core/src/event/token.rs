//! What happens to API tokens.

macro_rules! token_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A token was made.
            "CLA150I" "token.created" TokenCreated {
                /// Until when it counts.
                expires: Timestamp,
                /// From where it counts; from anywhere if there are none.
                #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
                networks: BTreeSet<IpNet>,
                /// The token above it.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                parent: Option<TokenId>,
                /// What it is for, in the words of whoever made it.
                reason: String,
                /// What it may do.
                scopes: TokenScopes,
                /// The token.
                token_id: TokenId,
            } about [token(token_id), parent.as_ref().and_then(token)];
            /// A token was revoked.
            "CLA151I" "token.revoked" TokenRevoked {
                /// The token.
                token_id: TokenId,
                /// The token above it with which it was revoked.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                with: Option<TokenId>,
            } about [token(token_id), with.as_ref().and_then(token)];
            /// A token got another secret; the one before counts no longer.
            "CLA152I" "token.rotated" TokenRotated {
                /// Until when it counts now.
                expires: Timestamp,
                /// The token.
                token_id: TokenId,
            } about [token(token_id)];
            /// A token that had ended long ago was removed; its history stays.
            "CLA153I" "token.removed" TokenRemoved {
                /// The token.
                token_id: TokenId,
            } about [token(token_id)];
            /// A request was refused because its token does not allow it.
            "CLA154E" "token.denied" TokenDenied {
                /// What the token would have to allow.
                needed: String,
                /// What was asked for: the method and the route.
                operation: String,
                /// The token.
                token_id: TokenId,
            } about [token(token_id)];
            /// Requests without a token that counts were refused; one record stands for many.
            "CLA155E" "token.rejected" TokenRejected {
                /// How many, since the record before.
                count: u64,
                /// The token, if its secret was right.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                token_id: Option<TokenId>,
                /// What was wrong, as a word that does not change.
                why: String,
            } about [token_id.as_ref().and_then(token)];
        } $($rest)* }
    };
}
