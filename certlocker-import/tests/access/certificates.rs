//! Certificates as ssh-keygen shows them, and as sshd accepts them or not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::host::AccessTarget;
use certlocker_core::{
    AuthorityStore, Event, HostId, Ledger, LocalKey, MemoryStore, Record, SealedSecrets, Sequence,
    SshAuthority, SshKey, SshPrincipals, Subject, Timestamp,
};
use certlocker_import::ssh_ca::{
    CertificateRequest, Extension, KeyAlgorithm, Lint, Refusal, RootLogin, SignedCertificate,
    SshCa, SshCaError, trusted_line,
};
use pollster::block_on;

use crate::scene::{HOUR, Scene, by, key, random};
use crate::sshd::Sshd;
use crate::tool::succeed;

struct Office {
    scene: Scene,
    secrets: SealedSecrets<MemoryStore, LocalKey>,
}

impl Office {
    fn new(principals: SshPrincipals) -> Self {
        let office = Self::without_authority();
        office.create(KeyAlgorithm::Ed25519, principals).unwrap();
        office
    }

    fn without_authority() -> Self {
        let scene = Scene::new();
        let wrapping = LocalKey::random(&mut random);
        let secrets = SealedSecrets::new(Arc::clone(&scene.store), wrapping);
        Self { scene, secrets }
    }

    fn create(
        &self,
        algorithm: KeyAlgorithm,
        principals: SshPrincipals,
    ) -> Result<SshAuthority, SshCaError> {
        let clock = || self.scene.now();
        block_on(self.ca(&clock, &by()).create(algorithm, principals))
    }

    fn ca<'a>(
        &'a self,
        clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
        by: &'a certlocker_core::Attribution,
    ) -> SshCa<'a, MemoryStore> {
        SshCa {
            by,
            clock,
            random: Box::leak(Box::new(random)),
            secrets: &self.secrets,
            store: &self.scene.store,
        }
    }

    fn issue(&self, request: &CertificateRequest) -> Result<SignedCertificate, SshCaError> {
        self.issue_at(request, self.scene.now())
    }

    fn issue_at(
        &self,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<SignedCertificate, SshCaError> {
        block_on(self.ca(&|| now, &by()).issue(request))
    }

    fn revoked(&self) -> Vec<u8> {
        let clock = || self.scene.now();
        block_on(self.ca(&clock, &by()).revocation_list()).unwrap()
    }

    fn trusted(&self) -> String {
        let authority = block_on(self.scene.store.ssh_authority()).unwrap().unwrap();
        trusted_line(authority.value.public())
    }

    fn records(&self, about: Subject) -> Vec<Record> {
        block_on(
            self.scene
                .store
                .records(Some(&about), Sequence::START, 1_000),
        )
        .unwrap()
    }

    /// A host that somebody may use with this key.
    fn host(&self, key: &SshKey, login: &str) -> HostId {
        let host = self.scene.host("web", ("", "192.0.2.1"), Some(login), &[]);
        self.scene
            .grant(AccessTarget::Host(host), key, ("ann", None), None);
        host
    }
}

fn request(host: HostId, key: &SshKey, login: &str) -> CertificateRequest {
    CertificateRequest {
        extensions: [Extension::Pty].into(),
        force_command: None,
        host,
        key: key.clone(),
        login: login.to_owned(),
        root: RootLogin::Allowed,
        source_addresses: BTreeSet::new(),
        ttl: HOUR,
    }
}

fn refusal(answer: Result<SignedCertificate, SshCaError>) -> Refusal {
    match answer {
        Err(SshCaError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ssh_keygen_shows_what_the_record_says() {
    for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::EcdsaP256] {
        let Some(sshd) = Sshd::start(&[]) else { return };
        let office = Office::without_authority();
        let authority = office.create(algorithm, SshPrincipals::Host).unwrap();
        let key = sshd.key("key");
        let host = office.host(&key, "ubuntu");
        let mut wanted = request(host, &key, "ubuntu");
        wanted.force_command = Some("uptime -p".to_owned());
        wanted.source_addresses = ["10.0.0.7/8", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .into();
        let signed = office.issue(&wanted).unwrap();
        let file = sshd.write("cert.pub", format!("{}\n", signed.text));
        let shown = succeed(sshd.keygen().env("TZ", "UTC").arg("-Lf").arg(file));
        let at = |time: Timestamp| time.to_rfc3339_seconds().trim_end_matches('Z').to_owned();
        let certificate = &signed.certificate;
        for said in [
            "Type: ssh-ed25519-cert-v01@openssh.com user certificate",
            &format!("Public key: ED25519-CERT {}", key.fingerprint()),
            &format!(
                "{} (using {})",
                authority.public().fingerprint(),
                authority.public().algorithm()
            ),
            &format!("Key ID: \"ssh-certificate:{}\"", certificate.id),
            "Serial: 1",
            &format!(
                "Valid: from {} to {}",
                at(certificate.valid_after),
                at(certificate.valid_before)
            ),
            &format!("ubuntu@{host}"),
            "force-command uptime -p",
            "source-address 10.0.0.0/8,2001:db8::/32",
            "permit-pty",
        ] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(
            !shown.contains("forwarding") && !shown.contains("user-rc"),
            "{shown}"
        );
        assert!(certificate.valid_after < office.scene.now());
        assert_eq!(certificate.valid_before, office.scene.now().after(HOUR));
        let records = office.records(Subject::SshCertificate(certificate.id));
        assert!(matches!(
            &records[0].event,
            Event::SshCertificateIssued { certificate: recorded, serial: 1, .. } if recorded == certificate
        ));
        let secret = office.records(Subject::Secret(*authority.key()));
        assert_eq!(secret.last().unwrap().event.name(), "secret.opened");
    }
}

#[test]
fn a_second_certificate_has_another_number_and_there_is_no_second_authority() {
    let office = Office::new(SshPrincipals::Host);
    let host = office.host(&key(1), "ubuntu");
    let numbers = [1, 2].map(|_| {
        office
            .issue(&request(host, &key(1), "ubuntu"))
            .unwrap()
            .serial
    });
    assert_eq!(numbers, [1, 2]);
    let again = office.create(KeyAlgorithm::EcdsaP256, SshPrincipals::Login);
    assert!(matches!(again, Err(SshCaError::Exists(_))));
}

#[test]
fn certificates_that_are_signed_at_the_same_time_have_numbers_of_their_own() {
    let office = Office::new(SshPrincipals::Host);
    let wanted = request(office.host(&key(1), "ubuntu"), &key(1), "ubuntu");
    let numbers: BTreeSet<u64> = std::thread::scope(|scope| {
        let sign = || [1, 2].map(|_| office.issue(&wanted).unwrap().serial);
        let signing: Vec<_> = (0..8).map(|_| scope.spawn(sign)).collect();
        let signed = signing.into_iter().map(|thread| thread.join().unwrap());
        signed.flatten().collect()
    });
    assert_eq!(numbers, (1..=16).collect());
}

#[test]
fn nobody_gets_a_certificate_who_has_no_access_and_that_is_on_record() {
    let office = Office::new(SshPrincipals::Host);
    let host = office.host(&key(1), "ubuntu");
    let target = AccessTarget::Host(host);
    let ended = Some(office.scene.now());
    office.scene.grant(target, &key(3), ("late", None), ended);
    let revoked = office.scene.grant(target, &key(4), ("gone", None), None);
    office.scene.revoke(target, &revoked, office.scene.now());
    let other = office
        .scene
        .host("other", ("i-2", "192.0.2.2"), Some("ubuntu"), &[]);
    let bare = office.scene.host("bare", ("i-3", "192.0.2.3"), None, &[]);
    office
        .scene
        .grant(AccessTarget::Host(bare), &key(5), ("eve", None), None);
    for (host, key, login, expect) in [
        (host, key(2), "ubuntu", Refusal::NoEntry),
        (host, key(3), "ubuntu", Refusal::NoEntry),
        (host, key(4), "ubuntu", Refusal::NoEntry),
        (other, key(1), "ubuntu", Refusal::NoEntry),
        (
            host,
            key(1),
            "root",
            Refusal::OtherLogins(vec!["ubuntu".to_owned()]),
        ),
        (bare, key(5), "ubuntu", Refusal::UnknownLogin),
        (
            HostId::first_at(office.scene.begin),
            key(1),
            "ubuntu",
            Refusal::Gone,
        ),
    ] {
        assert_eq!(refusal(office.issue(&request(host, &key, login))), expect);
        let records = office.records(Subject::Host(host));
        let Event::SshCertificateRefused {
            why,
            key: recorded,
            login: account,
            ..
        } = &records.last().unwrap().event
        else {
            panic!("{records:?}");
        };
        assert_eq!((why, account.as_str()), (&expect.to_string(), login));
        assert_eq!(*recorded, key.fingerprint());
    }
}

#[test]
fn what_would_be_no_certificate_to_give_away_is_refused() {
    let office = Office::new(SshPrincipals::Host);
    let host = office.host(&key(1), "root");
    office.scene.grant(
        AccessTarget::Host(host),
        &key(1),
        ("ann", Some("a@b")),
        None,
    );
    office
        .scene
        .grant(AccessTarget::Host(host), &key(1), ("ann", Some("")), None);
    type Change = fn(&mut CertificateRequest);
    for (change, expect) in [
        (
            (|wanted| wanted.root = RootLogin::Refused) as Change,
            Lint::Root,
        ),
        (|wanted| wanted.ttl = 25 * HOUR, Lint::TooLong),
        (|wanted| wanted.ttl = Duration::ZERO, Lint::NoTime),
        (|wanted| wanted.login = String::new(), Lint::Principal),
        (|wanted| wanted.login = "a@b".to_owned(), Lint::Principal),
        (
            |wanted| wanted.force_command = Some("a\nb".to_owned()),
            Lint::Command,
        ),
        (
            |wanted| wanted.force_command = Some(String::new()),
            Lint::Command,
        ),
    ] {
        let mut wanted = request(host, &key(1), "root");
        change(&mut wanted);
        assert_eq!(refusal(office.issue(&wanted)), Refusal::Lint(expect));
    }
    let mut signed = office
        .issue(&request(host, &key(1), "root"))
        .unwrap()
        .certificate;
    signed.principals = Vec::new();
    let bare = certlocker_import::ssh_ca::lint(&signed, RootLogin::Allowed);
    assert_eq!(bare, Err(Lint::NoPrincipals));
}

#[test]
fn a_certificate_ends_with_the_entry_and_of_several_the_longest_counts() {
    let office = Office::new(SshPrincipals::Host);
    let host = office
        .scene
        .host("web", ("i-1", "192.0.2.1"), Some("ubuntu"), &[]);
    let target = AccessTarget::Host(host);
    let (soon, later) = (
        office.scene.now().after(HOUR / 4),
        office.scene.now().after(HOUR / 2),
    );
    let wanted = request(host, &key(1), "ubuntu");
    for end in [soon, later] {
        office
            .scene
            .grant(target, &key(1), ("ann", None), Some(end));
        assert_eq!(office.issue(&wanted).unwrap().certificate.valid_before, end);
    }
}

#[test]
fn sshd_lets_a_holder_in_until_the_end_from_where_it_says_and_as_whom_it_says() {
    let lines = [
        "AuthorizedKeysFile none",
        "TrustedUserCAKeys {}/ca.pub",
        "AuthorizedPrincipalsFile {}/principals",
    ];
    let Some(sshd) = Sshd::start(&lines) else {
        return;
    };
    let office = Office::new(SshPrincipals::Host);
    sshd.write("ca.pub", office.trusted());
    let key = sshd.key("key");
    let host = office.host(&key, &sshd.user);
    sshd.write("principals", format!("{}@{host}\n", sshd.user));
    let wanted = request(host, &key, &sshd.user);
    let lets_in = |signed: &SignedCertificate, more: &[&str]| {
        let file = sshd.write("cert.pub", &signed.text);
        let option = format!("CertificateFile={}", file.display());
        sshd.lets_in("key", &[&["-o", &option], more].concat())
    };

    let signed = office.issue(&wanted).unwrap();
    let (good, said) = lets_in(&signed, &[]);
    assert!(good, "{said}");
    let logged = format!("ID ssh-certificate:{} (serial 1)", signed.certificate.id);
    assert!(said.contains(&logged), "{said}");
    let (without, said) = sshd.lets_in("key", &[]);
    assert!(!without, "{said}");

    let early = office.issue_at(&wanted, office.scene.begin.after(HOUR / 2));
    let mut short = wanted.clone();
    short.ttl = Duration::from_secs(60);
    let over = office
        .issue_at(&short, office.scene.begin.after(HOUR / 2))
        .unwrap();
    assert!(lets_in(&early.unwrap(), &[]).0);
    let (over, said) = lets_in(&over, &[]);
    assert!(!over && said.contains("expired"), "{said}");

    let mut from = wanted.clone();
    from.source_addresses = ["127.0.0.2/32".parse().unwrap()].into();
    let from = office.issue(&from).unwrap();
    assert!(lets_in(&from, &["-b", "127.0.0.2"]).0);
    let (elsewhere, said) = lets_in(&from, &["-b", "127.0.0.3"]);
    assert!(!elsewhere, "{said}");

    let mut forced = wanted.clone();
    forced.force_command = Some("echo something else".to_owned());
    let (hello, said) = lets_in(&office.issue(&forced).unwrap(), &[]);
    assert!(!hello && said.contains("Accepted"), "{said}");

    let elsewhere = office.host(&key, &sshd.user);
    let other_host = office.issue(&request(elsewhere, &key, &sshd.user)).unwrap();
    let (other_host, said) = lets_in(&other_host, &[]);
    assert!(!other_host && said.contains("principal"), "{said}");

    let stranger = Office::new(SshPrincipals::Host);
    let host = stranger.host(&key, &sshd.user);
    let of_another = stranger.issue(&request(host, &key, &sshd.user)).unwrap();
    sshd.write("principals", format!("{}@{host}\n", sshd.user));
    let (of_another, said) = lets_in(&of_another, &[]);
    assert!(!of_another, "{said}");
}

#[test]
fn sshd_takes_the_name_of_an_account_for_a_principal_without_a_file_of_principals() {
    let Some(sshd) = Sshd::start(&["AuthorizedKeysFile none", "TrustedUserCAKeys {}/ca.pub"])
    else {
        return;
    };
    let office = Office::without_authority();
    office
        .create(KeyAlgorithm::EcdsaP256, SshPrincipals::Login)
        .unwrap();
    sshd.write("ca.pub", office.trusted());
    let key = sshd.key("key");
    for (login, expect) in [(sshd.user.clone(), true), ("somebody".to_owned(), false)] {
        let host = office.host(&key, &login);
        let signed = office.issue(&request(host, &key, &login)).unwrap();
        let file = sshd.write("cert.pub", &signed.text);
        let option = format!("CertificateFile={}", file.display());
        let (good, said) = sshd.lets_in("key", &["-o", &option]);
        assert_eq!(good, expect, "{said}");
    }
}

#[test]
fn a_certificate_ends_early_with_the_access_it_was_signed_for() {
    let lines = [
        "AuthorizedKeysFile none",
        "TrustedUserCAKeys {}/ca.pub",
        "RevokedKeys {}/revoked",
    ];
    let Some(sshd) = Sshd::start(&lines) else {
        return;
    };
    let office = Office::new(SshPrincipals::Login);
    sshd.write("ca.pub", office.trusted());
    let list = sshd.write("revoked", office.revoked());
    let key = sshd.key("key");
    let host = office
        .scene
        .host("web", ("i-1", "192.0.2.1"), Some(&sshd.user), &[]);
    let target = AccessTarget::Host(host);
    let entry = office.scene.grant(target, &key, ("ann", None), None);
    let signed = office.issue(&request(host, &key, &sshd.user)).unwrap();
    let file = sshd.write("cert.pub", &signed.text);
    let option = format!("CertificateFile={}", file.display());
    let (good, said) = sshd.lets_in("key", &["-o", &option]);
    assert!(good, "{said}");
    office.scene.revoke(target, &entry, office.scene.now());
    sshd.write("revoked", office.revoked());
    let mut query = sshd.keygen();
    let said = query
        .arg("-Qf")
        .arg(&list)
        .arg(&file)
        .output()
        .unwrap()
        .stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.trim().ends_with("REVOKED"), "{said}");
    let (revoked, said) = sshd.lets_in("key", &["-o", &option]);
    assert!(!revoked && said.contains("revoked"), "{said}");
}

#[test]
fn weak_keys_get_no_certificate() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    let office = Office::new(SshPrincipals::Host);
    let host = office.host(&key(1), "ubuntu");
    let weak = sshd.path("weak");
    let mut make = sshd.keygen();
    make.args(["-q", "-t", "rsa", "-b", "1024", "-N", "", "-f"])
        .arg(&weak);
    succeed(&mut make);
    let weak = std::fs::read_to_string(weak.with_extension("pub")).unwrap();
    let weak: SshKey = weak.parse().unwrap();
    office
        .scene
        .grant(AccessTarget::Host(host), &weak, ("ann", None), None);
    let refused = refusal(office.issue(&request(host, &weak, "ubuntu")));
    assert!(matches!(refused, Refusal::Lint(Lint::Key(_))), "{refused}");
}
