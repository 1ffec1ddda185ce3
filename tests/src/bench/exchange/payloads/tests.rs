use super::{CLASSES, Payloads, mix};

fn share(order: &[&str], name: &str) -> usize {
    order.iter().filter(|wanted| **wanted == name).count()
}

#[test]
fn thousand_requests_ask_for_the_sizes_in_their_shares() {
    let order = mix(false);

    assert_eq!(order.len(), 1_000);
    assert_eq!(CLASSES.map(|class| share(&order, class.name)), [300, 600, 90, 9, 1]);
    assert_ne!(order[..300], ["2kB"; 300]);
}

#[test]
fn quick_run_has_a_large_answer_too() {
    assert_eq!(CLASSES.map(|class| share(&mix(true), class.name)), [30, 60, 9, 1, 0]);
}

#[test]
fn every_process_makes_the_same_order_and_payloads() {
    assert_eq!(mix(false), mix(false));
    assert_eq!(Payloads::make().csv().unwrap(), Payloads::make().csv().unwrap());
}

#[test]
fn payload_is_complete_only_with_every_part_in_its_order() {
    let payloads = Payloads::make();
    let payload = payloads.named("2MB").unwrap();
    let mut came = 0;

    assert!(payload.check(&mut came, &payload.parts[1]).is_err());
    for part in &payload.parts {
        assert!(payload.complete(came).is_err());
        payload.check(&mut came, part).unwrap();
    }
    payload.complete(came).unwrap();
    assert_eq!(payloads.bytes(&["2MB", "2kB"]).unwrap(), 2_002_000);
    assert!(payload.check(&mut came, &payload.parts[0]).is_err());
}
