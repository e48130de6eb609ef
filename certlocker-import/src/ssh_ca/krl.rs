//! The list of certificates that are not to be accepted any more, for `RevokedKeys`
//! ([PROTOCOL.krl](https://github.com/openssh/openssh-portable/blob/V_9_2/PROTOCOL.krl)).

use certlocker_core::host::AccessHistory;
use certlocker_core::{Event, IssuedSshCertificate, RecordQuery, Timestamp};

use super::lint::{BACKDATE, LONGEST};
use super::{SshCa, SshCaError, Stores};

impl<S: Stores + ?Sized> SshCa<'_, S> {
    /// The list of certificates whose time is not over, and whose key may not use the account any more:
    /// the entry was revoked, the host left the group, or is gone. Nobody has to revoke certificates
    /// besides.
    ///
    /// # Errors
    /// [`SshCaError::Missing`], [`SshCaError::Store`].
    pub async fn revocation_list(&mut self) -> Result<Vec<u8>, SshCaError> {
        let authority = self.store.ssh_authority().await?;
        let authority = authority.ok_or(SshCaError::Missing)?.value;
        let now = (self.clock)();
        let mut history = AccessHistory::new(self.store);
        let mut revoked = Vec::new();
        for (serial, certificate) in self.lasting(authority.id(), now).await? {
            let access = history.access_at(&certificate.host_id, now).await?;
            let mut ways = access.entries.iter().map(|entry| &entry.line);
            let may = ways.any(|way| {
                way.key == certificate.key && way.login.as_ref() == Some(&certificate.login)
            });
            if !may {
                revoked.push(serial);
            }
        }
        Ok(revocation_list(authority.public().blob(), &revoked, now))
    }

    /// The certificates of an authority whose time is not over.
    async fn lasting(
        &mut self,
        authority: &certlocker_core::AuthorityId,
        now: Timestamp,
    ) -> Result<Vec<(u64, IssuedSshCertificate)>, SshCaError> {
        const PAGE: usize = 1_000;
        let mut query = RecordQuery::oldest(PAGE);
        query.code = Some(ISSUED.to_owned());
        query.since = Some(now.before(LONGEST + BACKDATE));
        let mut lasting = Vec::new();
        loop {
            let page = self.store.find_records(&query).await?;
            let Some(last) = page.last() else {
                return Ok(lasting);
            };
            query.after = Some(last.sequence);
            for record in page {
                if let Event::SshCertificateIssued {
                    authority_id,
                    certificate,
                    serial,
                } = record.event
                    && authority_id == *authority
                    && certificate.valid_before > now
                {
                    lasting.push((serial, certificate));
                }
            }
        }
    }
}

/// The code of records of certificates.
const ISSUED: &str = "CLA361I";

const MAGIC: &[u8] = b"SSHKRL\n\0";
const FORMAT_VERSION: u32 = 1;
const SECTION_CERTIFICATES: u8 = 1;
const CERTIFICATE_SERIALS: u8 = 0x20;

/// A list of the serial numbers of an authority, numbered by its time.
pub fn revocation_list(authority: &[u8], serials: &[u64], now: Timestamp) -> Vec<u8> {
    let number = u64::try_from(now.as_micros()).unwrap_or(0);
    let made = u64::try_from(now.as_seconds()).unwrap_or(0);
    let mut list = MAGIC.to_vec();
    list.extend(FORMAT_VERSION.to_be_bytes());
    list.extend(number.to_be_bytes());
    list.extend(made.to_be_bytes());
    // No flags, nothing reserved, no comment.
    list.extend(0_u64.to_be_bytes());
    list.extend(string(b""));
    list.extend(string(b""));
    if serials.is_empty() {
        return list;
    }
    let mut sorted = serials.to_vec();
    sorted.sort_unstable();
    let numbers: Vec<u8> = sorted
        .iter()
        .flat_map(|serial| serial.to_be_bytes())
        .collect();
    let mut section = [string(authority), string(b"")].concat();
    section.push(CERTIFICATE_SERIALS);
    section.extend(string(&numbers));
    list.push(SECTION_CERTIFICATES);
    list.extend(string(&section));
    list
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}
