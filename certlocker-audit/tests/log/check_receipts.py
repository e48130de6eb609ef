"""Checks receipts with sigstore's own code.

Usage: check_receipts.py VKEY DIRECTORY; the directory has pairs of files N.receipt and N.entry.
"""

import base64
import pathlib
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint


class Keyring:
    def __init__(self, key: bytes) -> None:
        self.key = Ed25519PublicKey.from_public_bytes(key)

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        self.key.verify(signature, data)


def check(receipt: str, entry: bytes, key_id: bytes, keyring: Keyring) -> None:
    head, note = receipt.split("\n\n", 1)
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    signed = SignedCheckpoint.from_text(note)
    signed.signed_note.verify(keyring, key_id)
    proof = SimpleNamespace(
        log_index=int(lines[1].removeprefix("index ")),
        tree_size=signed.checkpoint.log_size,
        root_hash=bytes.fromhex(signed.checkpoint.log_hash),
        hashes=[base64.b64decode(line) for line in lines[2:]],
    )
    verify_merkle_inclusion(SimpleNamespace(_inner=SimpleNamespace(
        inclusion_proof=proof, canonicalized_body=entry)))


def main() -> int:
    _, key_id, key = sys.argv[1].split("+", 2)
    key_id, keyring = bytes.fromhex(key_id), Keyring(base64.b64decode(key)[1:])
    refused = 0
    receipts = sorted(pathlib.Path(sys.argv[2]).glob("*.receipt"))
    for path in receipts:
        entry = path.with_suffix(".entry").read_bytes()
        try:
            check(path.read_text(), entry, key_id, keyring)
        except Exception as error:
            print(f"{path.name}: {type(error).__name__} {error}"[:300])
            refused += 1
    print(f"{len(receipts) - refused} of {len(receipts)} accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
