//! Certificate requests by openssl, which makes bad ones as willingly as good ones.

use std::path::Path;
use std::process::Command;

use super::Key;

pub const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
pub const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

/// A certificate request under construction.
pub struct Csr {
    key: Source,
    names: String,
    options: Vec<String>,
    subject: String,
}

enum Source {
    Given(Key),
    New(Vec<String>),
}

impl Csr {
    /// For these names and addresses, with a new P-256 key and an empty subject.
    pub fn new<N: AsRef<str>>(names: &[N]) -> Self {
        let name = |name: &N| match name.as_ref().parse::<std::net::IpAddr>() {
            Ok(address) => format!("IP:{address}"),
            Err(_) => format!("DNS:{}", name.as_ref()),
        };
        let names: Vec<String> = names.iter().map(name).collect();
        Self {
            key: Source::New(owned(P256)),
            names: names.join(","),
            options: Vec::new(),
            subject: "/".to_owned(),
        }
    }

    /// With this key.
    pub fn key(mut self, key: &Key) -> Self {
        self.key = Source::Given(key.clone());
        self
    }

    /// With a new key, of the kind that these arguments of `openssl genpkey` make.
    pub fn new_key(mut self, arguments: &[&str]) -> Self {
        self.key = Source::New(owned(arguments));
        self
    }

    /// With further arguments of `openssl req`.
    pub fn options(mut self, arguments: &[&str]) -> Self {
        self.options.extend(owned(arguments));
        self
    }

    /// With another subject than the empty one.
    pub fn subject(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    pub fn der(self) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        self.write_key(&key);
        let request = directory.path().join("request");
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-new",
            "-batch",
            "-subj",
            &self.subject,
            "-outform",
            "DER",
        ]);
        command.arg("-key").arg(&key).arg("-out").arg(&request);
        if !self.names.is_empty() {
            let names = format!("subjectAltName={}", self.names);
            command.arg("-addext").arg(names);
        }
        run(command.args(&self.options));
        std::fs::read(request).unwrap()
    }

    fn write_key(&self, file: &Path) {
        match &self.key {
            Source::Given(key) => std::fs::write(file, key.pkcs8()).unwrap(),
            Source::New(arguments) => {
                run(Command::new("openssl")
                    .arg("genpkey")
                    .arg("-out")
                    .arg(file)
                    .args(arguments));
            }
        }
    }
}

/// A certificate that this key signed for itself.
pub fn foreign_certificate(key: &Key) -> Vec<u8> {
    let csr = Csr::new(&["a.example"]).key(key);
    csr.subject("/CN=a.example").options(&["-x509"]).der()
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&one| one.to_owned()).collect()
}

fn run(command: &mut Command) {
    let output = command.output().expect("openssl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
