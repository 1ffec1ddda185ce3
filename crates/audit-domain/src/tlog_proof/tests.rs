use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// As the specification shows one, with its example's hashes.
const EXAMPLE: &str = "c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJw==
";

fn refused(text: &str) -> TlogProofError {
    text.parse::<TlogProof>().unwrap_err()
}

/// R46.2: proofs have the form that C2SP tlog-proof gives them.
#[test]
fn example_of_the_specification_is_read() {
    let proof: TlogProof = EXAMPLE.parse().unwrap();

    assert_eq!((proof.index, proof.hashes.len()), (73894, 2));
    assert!(proof.checkpoint.starts_with("example.com/fancylog\n109482\n"));
    let without_extra = EXAMPLE.replacen("extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n", "", 1);
    assert_eq!(proof.to_string(), without_extra);
}

#[test]
fn what_is_wrong_is_named() {
    let with = |from: &str, to: &str| EXAMPLE.replacen(from, to, 1);

    assert_eq!(refused(&with("@v1", "@v2")), TlogProofError::FirstLine);
    assert_eq!(refused(&with("index 7", "index 07")), TlogProofError::Index);
    assert_eq!(refused(&with("index 7", "index +7")), TlogProofError::Index);
    assert_eq!(refused(&with("gSKy", "gSK")), TlogProofError::Hash { line: 4 });
    assert_eq!(refused(EXAMPLE.split_once("\n\n").unwrap().0), TlogProofError::Checkpoint);
    let hash = "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n";
    assert_eq!(refused(&with(hash, &hash.repeat(63))), TlogProofError::Hashes);
}

proptest! {
    #[test]
    fn what_is_written_is_read(index: u64, hashes in vec(any::<[u8; 32]>(), 0..=63)) {
        let hashes = hashes.into_iter().map(Digest::from_bytes).collect();
        let checkpoint = "example.com/log\n1\nAA==\n\n— example.com/log AA==\n".to_owned();
        let proof = TlogProof { index, hashes, checkpoint };

        prop_assert_eq!(proof.to_string().parse(), Ok(proof));
    }
}
