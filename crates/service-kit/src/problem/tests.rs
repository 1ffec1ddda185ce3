use super::*;

const CODES: [Code; 10] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::PermissionDenied,
    Code::Unauthenticated,
    Code::FailedPrecondition,
    Code::Conflict,
    Code::Unavailable,
    Code::ResourceExhausted,
    Code::DataLoss,
    Code::Internal,
];

#[derive(Debug, thiserror::Error)]
#[error("cannot read row 7")]
struct Outer(#[source] std::io::Error);

/// H3: what was wrong, and what to do, arrives at the client.
#[test]
fn a_problem_crosses_the_wire() {
    for code in CODES {
        let sent = Problem::new(code, "FIELD_NOT_GRANTED", "field `phone` is not granted")
            .with("field", "phone");

        let received = Problem::from_status(&Status::from(sent));

        assert_eq!(received.code, code);
        assert_eq!(received.reason, "FIELD_NOT_GRANTED");
        assert_eq!(received.message, "field `phone` is not granted");
        assert_eq!(received.metadata["field"], "phone");
    }
}

#[test]
fn the_domain_is_ours() {
    let status = Status::from(Problem::new(Code::NotFound, "NO_RESOURCE", "no such resource"));

    assert_eq!(status.get_details_error_info().unwrap().domain, "publicdata");
}

/// H3: causes of an internal error stay inside.
#[test]
fn an_internal_error_gives_a_reference_and_nothing_else() {
    let cause = Outer(std::io::Error::other("password hunter2 rejected"));
    let problem = Problem::internal(cause);
    assert_eq!(chain(problem.source().unwrap()), "cannot read row 7: password hunter2 rejected");

    let received = Problem::from_status(&Status::from(problem));

    let reference = &received.metadata[REFERENCE];
    assert_eq!(reference.len(), REFERENCE_LENGTH);
    assert_eq!(
        received.message,
        format!("internal error; the operator finds more under reference {reference}")
    );
}

#[test]
fn two_internal_errors_have_two_references() {
    let reference = || Problem::internal("x").metadata[REFERENCE].clone();

    assert_ne!(reference(), reference());
}

#[test]
fn anothers_status_is_read_as_well() {
    let problem = Problem::from_status(&Status::deadline_exceeded("too late"));

    assert_eq!((problem.code, problem.reason.as_ref()), (Code::Unavailable, UNSPECIFIED));
    assert_eq!(problem.to_string(), "too late");
}
