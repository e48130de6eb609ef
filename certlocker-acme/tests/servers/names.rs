//! Names that mean what a test says, without a name server.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use certlocker_acme::validate::{Answer, DnsResolver, LookupError, LookupFault};

/// A resolver with prepared answers: the next one each time, the last one for ever. Names without
/// one do not exist, and there is no TXT record anywhere.
#[derive(Debug, Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn with(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        self.answers
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_default()
            .push_back(addresses.collect());
        self
    }

    /// The names asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn fails<T>(fault: LookupFault) -> Result<T, LookupError> {
    Err(LookupError {
        fault,
        server: None,
    })
}

#[async_trait]
impl DnsResolver for Names {
    async fn addresses(&self, name: &str) -> Result<Answer<IpAddr>, LookupError> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let Some(prepared) = answers.get_mut(name) else {
            return fails(LookupFault::NoSuchName);
        };
        let records = match prepared.len() {
            1 => prepared[0].clone(),
            _ => prepared.pop_front().unwrap(),
        };
        Ok(Answer {
            aliases: Vec::new(),
            records,
            server: None,
        })
    }

    async fn txt(&self, _name: &str) -> Result<Answer<Vec<u8>>, LookupError> {
        fails(LookupFault::NoSuchName)
    }
}
