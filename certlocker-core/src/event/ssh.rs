//! What happens to the authority that signs certificates of SSH, and to those who ask it.

macro_rules! ssh_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// An authority for certificates of SSH was made.
            "CLA360I" "ssh_authority.created" SshAuthorityCreated {
                /// The authority.
                authority_id: AuthorityId,
                /// The public key that hosts are to trust.
                key: KeyFingerprint,
                /// What its certificates are valid for.
                principals: SshPrincipals,
            } about [authority(authority_id)];
            /// A certificate of SSH was signed.
            "CLA361I" "ssh_certificate.issued" SshCertificateIssued {
                /// The authority.
                authority_id: AuthorityId,
                /// What was signed.
                certificate: IssuedSshCertificate,
                /// Its number, of those of the authority.
                serial: u64,
            } about [
                ssh_certificate(&certificate.id),
                host(&certificate.host_id),
                access(&certificate.access_id),
                authority(authority_id)
            ];
            /// No certificate of SSH was signed.
            "CLA361E" "ssh_certificate.refused" SshCertificateRefused {
                /// The host that it was asked for.
                host_id: HostId,
                /// The key that it was asked for.
                key: KeyFingerprint,
                /// The account that it was asked for.
                login: String,
                /// Why.
                why: String,
            } about [host(host_id)];
        } $($rest)* }
    };
}
