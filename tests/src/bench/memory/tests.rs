use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::{Watch, cpu_ms, server};

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

#[tokio::test]
async fn what_is_computed_in_a_run_is_counted() {
    let watch = Watch::begin();
    let began = std::time::Instant::now();
    watch
        .attend(async {
            let mut sum = 0_u64;
            while began.elapsed().as_millis() < 200 {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
        })
        .await;
    assert!(watch.peaks()[0].cpu_ms >= 20, "{:?}", watch.peaks());
}

#[test]
fn the_time_of_a_process_with_any_name_is_read() {
    let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 200 0 0 150 25 9 9 20 0 1 0 1 2 3";
    assert_eq!(cpu_ms(stat), Some(1_750));
    assert_eq!(cpu_ms("7 (cut off"), None);
}
