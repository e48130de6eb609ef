//! Section 7.4.2: downloading a certificate.

use x509_parser::prelude::{FromDer, X509Certificate};

use crate::harness::{Account, Issued, Leaf, Subject, host};

async fn issued(labels: &[&str]) -> (Account, Issued) {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let names: Vec<String> = labels.iter().map(|label| host(label)).collect();
    let issued = account.issue(&names).await;
    (account, issued)
}

fn chain(issued: &Issued) -> Vec<Vec<u8>> {
    x509_parser::pem::Pem::iter_from_buffer(&issued.reply.body)
        .map(|pem| pem.unwrap().contents)
        .collect()
}

#[tokio::test]
async fn a_chain_is_of_its_own_media_type() {
    let (_, issued) = issued(&["a"]).await;
    let media_type = issued.reply.header("content-type");
    assert_eq!(media_type, Some("application/pem-certificate-chain"));
}

#[tokio::test]
async fn a_chain_starts_with_the_leaf_and_each_certificate_is_signed_by_the_next() {
    let (_, issued) = issued(&["a", "b"]).await;
    let chain = chain(&issued);
    assert!(chain.len() >= 2, "a leaf and its issuer");
    assert_eq!(Leaf::parse(&chain[0]).dns_names(), [host("a"), host("b")]);
    for pair in chain.windows(2) {
        let (_, one) = X509Certificate::from_der(&pair[0]).unwrap();
        let (_, next) = X509Certificate::from_der(&pair[1]).unwrap();
        assert_eq!(one.issuer(), next.subject());
    }
}

#[tokio::test]
async fn a_chain_ends_before_the_root() {
    let (_, issued) = issued(&["a"]).await;
    let chain = chain(&issued);
    let (_, last) = X509Certificate::from_der(chain.last().unwrap()).unwrap();
    assert_ne!(last.issuer(), last.subject());
}

#[tokio::test]
async fn a_chain_is_its_blocks_and_nothing_between() {
    let (_, issued) = issued(&["a"]).await;
    let text = issued.reply.text();
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----\n"), "{text}");
    assert!(text.ends_with("-----END CERTIFICATE-----\n"), "{text}");
    assert!(!text.contains("\n\n") && !text.contains('\r'), "{text}");
    assert!(text.lines().all(|line| line.len() <= 64), "{text}");
}

#[tokio::test]
async fn a_download_can_be_repeated() {
    let (account, issued) = issued(&["a"]).await;
    let again = account.read(&issued.url()).await.expect(200);
    assert_eq!(again.body, issued.reply.body);
}

#[tokio::test]
async fn a_certificate_is_not_given_to_another_account() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let issued = account.issue(&[host("a")]).await;
    let reply = other.read(&issued.url()).await;
    assert!((400..500).contains(&reply.status), "{reply}");
}

#[tokio::test]
async fn a_certificate_is_not_given_to_a_get() {
    let subject = Subject::open().await;
    let issued = subject.account().await.issue(&[host("a")]).await;
    subject
        .request("GET", &issued.url())
        .await
        .refused(405, "malformed");
}

#[tokio::test]
async fn alternate_chains_have_the_same_leaf_and_lead_back() {
    let (account, issued) = issued(&["a"]).await;
    for alternate in issued.reply.links("alternate") {
        let reply = account.read(&alternate).await.expect(200);
        assert_eq!(Leaf::first_of(&reply).der(), issued.leaf, "{alternate}");
        assert!(reply.links("alternate").contains(&issued.url()), "{reply}");
    }
}

#[tokio::test]
async fn a_wildcard_is_a_name_of_its_certificate() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let names = [format!("*.{}", host("a")), host("a")];
    let issued = account.issue(&names).await;
    assert_eq!(Leaf::parse(&issued.leaf).dns_names(), names);
}
