//! How a witness is asked to cosign.
//!
//! [c2sp.org/tlog-witness](https://c2sp.org/tlog-witness).

mod round;

use crate::checkpoint::SignedCheckpoint;
use crate::encoding::decimal;
use crate::http::{Answer, Post, Request};
use crate::note::{NoteError, Signature, VerifierKey};
use crate::tree::Hash;

pub use round::{Round, Witnesses};

/// Why a witness did not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// It answered something that is not understood.
    #[error("the witness answered with status {status}: {detail}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        detail: String,
    },
    /// What it has seen is no beginning of the log: the log was rolled back, or the witness is not
    /// one of it.
    #[error("the witness has seen {witness} entries, and the log has {log}")]
    Ahead {
        /// How many entries the witness has seen.
        witness: u64,
        /// How many there are.
        log: u64,
    },
    /// It has seen another size: the proof has to start there.
    #[error("the witness has seen a checkpoint of size {0}")]
    Behind(u64),
    /// Its signature is wrong or missing.
    #[error("the answer of the witness has no signature of it")]
    Cosignature(#[source] NoteError),
    /// The proof cannot be made, because a file of the log cannot be read.
    #[error("the proof for the witness cannot be made: {0}")]
    Unproven(String),
    /// It did not answer.
    #[error("the witness cannot be reached: {0}")]
    Unreachable(String),
}

/// Where a checkpoint is submitted, below the URL of a witness.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The largest body of an answer that is read.
const LARGEST_DETAIL: usize = 200;

/// The body of a request to cosign: how much the witness has seen, the proof from there, and the
/// checkpoint.
pub fn request(old: u64, proof: &[Hash], checkpoint: &SignedCheckpoint) -> Vec<u8> {
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    format!("old {old}\n{proof}\n{checkpoint}").into_bytes()
}

/// Asks a witness, once, to cosign `checkpoint`, which is consistent with what it has seen at size
/// `old` by `proof`. [`WitnessError::Behind`] names the size to prove from instead.
///
/// # Errors
/// [`WitnessError`].
pub async fn cosign(
    http: &dyn Post,
    url: &str,
    witness: &VerifierKey,
    old: u64,
    proof: &[Hash],
    checkpoint: &SignedCheckpoint,
) -> Result<Vec<Signature>, WitnessError> {
    let url = format!("{}/{ADD_CHECKPOINT}", url.trim_end_matches('/'));
    let request = Request {
        url,
        headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
        body: request(old, proof, checkpoint),
    };
    let answer = http.post(request).await;
    cosignatures(
        &answer.map_err(WitnessError::Unreachable)?,
        witness,
        checkpoint,
    )
}

/// The signatures of `witness` in its answer, each checked.
///
/// # Errors
/// [`WitnessError`].
pub fn cosignatures(
    answer: &Answer,
    witness: &VerifierKey,
    checkpoint: &SignedCheckpoint,
) -> Result<Vec<Signature>, WitnessError> {
    let text = String::from_utf8_lossy(&answer.body);
    let unexpected = || WitnessError::Answer {
        status: answer.status,
        detail: text.chars().take(LARGEST_DETAIL).collect(),
    };
    match answer.status {
        200 => {}
        409 if answer.media_type == "text/x.tlog.size" => {
            let size = text.strip_suffix('\n').and_then(decimal);
            return Err(size.map_or_else(unexpected, WitnessError::Behind));
        }
        _ => return Err(unexpected()),
    }
    let lines: Option<Vec<_>> = text.lines().map(Signature::parse).collect();
    let mut signatures = lines.ok_or_else(unexpected)?;
    signatures.retain(|one| &one.name == witness.name() && one.id == witness.id());
    let cosigned = checkpoint.clone().cosigned(signatures.clone());
    let verified = cosigned.note().verify(std::slice::from_ref(witness));
    verified.map_err(WitnessError::Cosignature)?;
    Ok(signatures)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use certlocker_core::{Secret, Timestamp};

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::SigningKey;
    use crate::tree::{consistency, leaf_hash, root, verify_consistency};

    fn log() -> SigningKey {
        SigningKey::from_seed("l.example".parse().unwrap(), &Secret::new(vec![1; 32])).unwrap()
    }

    fn leaves() -> Vec<Hash> {
        (0_u8..9).map(|entry| leaf_hash(&[entry])).collect()
    }

    fn checkpoint(size: usize) -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            origin: "l.example".to_owned(),
            size: size as u64,
            root: root(&leaves()[..size]),
        };
        checkpoint.sign(&log()).unwrap()
    }

    /// A witness as the specification has it.
    struct Witness {
        key: SigningKey,
        seen: Mutex<(u64, Hash)>,
    }

    #[async_trait]
    impl Post for Witness {
        async fn post(&self, request: Request) -> Result<Answer, String> {
            assert_eq!(request.url, "https://w.example/add-checkpoint");
            let text = String::from_utf8(request.body).unwrap();
            let (head, note) = text.split_once("\n\n").unwrap();
            let mut lines = head.lines();
            let old = decimal(lines.next().unwrap().strip_prefix("old ").unwrap()).unwrap();
            let proof: Vec<Hash> = lines.map(|line| Hash::from_base64(line).unwrap()).collect();
            let answer = |status, media_type: &str, body: String| Answer {
                status,
                media_type: media_type.to_owned(),
                body: body.into_bytes(),
            };
            let Ok(signed) = SignedCheckpoint::open(note.as_bytes(), log().verifier()) else {
                return Ok(answer(403, "text/plain", "not signed".to_owned()));
            };
            let mut seen = self.seen.lock().unwrap();
            if seen.0 != old {
                return Ok(answer(409, "text/x.tlog.size", format!("{}\n", seen.0)));
            }
            let new = signed.checkpoint();
            if verify_consistency(old, new.size, &proof, &seen.1, &new.root).is_err() {
                return Ok(answer(422, "text/plain", "not consistent".to_owned()));
            }
            *seen = (new.size, new.root);
            let at = Timestamp::from_seconds(1_700_000_000);
            let signature = self.key.cosign(signed.note().text(), at);
            Ok(answer(200, "text/plain", format!("{signature}\n")))
        }
    }

    fn ask(witness: &Witness, old: u64, size: usize) -> Result<Vec<Signature>, WitnessError> {
        let all = leaves();
        let proof = consistency(old, size as u64, all.as_slice())
            .unwrap()
            .unwrap();
        let (key, checkpoint) = (witness.key.verifier(), checkpoint(size));
        let asked = cosign(witness, "https://w.example/", key, old, &proof, &checkpoint);
        pollster::block_on(asked)
    }

    #[test]
    fn a_witness_cosigns_what_is_consistent_with_what_it_has_seen() {
        let key = SigningKey::witness("w.example".parse().unwrap(), &Secret::new(vec![2; 32]));
        let witness = Witness {
            key: key.unwrap(),
            seen: Mutex::new((0, root(&[]))),
        };
        assert_eq!(ask(&witness, 0, 4).unwrap().len(), 1);
        assert_eq!(ask(&witness, 0, 9), Err(WitnessError::Behind(4)));
        assert_eq!(ask(&witness, 4, 9).unwrap().len(), 1);
        witness.seen.lock().unwrap().1 = leaf_hash(b"a fork");
        let refused = ask(&witness, 9, 9).unwrap_err();
        assert!(
            matches!(refused, WitnessError::Answer { status: 422, .. }),
            "{refused}"
        );
    }

    #[test]
    fn an_answer_without_the_witnesss_own_signature_is_refused() {
        let key = SigningKey::witness("w.example".parse().unwrap(), &Secret::new(vec![2; 32]));
        let (key, signed) = (key.unwrap(), checkpoint(3));
        let other = key.cosign(checkpoint(4).note().text(), Timestamp::from_seconds(1));
        for body in [String::new(), format!("{other}\n"), "nonsense\n".to_owned()] {
            let answer = Answer {
                status: 200,
                media_type: "text/plain".to_owned(),
                body: body.into_bytes(),
            };
            assert!(cosignatures(&answer, key.verifier(), &signed).is_err());
        }
    }

    /// The tiles of the log at all its sizes.
    struct Files;

    impl crate::files::Source for Files {
        fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
            let width = path
                .strip_prefix("tile/0/000.p/")
                .and_then(|width| width.parse().ok());
            let width: usize = width.ok_or(std::io::ErrorKind::NotFound)?;
            Ok(leaves()[..width].iter().flat_map(|leaf| leaf.0).collect())
        }
    }

    #[test]
    fn a_round_asks_from_where_each_witness_is_and_tells_whether_it_is_enough() {
        let key = SigningKey::witness("w.example".parse().unwrap(), &Secret::new(vec![2; 32]));
        let key = key.unwrap();
        let text = format!(
            "log {}\nwitness w {} https://w.example\nquorum w\n",
            log().verifier(),
            key.verifier()
        );
        let witness = Witness {
            key,
            seen: Mutex::new((4, root(&leaves()[..4]))),
        };
        let mut witnesses = Witnesses::of(text.parse().unwrap());
        for size in [5, 9] {
            let round = pollster::block_on(witnesses.ask(&checkpoint(size), &Files, &witness));
            assert_eq!(round.outcome, Ok(()), "{:?}", round.failures);
        }
        witness.seen.lock().unwrap().0 = 12;
        let mut witnesses = Witnesses::of(text.parse().unwrap());
        let round = pollster::block_on(witnesses.ask(&checkpoint(8), &Files, &witness));
        let ahead = WitnessError::Ahead {
            witness: 12,
            log: 8,
        };
        assert!(round.outcome.is_err());
        assert_eq!(round.failures, [("w".to_owned(), ahead)]);
    }
}
