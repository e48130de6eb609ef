//! Policies: which log, and which witnesses have to have cosigned.
//!
//! [c2sp.org/tlog-policy](https://c2sp.org/tlog-policy).

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::encoding::decimal;
use crate::note::{Algorithm, Note, NoteError, VerifierKey};

/// The keys of logs and witnesses, and how many of the witnesses are enough.
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: BTreeMap<String, Party>,
    groups: BTreeMap<String, Group>,
    quorum: Option<String>,
}

/// A log or a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the specification fixes it")]
pub struct Party {
    /// What verifies its signatures.
    pub key: VerifierKey,
    /// Where it is reached, if anywhere.
    pub url: Option<String>,
}

#[derive(Clone, Debug)]
struct Group {
    enough: usize,
    members: Vec<String>,
}

/// Why a checkpoint is not enough for a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A signature is wrong, or no log of the policy has signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few witnesses have cosigned.
    #[error("the quorum `{quorum}` is not reached: cosigned have {seen}")]
    Quorum {
        /// The group or witness that has to have cosigned.
        quorum: String,
        /// The witnesses that have.
        seen: String,
    },
}

/// A text that is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {what}")]
pub struct InvalidPolicy {
    line: usize,
    what: String,
}

impl Policy {
    /// The logs it knows.
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses it knows, by name.
    pub fn witnesses(&self) -> impl Iterator<Item = (&str, &Party)> {
        self.witnesses
            .iter()
            .map(|(name, party)| (name.as_str(), party))
    }

    /// Checks that a log of the policy has signed, and enough of the witnesses.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn verify(&self, checkpoint: &Note) -> Result<(), PolicyError> {
        let logs: Vec<_> = self.logs.iter().map(|log| log.key.clone()).collect();
        checkpoint.verify(&logs)?;
        let Some(quorum) = &self.quorum else {
            return Ok(());
        };
        let witnesses: Vec<_> = self.witnesses.values().map(|one| one.key.clone()).collect();
        let signers = match checkpoint.verify(&witnesses) {
            Err(NoteError::Unsigned { .. }) => Vec::new(),
            signers => signers?,
        };
        let signed = |name: &str| {
            self.witnesses
                .get(name)
                .is_some_and(|one| signers.contains(&&one.key))
        };
        if self.reached(quorum, &signed) {
            return Ok(());
        }
        let seen: Vec<_> = self
            .witnesses
            .keys()
            .filter(|name| signed(name))
            .cloned()
            .collect();
        Err(PolicyError::Quorum {
            quorum: quorum.clone(),
            seen: if seen.is_empty() {
                "none".to_owned()
            } else {
                seen.join(", ")
            },
        })
    }

    /// Groups name only what is above them, so that this ends.
    fn reached(&self, name: &str, signed: &dyn Fn(&str) -> bool) -> bool {
        match self.groups.get(name) {
            None => signed(name),
            Some(group) => {
                let members = group.members.iter();
                members
                    .filter(|member| self.reached(member, signed))
                    .count()
                    >= group.enough
            }
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.witnesses.contains_key(name) || self.groups.contains_key(name)
    }

    fn read(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, enough, members @ ..] if !members.is_empty() => {
                self.group(name, enough, members)
            }
            ["quorum", name] => self.set_quorum(name),
            _ => Err(
                "`log KEY [URL]`, `witness NAME KEY [URL]`, `group NAME all|any|N MEMBER…` or `quorum NAME|none` was expected"
                    .to_owned(),
            ),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), String> {
        self.logs.push(party(key, url, Algorithm::Ed25519)?);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), String> {
        self.is_new(name)?;
        let party = party(key, url, Algorithm::Cosignature)?;
        self.witnesses.insert(name.to_owned(), party);
        Ok(())
    }

    fn group(&mut self, name: &str, enough: &str, members: &[&str]) -> Result<(), String> {
        self.is_new(name)?;
        if let Some(unknown) = members.iter().find(|member| !self.knows(member)) {
            return Err(format!(
                "`{unknown}` is no witness or group of a line above"
            ));
        }
        let enough = match enough {
            "all" => Some(members.len()),
            "any" => Some(1),
            number => decimal(number).and_then(|number| usize::try_from(number).ok()),
        };
        let enough = enough.filter(|enough| (1..=members.len()).contains(enough));
        let enough =
            enough.ok_or_else(|| format!("between 1 and {} members are enough", members.len()))?;
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.groups
            .insert(name.to_owned(), Group { enough, members });
        Ok(())
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), String> {
        if name != "none" && !self.knows(name) {
            return Err(format!("`{name}` is no witness or group of a line above"));
        }
        self.quorum = (name != "none").then(|| name.to_owned());
        Ok(())
    }

    fn is_new(&self, name: &str) -> Result<(), String> {
        if name == "none" || self.knows(name) {
            return Err(format!("the name `{name}` is taken"));
        }
        Ok(())
    }
}

fn party(key: &str, url: Option<&str>, algorithm: Algorithm) -> Result<Party, String> {
    let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
    if key.algorithm() != algorithm {
        return Err(format!("the key of `{}` is of another kind", key.name()));
    }
    Ok(Party {
        key,
        url: url.map(str::to_owned),
    })
}

impl FromStr for Policy {
    type Err = InvalidPolicy;

    /// Reads a policy: one statement a line, `#` starts a comment, the quorum is named once.
    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let mut policy = Self {
            logs: Vec::new(),
            witnesses: BTreeMap::new(),
            groups: BTreeMap::new(),
            quorum: None,
        };
        let mut quorums = 0;
        for (place, line) in text.lines().enumerate() {
            let words: Vec<_> = line.split_whitespace().collect();
            if words.is_empty() || words[0].starts_with('#') {
                continue;
            }
            let invalid = |what| InvalidPolicy {
                line: place + 1,
                what,
            };
            quorums += usize::from(words[0] == "quorum");
            if quorums > 1 {
                return Err(invalid("the quorum was named before".to_owned()));
            }
            policy.read(&words).map_err(invalid)?;
        }
        if quorums == 0 || policy.logs.is_empty() {
            let what = "a policy names a log and a quorum".to_owned();
            return Err(InvalidPolicy {
                line: text.lines().count(),
                what,
            });
        }
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use certlocker_core::{Secret, Timestamp};

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::SigningKey;
    use crate::tree::empty_root;

    fn log() -> SigningKey {
        SigningKey::from_seed("l.example".parse().unwrap(), &Secret::new(vec![1; 32])).unwrap()
    }

    fn witness(number: u8) -> SigningKey {
        let name = format!("w{number}.example").parse().unwrap();
        SigningKey::witness(name, &Secret::new(vec![number; 32])).unwrap()
    }

    fn policy(quorum: &str) -> String {
        let line = |number| format!("witness w{number} {}\n", witness(number).verifier());
        let witnesses: String = (2..6).map(line).collect();
        format!(
            "# a comment\nlog {} https://l.example\n\n{witnesses}group two 2 w2 w3 w4\ngroup both all two w5\n{quorum}\n",
            log().verifier()
        )
    }

    fn cosigned(by: &[u8]) -> Note {
        let checkpoint = Checkpoint {
            origin: "l.example".to_owned(),
            size: 0,
            root: empty_root(),
        };
        let signed = checkpoint.sign(&log()).unwrap();
        let at = Timestamp::from_seconds(1_700_000_000);
        let signatures = by
            .iter()
            .map(|number| witness(*number).cosign(signed.note().text(), at));
        let signatures = signatures.collect();
        signed.cosigned(signatures).note().clone()
    }

    #[test]
    fn a_quorum_is_reached_by_those_that_it_names() {
        for (quorum, by, reached) in [
            ("quorum none", &[][..], true),
            ("quorum w2", &[2], true),
            ("quorum w2", &[3], false),
            ("quorum two", &[2, 4], true),
            ("quorum two", &[2, 2, 5], false),
            ("quorum both", &[2, 3, 5], true),
            ("quorum both", &[2, 3, 4], false),
        ] {
            let policy: Policy = policy(quorum).parse().unwrap();
            assert_eq!(
                policy.verify(&cosigned(by)).is_ok(),
                reached,
                "{quorum} {by:?}"
            );
        }
    }

    #[test]
    fn a_checkpoint_that_the_log_did_not_sign_is_refused() {
        let policy: Policy = policy("quorum none").parse().unwrap();
        let foreign = Note::new("l.example\n0\n".to_owned())
            .unwrap()
            .signed(&witness(2));
        assert!(policy.verify(&foreign).is_err());
    }

    #[test]
    fn what_does_not_read_is_named_by_its_line() {
        for (wrong, line) in [
            ("quorum nobody", 10),
            ("", 10),
            ("quorum none\nquorum none", 11),
            ("group two any w2\nquorum none", 10),
            ("group three 4 w2 w3\nquorum none", 10),
            ("witness none x\nquorum none", 10),
            ("nonsense", 10),
        ] {
            let error = policy(wrong).parse::<Policy>().unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("line {line} ")),
                "{wrong}: {error}"
            );
        }
    }
}
