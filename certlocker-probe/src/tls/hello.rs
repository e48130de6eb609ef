//! The first message of the client.

use certlocker_core::DnsName;

use crate::wire::put_vector;
use crate::{Algorithm, TlsVersion};

/// What a client offers, which decides which certificate it is shown.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "each field is something to vary")]
pub struct Offer {
    /// The kind of certificate that is wanted; any, if there is none.
    pub algorithm: Option<Algorithm>,
    /// The newest version that is offered; all older ones down to TLS 1.0 are, too.
    pub newest: TlsVersion,
    /// The name that the server is told; none is a cell of its own.
    pub server_name: Option<DnsName>,
}

/// The generator of P-256, which stands for the private key 1: whatever the server answers is the shared
/// secret, and nothing has to be computed. It protects nothing, and certificates need no protection.
const GENERATOR: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
    0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51,
    0xf5,
];

pub(super) const P256: u16 = 23;
const GROUPS: [u16; 4] = [P256, 29, 24, 25];

pub(super) const SERVER_NAME: u16 = 0;
pub(super) const STATUS_REQUEST: u16 = 5;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const TIMESTAMPS: u16 = 18;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
pub(super) const KEY_SHARE: u16 = 51;

const OF_1_3: [u16; 3] = [0x1301, 0x1302, 0x1303];
/// For each kind of certificate, what servers of all ages speak, the newest first. Nothing is ever
/// encrypted with them.
const WITH_ECDSA: [u16; 10] = [
    0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a, 0xc008, 0xc007, 0xc006,
];
const WITH_RSA: [u16; 27] = [
    0xc02f, 0xc030, 0xcca8, 0xc027, 0xc028, 0xc013, 0xc014, 0xc012, 0x009e, 0x009f, 0xccaa, 0x0067,
    0x006b, 0x0033, 0x0039, 0x0016, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a, 0x0005,
    0x0004, 0x0002, 0xc010,
];

const ECDSA_SCHEMES: [u16; 4] = [0x0403, 0x0503, 0x0603, 0x0203];
const EDDSA_SCHEMES: [u16; 2] = [0x0807, 0x0808];
const RSA_SCHEMES: [u16; 10] = [
    0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0201,
];

impl Offer {
    pub(super) fn schemes(&self) -> Vec<u16> {
        match self.algorithm {
            Some(Algorithm::Ecdsa) => ECDSA_SCHEMES.to_vec(),
            Some(Algorithm::Eddsa) => EDDSA_SCHEMES.to_vec(),
            Some(Algorithm::Rsa) => RSA_SCHEMES.to_vec(),
            None => [&ECDSA_SCHEMES[..], &RSA_SCHEMES, &EDDSA_SCHEMES].concat(),
        }
    }

    fn cipher_suites(&self) -> Vec<u16> {
        let modern: &[u16] = if self.newest >= TlsVersion::TLS_1_3 {
            &OF_1_3
        } else {
            &[]
        };
        let older: Vec<u16> = match self.algorithm {
            Some(Algorithm::Ecdsa | Algorithm::Eddsa) => WITH_ECDSA.to_vec(),
            Some(Algorithm::Rsa) => WITH_RSA.to_vec(),
            None => [&WITH_ECDSA[..], &WITH_RSA].concat(),
        };
        [modern, &older].concat()
    }

    fn versions(&self) -> Vec<u16> {
        (TlsVersion::TLS_1_0.0..=self.newest.0).rev().collect()
    }

    /// The message, without a record around it.
    pub(super) fn client_hello(&self, random: [u8; 32]) -> Vec<u8> {
        let mut body = Vec::with_capacity(320);
        body.extend_from_slice(&self.newest.min(TlsVersion::TLS_1_2).0.to_be_bytes());
        body.extend_from_slice(&random);
        put_vector(&mut body, 1, &[]);
        put_vector(&mut body, 2, &octets(&self.cipher_suites()));
        put_vector(&mut body, 1, &[0]);
        put_vector(&mut body, 2, &self.extensions());
        let mut message = vec![super::message::CLIENT_HELLO];
        put_vector(&mut message, 3, &body);
        message
    }

    fn extensions(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut add = |number: u16, content: &[u8]| {
            all.extend_from_slice(&number.to_be_bytes());
            put_vector(&mut all, 2, content);
        };
        if let Some(name) = &self.server_name {
            add(
                SERVER_NAME,
                &vector(
                    2,
                    &[&[0][..], &vector(2, name.as_str().as_bytes())].concat(),
                ),
            );
        }
        add(STATUS_REQUEST, &[1, 0, 0, 0, 0]);
        add(SUPPORTED_GROUPS, &vector(2, &octets(&GROUPS)));
        add(EC_POINT_FORMATS, &vector(1, &[0]));
        add(SIGNATURE_ALGORITHMS, &vector(2, &octets(&self.schemes())));
        // The kind of key is asked for, and whoever signed it may have any.
        let any = Self {
            algorithm: None,
            ..self.clone()
        }
        .schemes();
        add(SIGNATURE_ALGORITHMS_CERT, &vector(2, &octets(&any)));
        add(TIMESTAMPS, &[]);
        if self.newest >= TlsVersion::TLS_1_3 {
            add(SUPPORTED_VERSIONS, &vector(1, &octets(&self.versions())));
            let share = [&P256.to_be_bytes()[..], &vector(2, &GENERATOR)].concat();
            add(KEY_SHARE, &vector(2, &share));
        }
        all
    }
}

fn vector(octets: usize, content: &[u8]) -> Vec<u8> {
    let mut vector = Vec::new();
    put_vector(&mut vector, octets, content);
    vector
}

fn octets(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Cursor;

    fn extensions(offer: &Offer) -> Vec<(u16, Vec<u8>)> {
        let all = offer.extensions();
        let mut cursor = Cursor(&all);
        let mut found = Vec::new();
        while !cursor.is_empty() {
            found.push((cursor.u16().unwrap(), cursor.vector(2).unwrap().to_vec()));
        }
        found
    }

    fn offer(newest: TlsVersion) -> Offer {
        Offer {
            algorithm: None,
            newest,
            server_name: None,
        }
    }

    #[test]
    fn an_older_offer_says_nothing_of_newer_things() {
        let numbers: Vec<u16> = extensions(&offer(TlsVersion::TLS_1_0))
            .iter()
            .map(|(number, _)| *number)
            .collect();
        assert!(!numbers.contains(&SUPPORTED_VERSIONS) && !numbers.contains(&KEY_SHARE));
        let hello = offer(TlsVersion::TLS_1_0).client_hello([0; 32]);
        assert_eq!(hello[4..6], [3, 1]);
    }

    #[test]
    fn no_name_is_sent_where_none_is_wanted() {
        assert!(
            extensions(&offer(TlsVersion::TLS_1_3))
                .iter()
                .all(|(number, _)| *number != SERVER_NAME)
        );
        let named = Offer {
            server_name: Some(DnsName::parse("a.example").unwrap()),
            ..offer(TlsVersion::TLS_1_3)
        };
        let (_, content) = extensions(&named)
            .into_iter()
            .find(|(number, _)| *number == SERVER_NAME)
            .unwrap();
        assert_eq!(content, [&[0, 12, 0, 0, 9][..], b"a.example"].concat());
    }

    #[test]
    fn the_share_is_the_generator_of_the_curve() {
        let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let hex: String = GENERATOR[1..]
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(hex, format!("{x}{y}"));
    }
}
