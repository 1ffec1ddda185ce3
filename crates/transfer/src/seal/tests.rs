use super::*;
use crate::testing::random;

fn binding() -> Binding {
    Binding {
        transfer: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0003".parse().unwrap(),
        grant: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0001".parse().unwrap(),
        first_frame: 0,
    }
}

fn pair(binding: &Binding) -> (Sealer, Opener) {
    let mut random = random();
    let key = OpeningKey::generate(&mut random);
    let (encapsulated, sealer) = Sealer::new(&key.public_key(), binding, &mut random).unwrap();
    let opener = Opener::new(&key, &encapsulated, binding).unwrap();
    (sealer, opener)
}

fn three(sealer: &mut Sealer) -> [Frame; 3] {
    ["schema", "first batch", "second batch"].map(|text| sealer.seal(text.into()).unwrap())
}

/// R9.2: what leaves the provider's node is ciphertext, and opens at the consumer's node alone.
#[test]
fn frames_open_in_order() {
    let (mut sealer, mut opener) = pair(&binding());
    let frames = three(&mut sealer);

    assert!(frames.iter().all(|frame| !frame.sealed.windows(5).any(|bytes| bytes == b"batch")));
    let opened = frames.map(|frame| opener.open(frame).unwrap());
    assert_eq!(opened, ["schema", "first batch", "second batch"]);
}

/// R9.2: no single changed bit goes unnoticed, wherever it is.
#[test]
fn change_at_any_position_is_named() {
    let (mut sealer, _) = pair(&binding());
    let frames = three(&mut sealer);

    for place in 0..frames.len() {
        for byte in 0..frames[place].sealed.len() {
            // The random source is seeded: this opener has the sealer's key.
            let (_, mut opener) = pair(&binding());
            let mut frames = frames.clone();
            let mut sealed = frames[place].sealed.to_vec();
            sealed[byte] ^= 1 << (byte % 8);
            frames[place].sealed = sealed.into();

            let failed = frames.into_iter().map(|frame| opener.open(frame)).find(Result::is_err);
            assert_eq!(failed, Some(Err(OpenError::Changed { index: place as u64 })));
        }
    }
}

#[test]
fn shortened_frame_is_named() {
    let (mut sealer, _) = pair(&binding());
    let [frame, ..] = three(&mut sealer);

    for length in 0..frame.sealed.len() {
        let (_, mut opener) = pair(&binding());
        let short = Frame { index: 0, sealed: frame.sealed.slice(..length) };
        assert_eq!(opener.open(short), Err(OpenError::Changed { index: 0 }));
    }
}

#[test]
fn dropped_reordered_and_repeated_frames_are_named() {
    let (mut sealer, mut opener) = pair(&binding());
    let [first, second, third] = three(&mut sealer);

    assert_eq!(
        opener.open(second.clone()),
        Err(OpenError::Missing { expected: 0, found: 1 }),
        "the first was dropped, or comes later"
    );
    opener.open(first.clone()).unwrap();
    assert_eq!(opener.open(first), Err(OpenError::Repeated { expected: 1, found: 0 }));
    let renumbered = Frame { index: 1, ..third };
    assert_eq!(opener.open(renumbered), Err(OpenError::Changed { index: 1 }));
    assert_eq!(opener.open(second).unwrap(), "first batch", "an error spoils nothing");
}

#[test]
fn frames_of_another_transfer_grant_or_key_do_not_open() {
    let transfer = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0009".parse().unwrap();
    let grant = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0009".parse().unwrap();
    for other in [Binding { transfer, ..binding() }, Binding { grant, ..binding() }] {
        let (mut sealer, _) = pair(&other);
        let (_, mut opener) = pair(&binding());
        let frame = sealer.seal(b"schema".to_vec()).unwrap();
        assert_eq!(opener.open(frame), Err(OpenError::Changed { index: 0 }));
    }

    let mut random = random();
    let key = OpeningKey::generate(&mut random);
    let other = OpeningKey::generate(&mut random);
    let (encapsulated, mut sealer) =
        Sealer::new(&key.public_key(), &binding(), &mut random).unwrap();
    let mut opener = Opener::new(&other, &encapsulated, &binding()).unwrap();
    let frame = sealer.seal(b"schema".to_vec()).unwrap();
    assert_eq!(opener.open(frame), Err(OpenError::Changed { index: 0 }));
}

#[test]
fn malformed_keys_are_refused() {
    let mut random = random();
    assert!(matches!(Sealer::new(b"short", &binding(), &mut random), Err(SealError::Key(_))));
    assert!(matches!(Sealer::new(&[0; 32], &binding(), &mut random), Err(SealError::Key(_))));
    let key = OpeningKey::generate(&mut random);
    assert!(matches!(Opener::new(&key, b"short", &binding()), Err(OpenError::Header(_))));
}
