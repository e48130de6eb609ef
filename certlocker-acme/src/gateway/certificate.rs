//! Downloads ([RFC 8555 section 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certlocker_core::{Certificate, CertificateId, Chain, Origin, StoreError, Versioned};

use super::{Gateway, Refused, Signed};
use crate::call::Answer;
use crate::problem::Problem;

impl Gateway {
    pub(super) async fn certificate(
        &self,
        value: &str,
        signed: &Signed,
    ) -> Result<Answer, Refused> {
        let account = signed.account()?;
        let id: CertificateId = value.parse().map_err(|_| Problem::not_found())?;
        let certificate = self.store().certificate(&id).await?;
        if certificate.value.account() != Some(account.value.id()) {
            return Err(Problem::not_found().into());
        }
        signed.expect_get()?;
        self.note_download(&certificate, signed).await?;
        Ok(Answer::bytes(
            "application/pem-certificate-chain",
            pem(certificate.value.chain()).into_bytes(),
        ))
    }

    /// The first download is a step of the order; later ones change nothing.
    async fn note_download(
        &self,
        certificate: &Versioned<Certificate>,
        signed: &Signed,
    ) -> Result<(), Refused> {
        let Origin::Issued { order, .. } = certificate.value.origin() else {
            return Ok(());
        };
        let order = match self.store().order(order).await {
            Ok(order) => order,
            Err(StoreError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(downloaded) = order.downloaded(signed.now) else {
            return Ok(());
        };
        match self.store().commit(downloaded.by(&signed.by).into()).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// RFC 8555 section 9.1: leaf first, no root, nothing between the blocks, one line feed at the end.
fn pem(chain: &Chain) -> String {
    let certificates = std::iter::once(&chain.leaf).chain(&chain.intermediates);
    certificates
        .map(|der| pem_block("CERTIFICATE", &der.0))
        .collect()
}

/// One block of RFC 7468's strict form.
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut block = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        block.extend(line.iter().copied().map(char::from));
        block.push('\n');
    }
    block.push_str(&format!("-----END {label}-----\n"));
    block
}

#[cfg(test)]
mod tests {
    use certlocker_core::Der;

    use super::*;

    #[test]
    fn a_chain_is_its_blocks_and_nothing_else() {
        let chain = Chain {
            leaf: Der(vec![7; 60]),
            intermediates: vec![Der(vec![8; 3])],
        };
        let text = pem(&chain);
        assert_eq!(text.matches("-----BEGIN CERTIFICATE-----\n").count(), 2);
        assert!(!text.contains("\n\n") && text.ends_with("-----END CERTIFICATE-----\n"));
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}
