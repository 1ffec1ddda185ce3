use super::Watch;

#[tokio::test]
async fn peak_stays_after_the_memory_is_given_back() {
    const MIB: usize = 64;
    let watch = Watch::begin();

    let block = std::hint::black_box(vec![1_u8; MIB << 20]);
    drop(block);

    let peaks = watch.peaks();
    assert_eq!(peaks[0].process, "bench");
    assert!(peaks[0].peak_kib as usize >= MIB << 10, "{peaks:?}");
}

#[tokio::test]
async fn process_that_has_ended_is_left_out() {
    let watch = Watch::begin();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let process = child.id();
    child.wait().unwrap();

    watch.process("ended", Some(process));

    assert!(watch.peaks().iter().all(|peak| peak.process != "ended"));
}
