use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Report, grouped};
use crate::bench::PLANS;
use crate::bench::figure::{Figure, Measured};
use crate::bench::machine::Machine;
use crate::bench::memory::Peak;
use crate::bench::statistics::Samples;

fn report() -> Report {
    let measured = Measured {
        values: Samples::new(vec![3_000.0, 1_000.0, 2_000.0]).unwrap(),
        limits: Samples::new(vec![4_000.0, 2_500.0, 5_000.0]).unwrap(),
        memory: vec![
            Peak { process: "nats-server".to_owned(), peak_kib: 20_481, cpu_ms: 100 },
            Peak { process: "postgres".to_owned(), peak_kib: 10_240, cpu_ms: 300 },
        ],
        counts: BTreeMap::from([("conflicts", 1_234)]),
        versions: BTreeMap::new(),
    };
    let machine = Machine {
        cpu: "Some CPU".to_owned(),
        cores: 2,
        memory_mib: 1_024,
        kernel: "Linux 6.1.0".to_owned(),
        versions: BTreeMap::from([("nats-server", "2.15.1".to_owned())]),
    };
    Report { machine, figures: vec![Figure::new(&PLANS[0], false, measured)] }
}

/// What `make bench` writes can be read by whoever draws the next curve.
#[test]
fn line_has_the_figure_its_limit_and_the_machine() {
    let lines = report().lines().unwrap();

    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        line,
        json!({
            "name": "commands_1",
            "value": 2_000.0,
            "unit": "commands/s",
            "limit": 4_000.0,
            "limit_name": "JetStream publishes, as many in flight",
            "ratio": 0.5,
            "runs": 3,
            "min": 1_000.0,
            "max": 3_000.0,
            "limit_min": 2_500.0,
            "limit_max": 5_000.0,
            "quick": false,
            "memory": [
                { "process": "nats-server", "peak_kib": 20_481, "cpu_ms": 100 },
                { "process": "postgres", "peak_kib": 10_240, "cpu_ms": 300 },
            ],
            "counts": { "conflicts": 1_234 },
            "machine": {
                "cpu": "Some CPU",
                "cores": 2,
                "memory_mib": 1_024,
                "kernel": "Linux 6.1.0",
                "nats-server": "2.15.1",
            },
        })
    );
}

#[test]
fn each_figure_is_one_line() {
    let mut report = report();
    report.figures.push(report.figures[0].clone());

    let lines = report.lines().unwrap();

    assert_eq!(lines.lines().count(), 2);
    assert!(lines.ends_with('\n'));
}

#[test]
fn table_tells_machine_ratio_and_memory() {
    let table = report().table();

    for told in [
        "Some CPU, 2 cores",
        "2.15.1",
        "commands_1",
        "0.50",
        "2,000",
        "1,000 to 3,000",
        "nats-server 21",
        "postgres 75, nats-server 25",
    ] {
        assert!(table.contains(told), "{told} is missing:\n{table}");
    }
    assert!(!table.contains("not to be quoted"));
}

#[test]
fn quick_runs_are_marked() {
    let mut report = report();
    report.figures[0].quick = true;

    assert!(report.table().contains("not to be quoted"));
}

#[test]
fn thousands_are_set_apart() {
    assert_eq!(grouped(0.4), "0.4");
    assert_eq!(grouped(10.4), "10");
    assert_eq!(grouped(999.0), "999");
    assert_eq!(grouped(1_000.0), "1,000");
    assert_eq!(grouped(1_234_567.8), "1,234,568");
}
