"""Reads the audit log over plain HTTP and checks it with aics-tlog alone, which verifies by RFC 9162's own algorithms.

usage: read_log.py URL VERIFIER_KEY [--witness VERIFIER_KEY]... [--kept CHECKPOINT_FILE]...

Checks the checkpoint's signature and the witnesses' cosignatures, every tile and every entry against the signed root, the inclusion of each
entry, and that the log continues each kept checkpoint. What was checked goes to standard output as JSON.
"""

import argparse
import json
import pathlib

from aics_tlog import (
    HttpTileReader,
    VerifiedTileReader,
    audit_tiles,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)


def opened(note: bytes, log_key, witnesses=()):
    result = verify_checkpoint(parse_note(note), log_key, list(witnesses), quorum=len(witnesses))
    if not result.ok:
        raise SystemExit(f"checkpoint does not count: {result.error or result.witnesses}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--witness", action="append", default=[])
    parser.add_argument("--kept", action="append", default=[])
    arguments = parser.parse_args()

    log_key = parse_vkey(arguments.key)
    reader = HttpTileReader([arguments.url + "/"])
    signed = opened(reader.read_checkpoint(), log_key, [parse_vkey(key) for key in arguments.witness])
    report = audit_tiles(reader, signed.size, signed.root)
    verified = VerifiedTileReader(reader, signed.size, signed.root)
    for index in range(signed.size):
        proof = inclusion_proof_from_tiles(verified, index, signed.size)
        if not verify_leaf_inclusion(verified.entry(index), index, signed.size, proof, signed.root):
            raise SystemExit(f"entry {index} is not in the tree")
    for file in arguments.kept:
        old = opened(pathlib.Path(file).read_bytes(), log_key)
        proof = consistency_proof_from_tiles(verified, old.size, signed.size)
        if not verify_consistency(old.size, signed.size, old.root, signed.root, proof):
            raise SystemExit(f"the log does not continue the tree of {old.size}")
    checked = {"size": signed.size, "tiles": report.tiles, "bundles": report.bundles, "kept": len(arguments.kept)}
    print(json.dumps(checked | {"witnesses": signed.witnesses}))


if __name__ == "__main__":
    main()
