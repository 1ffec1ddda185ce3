use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::{Watch, server};

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
async fn process_of_another_family_is_left_out() {
    let watch = Watch::begin();

    watch.name(1, "init");

    let peaks = watch.peaks();
    assert!(peaks.iter().all(|peak| peak.process != "init"), "{peaks:?}");
}

#[tokio::test]
async fn grandchild_is_counted() {
    let mut child = Command::new("sh")
        .args(["-c", "sh -c 'echo $$; cat'; true"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let watch = Watch::begin();

    watch.name(line.trim().parse().unwrap(), "grandchild");

    let peaks = watch.peaks();
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(peaks.iter().any(|peak| peak.process == "grandchild"), "{peaks:?}");
}

#[test]
fn servers_are_known_by_their_program() {
    assert_eq!(server("Name:\tpostgres\nUmask:\t0022\n"), Some("postgres"));
    assert_eq!(server("Name:\tsh\n"), None);
}
