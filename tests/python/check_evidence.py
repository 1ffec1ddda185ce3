"""Checks the proofs within a bundle of evidence with aics-tlog alone, which verifies by RFC 9162's own algorithms.

usage: check_evidence.py FILE VERIFIER_KEY [--witness VERIFIER_KEY]...

Checks the checkpoint's signature and the witnesses' cosignatures, that each proof (C2SP tlog-proof) shows its entry to be in the signed
tree, and that each entry holds the SHA-256 of its event. What was checked goes to standard output as JSON.
"""

import argparse
import base64
import hashlib
import json
import zipfile

from aics_tlog import parse_note, parse_vkey, verify_checkpoint, verify_leaf_inclusion

# How the last field of an entry begins: number 6, 32 bytes.
DIGEST = b"\x32\x20"


def proof_of(text: str):
    """Reads a tlog-proof: place, hashes, checkpoint."""
    head, checkpoint = text.split("\n\n", 1)
    first, *lines = head.split("\n")
    if first != "c2sp.org/tlog-proof@v1":
        raise SystemExit(f"no tlog-proof: {first!r}")
    lines = [line for line in lines if not line.startswith("extra ")]
    word, index = lines[0].split(" ")
    if word != "index":
        raise SystemExit(f"no index: {lines[0]!r}")
    return int(index), [base64.b64decode(line, validate=True) for line in lines[1:]], checkpoint


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("key")
    parser.add_argument("--witness", action="append", default=[])
    arguments = parser.parse_args()

    witnesses = [parse_vkey(key) for key in arguments.witness]
    log_key = parse_vkey(arguments.key)
    size, events = 0, 0
    with zipfile.ZipFile(arguments.file) as bundle:
        names = set(bundle.namelist())
        checkpoint = bundle.read("checkpoint").decode()
        signed = verify_checkpoint(parse_note(checkpoint), log_key, witnesses, quorum=len(witnesses))
        if not signed.ok:
            raise SystemExit(f"checkpoint does not count: {signed.error}")
        size = signed.size
        for name in sorted(name for name in names if name.startswith("events/") and name.endswith(".bin")):
            stem = name.removeprefix("events/").removesuffix(".bin")
            index, hashes, shown = proof_of(bundle.read(f"proofs/{stem}.tlog-proof").decode())
            leaf = bundle.read(f"leaves/{stem}.bin")
            if str(index) != stem or shown != checkpoint:
                raise SystemExit(f"proof {stem} is of something else")
            if not verify_leaf_inclusion(leaf, index, size, hashes, signed.root):
                raise SystemExit(f"entry {stem} is not in the tree")
            if not leaf.endswith(DIGEST + hashlib.sha256(bundle.read(name)).digest()):
                raise SystemExit(f"event {stem} is not the one that was logged")
            events += 1
    if not events:
        raise SystemExit("the bundle shows no event")
    print(json.dumps({"size": size, "events": events, "witnesses": signed.witnesses}))


if __name__ == "__main__":
    main()
