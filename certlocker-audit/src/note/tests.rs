use certlocker_core::{Secret, Timestamp};

use super::*;
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::encoding::base64 as encoded;
use crate::tree::Hash;

const NAME: &str = "example.com/certlocker/audit";
const VKEY: &str =
    "example.com/certlocker/audit+fd457c5a+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const ROOT_257: &str = "0wcnaaRovomXkw5HrqQ7EHEZr46An5+3No10Q6hGzeA=";
const SIGNATURE_257: &str =
    "/UV8WhLFNC3cjLhUpcAhprHOrHxZv+k8EfyXkQYKSvR2pYwuYaeU6vjYpwae70Z0KZt/D+xD87a+bfdivD6YIUTCkgM=";

fn key() -> SigningKey {
    SigningKey::from_seed(NAME.parse().unwrap(), &Secret::new(vec![7; 32])).unwrap()
}

fn signed() -> SignedCheckpoint {
    let checkpoint = Checkpoint {
        origin: NAME.to_owned(),
        size: 257,
        root: Hash::from_base64(ROOT_257).unwrap(),
    };
    checkpoint.sign(&key()).unwrap()
}

#[test]
fn keys_and_signatures_are_the_known_ones() {
    assert_eq!(key().verifier().to_string(), VKEY);
    assert_eq!(
        signed().to_string(),
        format!("{NAME}\n257\n{ROOT_257}\n\n\u{2014} {NAME} {SIGNATURE_257}\n")
    );
    let opened = SignedCheckpoint::open(signed().to_string().as_bytes(), &VKEY.parse().unwrap());
    assert_eq!(opened.unwrap(), signed());
}

#[test]
fn the_key_of_the_specification_reads_back() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    for wrong in [
        &text.replace("530d903a", "530d903b"),
        &text.replace("foo", "fop"),
        &text.replace("+Aek", "+Bek"),
        "example.com/foo+530d903a",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "",
    ] {
        assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
    }
}

#[test]
fn the_private_form_of_go_gives_the_same_key() {
    let text =
        |seed: &str| Secret::new(format!("PRIVATE+KEY+{NAME}+fd457c5a+{seed}\n").into_bytes());
    let seed = encoded(&[&[1][..], &[7; 32]].concat());
    let read = SigningKey::from_text(&text(&seed)).unwrap();
    assert_eq!(read.verifier(), key().verifier());
    let other = encoded(&[&[1][..], &[8; 32]].concat());
    assert!(SigningKey::from_text(&text(&other)).is_err());
}

#[test]
fn every_flipped_bit_of_a_checkpoint_is_refused() {
    let (bytes, key) = (signed().to_string().into_bytes(), VKEY.parse().unwrap());
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1 << bit;
            assert!(
                SignedCheckpoint::open(&wrong, &key).is_err(),
                "byte {place}, bit {bit}"
            );
        }
    }
}

#[test]
fn unknown_signers_are_passed_over_and_a_wrong_signature_of_a_known_one_is_not() {
    let verifier = key().verifier().clone();
    let other = SigningKey::from_seed("other".parse().unwrap(), &Secret::new(vec![9; 32])).unwrap();
    let note = Note::new("text\n\nmore\n".to_owned()).unwrap();
    let both = note.clone().signed(&other).signed(&key());
    let read: Note = both.to_string().parse().unwrap();
    assert_eq!(read.text(), "text\n\nmore\n");
    assert_eq!(
        read.verify(std::slice::from_ref(&verifier)).unwrap(),
        [&verifier]
    );
    let error = note
        .clone()
        .signed(&other)
        .verify(std::slice::from_ref(&verifier))
        .unwrap_err();
    assert!(
        error.to_string().contains("signatures are by: other+"),
        "{error}"
    );
    let mut wrong = key().sign("another text\n");
    wrong.bytes[0] ^= 1;
    let error = both.with(wrong).verify(&[verifier]).unwrap_err();
    assert!(matches!(error, NoteError::Signature(_)), "{error}");
}

#[test]
fn sixteen_signatures_are_read_and_thousands_are_not() {
    let mut note = Note::new("text\n".to_owned()).unwrap();
    for _ in 0..16 {
        note = note.signed(&key());
    }
    assert!(note.to_string().parse::<Note>().is_ok());
    for _ in 0..100 {
        note = note.signed(&key());
    }
    assert!(note.to_string().parse::<Note>().is_err());
}

#[test]
fn what_is_no_note_is_refused() {
    let line = key().sign("text\n").to_string();
    for wrong in [
        "text\n",
        "text\n\n",
        "\n\n",
        "text\n\n\u{2014} name AAAAAA==\n",
        &format!("text\n\n{line}"),
        &format!("text\n{line}\n"),
        &format!("te\txt\n\n{line}\n"),
        &format!("text\n\n{line}\n{}\n", &line[3..]),
        &format!("text\n\n{line}\r\n"),
    ] {
        assert!(wrong.parse::<Note>().is_err(), "{wrong:?}");
    }
    assert!(Note::parse(b"\xff\n\n").is_err());
}

#[test]
fn a_cosignature_binds_the_time() {
    let witness =
        SigningKey::witness("w.example".parse().unwrap(), &Secret::new(vec![3; 32])).unwrap();
    let cosignature = witness.cosign(
        signed().note().text(),
        Timestamp::from_seconds(1_700_000_000),
    );
    let cosigned = signed().cosigned(vec![cosignature.clone()]);
    let keys = [witness.verifier().clone(), key().verifier().clone()];
    assert_eq!(cosigned.note().verify(&keys).unwrap().len(), 2);
    let mut moved = cosignature;
    moved.bytes[7] ^= 1;
    assert!(signed().cosigned(vec![moved]).note().verify(&keys).is_err());
    let read: VerifierKey = witness.verifier().to_string().parse().unwrap();
    assert_eq!(&read, witness.verifier());
}

#[test]
fn a_checkpoint_of_another_log_is_refused() {
    let other = SigningKey::from_seed("other".parse().unwrap(), &Secret::new(vec![9; 32])).unwrap();
    let foreign = signed().checkpoint().clone().sign(&other).unwrap();
    let error =
        SignedCheckpoint::open(foreign.to_string().as_bytes(), other.verifier()).unwrap_err();
    assert!(matches!(error, CheckpointError::Origin { .. }), "{error}");
}
