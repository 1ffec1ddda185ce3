use std::collections::BTreeMap;

use super::{Machine, cpu, number};

#[test]
fn machine_reads_as_one_line() {
    let machine = Machine {
        cpu: "Intel(R) Xeon(R) Processor".to_owned(),
        cores: 2,
        memory_mib: 23_995,
        kernel: "Linux 6.1.0".to_owned(),
        versions: BTreeMap::from([
            ("nats-server", "2.15.1".to_owned()),
            ("postgres", "15.18".to_owned()),
        ]),
    };

    let expected = "Intel(R) Xeon(R) Processor, 2 cores, 24 GiB, Linux 6.1.0, nats-server 2.15.1, postgres 15.18";
    assert_eq!(machine.to_string(), expected);
}

#[test]
fn this_machine_describes_itself() {
    let machine = Machine::here().unwrap();

    assert!(machine.cores > 0 && machine.memory_mib > 0, "{machine}");
}

#[test]
fn processor_is_named_by_its_model() {
    let info = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R) Processor\n";

    assert_eq!(cpu(info), "Intel(R) Xeon(R) Processor");
    assert_eq!(cpu("processor\t: 0\n"), std::env::consts::ARCH);
}

#[test]
fn number_is_that_of_the_whole_key() {
    let text = "VmHWM:\t   10240 kB\nVmRSS:\t    8192 kB\n";

    assert_eq!(number(text, "VmRSS"), Some(8_192));
    assert_eq!(number(text, "Vm"), None);
}
