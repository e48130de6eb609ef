//! The crates `signed_note` and `tlog_tiles`, which others wrote, read the log.

use certlocker_audit::files::{Disk, Source};
use certlocker_audit::log::Log;
use certlocker_audit::tile::WIDTH;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, HashReader, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash, stored_hash_index, tree_hash,
};

use crate::support::{Ram, entries, key};

struct Foreign<'a>(&'a dyn Source);

impl TileReader for Foreign<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &tlog_tiles::Tile| {
            // The crate has the paths of the older sumdb form, with the height in them.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.0.read(&path).map_err(|_| Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// The checkpoint as the other crates read it, if they accept it.
fn checkpoint(source: &dyn Source) -> Option<Checkpoint> {
    let note = Note::from_bytes(&source.read("checkpoint").unwrap()).ok()?;
    let verifier = StandardVerifier::new(&key().verifier().to_string()).ok()?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)]))
        .ok()?;
    Checkpoint::from_bytes(note.text()).ok()
}

/// Whether the other crates find every entry under the signed root.
fn accepts(source: &dyn Source, size: u64) -> bool {
    let Some(checkpoint) = checkpoint(source).filter(|checkpoint| checkpoint.size() == size) else {
        return false;
    };
    let reader = Foreign(source);
    let hashes = TileHashReader::new(size, *checkpoint.hash(), &reader);
    let places: Vec<u64> = (0..size).map(|index| stored_hash_index(0, index)).collect();
    let Ok(leaves) = hashes.read_hashes(&places) else {
        return false;
    };
    let mut bundles =
        (0..size.div_ceil(WIDTH)).flat_map(|bundle| read_bundle(source, bundle, size));
    let all = leaves.iter().all(|leaf| {
        bundles
            .next()
            .is_some_and(|entry| record_hash(&entry) == *leaf)
    });
    all && tree_hash(size, &hashes).is_ok_and(|root| root == *checkpoint.hash())
}

/// A bundle, read without our own code.
fn read_bundle(source: &dyn Source, bundle: u64, size: u64) -> Vec<Vec<u8>> {
    let width = (size - bundle * WIDTH).min(WIDTH);
    let part = if width < WIDTH {
        format!(".p/{width}")
    } else {
        String::new()
    };
    let bytes = source
        .read(&format!("tile/entries/{bundle:03}{part}"))
        .unwrap_or_default();
    let (mut rest, mut entries) = (bytes.as_slice(), Vec::new());
    while rest.len() >= 2 {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let Some(entry) = rest.get(2..2 + length) else {
            break;
        };
        entries.push(entry.to_vec());
        rest = &rest[2 + length..];
    }
    entries
}

#[test]
fn a_foreign_verifier_accepts_the_log_at_every_interesting_size() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = Log::open(Disk::at(directory.path()), key()).unwrap();
    let mut roots = Vec::new();
    for size in [1, 255, 256, 257, 70_000] {
        log.append(&entries(log.size(), size)).unwrap();
        let source = Disk::at(directory.path());
        let root = *checkpoint(&source).unwrap().hash();
        assert_eq!(root.0, log.checkpoint().checkpoint().root.0);
        assert!(accepts(&source, size), "size {size}");
        let reader = Foreign(&source);
        let hashes = TileHashReader::new(size, root, &reader);
        for index in [0, size / 2, size - 1] {
            let theirs = prove_record(size, index, &hashes).unwrap();
            let ours = log.receipt(index).unwrap().unwrap().path;
            assert_eq!(
                bytes(&theirs),
                ours.iter().map(|hash| hash.0).collect::<Vec<_>>()
            );
            let leaf = record_hash(&entries(index, index + 1)[0]);
            check_record(&theirs, size, root, index, leaf).unwrap();
        }
        for (old, old_root) in &roots {
            let theirs = prove_tree(size, *old, &hashes).unwrap();
            let ours = log.consistency(*old).unwrap().unwrap();
            assert_eq!(
                bytes(&theirs),
                ours.iter().map(|hash| hash.0).collect::<Vec<_>>()
            );
            check_tree(&theirs, size, root, *old, *old_root).unwrap();
        }
        roots.push((size, root));
    }
}

fn bytes(hashes: &[tlog_tiles::Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}

#[test]
fn a_foreign_verifier_rejects_every_flipped_byte() {
    let files = Ram::default();
    let mut log = Log::open(files.clone(), key()).unwrap();
    log.append(&entries(0, 5)).unwrap();
    log.append(&entries(5, 12)).unwrap();
    assert!(accepts(&files, 12));
    for path in ["checkpoint", "tile/0/000.p/12", "tile/entries/000.p/12"] {
        let bytes = files.read(path).unwrap();
        for place in 0..bytes.len() {
            let (mut wrong, damaged) = (bytes.clone(), files.copy());
            wrong[place] ^= 1;
            damaged.set(path, wrong);
            assert!(!accepts(&damaged, 12), "{path}, byte {place}");
        }
    }
}
