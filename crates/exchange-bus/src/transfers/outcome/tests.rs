use std::collections::BTreeMap;

use super::*;

fn by_peer(code: Code, reason: &str, metadata: &[(&str, &str)]) -> Outcome {
    let metadata: BTreeMap<_, _> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let end = PeerEnd { code, reason: reason.to_owned(), message: "no".to_owned(), metadata };
    of(Ending::Peer(end)).unwrap()
}

/// R24.1: whatever the bus of another tier advises its caller, what it recorded is recorded here, for the same reason.
#[test]
fn what_a_peer_recorded_is_recorded_here() {
    for (code, reason, recorded) in [
        (Code::PermissionDenied, "GRANT_REVOKED", "refused"),
        (Code::PermissionDenied, "GRANT_REVOKED", "stopped"),
        (Code::FailedPrecondition, "RESOURCE_WITHDRAWN", "refused"),
        (Code::FailedPrecondition, "SOURCE_CHANGED", "interrupted"),
        (Code::Unavailable, "NODE_NOT_CONNECTED", "interrupted"),
        (Code::InvalidArgument, "PARAMETERS_WRONG", "refused"),
    ] {
        let outcome = by_peer(code, reason, &[("recorded", recorded)]);

        assert_eq!(labels(&outcome.command), (labelled(recorded), reason.to_owned()));
        if let Command::Refuse { refuser, .. } = outcome.command {
            assert_eq!(refuser, Refuser::PeerBus);
        }
        let problem = outcome.problem;
        assert_eq!((problem.code, problem.reason.as_ref()), (code, reason));
        assert_eq!(problem.metadata["recorded"], recorded, "the next bus is told, too");
    }
}

/// R24.1: a peer that recorded nothing is believed by what it advises; out of reach, it can be asked again.
#[test]
fn what_a_peer_does_not_say_follows_from_its_advice() {
    let refused = by_peer(Code::PermissionDenied, "OUTSIDE_TIER", &[]);
    assert!(matches!(refused.command, Command::Refuse { refuser: Refuser::PeerBus, .. }));
    let interrupted = by_peer(Code::Unavailable, "TIER_UNREACHABLE", &[]);
    assert!(matches!(interrupted.command, Command::Interrupt { .. }));
}

/// R26.2: when asking again may succeed is told across tiers.
#[test]
fn particulars_of_a_peer_are_passed_on() {
    let at = "2026-03-02T05:00:00Z";
    let outcome = by_peer(
        Code::PermissionDenied,
        "RATE_EXCEEDED",
        &[("next_at", at), ("recorded", "refused")],
    );

    assert_eq!(outcome.problem.metadata["next_at"], at);
}

fn labelled(word: &str) -> &'static str {
    ["refused", "stopped", "interrupted"].into_iter().find(|known| *known == word).unwrap()
}
