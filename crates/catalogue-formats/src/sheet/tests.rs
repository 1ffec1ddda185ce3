use proptest::prelude::*;
use publicdata_proto::catalog::v1::{Mask, MaskParameters, SharingType};

use super::*;
use crate::filing::Filing;
use crate::place::Record;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,20}", "[一-龥（）、：,;\"'=+@-]{1,12}", "[a-z]\\n[一-龥]"]
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("a remark is no entry", |text| {
            !text.is_empty()
                && !["注", "说明", "填表", "备注", "合计"].iter().any(|w| text.starts_with(w))
        })
}

fn or_empty() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), text()]
}

prop_compose! {
    fn item()(
        name in "[A-Za-z][A-Za-z0-9_]{0,20}", title in text(), kind in 1..=11, length in 0..9_999u32,
        required in any::<bool>(), mask in 0..=12, sharing in 0..=3, open in any::<bool>(),
    ) -> Item {
        let parameters = |step: &str, domain: &str| {
            Some(MaskParameters { step: step.to_owned(), pseudonym_domain: domain.to_owned() })
        };
        let mask_parameters = match Mask::try_from(mask).unwrap() {
            Mask::Band | Mask::Round => parameters("0.5", ""),
            Mask::Pseudonym if length % 2 == 0 => parameters("", "identity-number"),
            Mask::Unspecified
            | Mask::Suppress
            | Mask::Partial
            | Mask::Pseudonym
            | Mask::IdentityNumber
            | Mask::Mobile
            | Mask::PersonName
            | Mask::Address
            | Mask::BankCard
            | Mask::Month
            | Mask::Year => None,
        };
        Item {
            name, title, r#type: kind, length, required, mask, sharing_type: sharing, open,
            mask_parameters, quality: None,
        }
    }
}

prop_compose! {
    fn resource()(
        (name, about, entity, detail, uses) in (text(), text(), or_empty(), or_empty(), or_empty()),
        (serial, class) in (1..99_999u32, "[123][0-9]{5,8}"),
        (format, cycle, sharing) in (1..=7, 1..=8, 1..=3),
        condition in text(), open in any::<bool>(), open_condition in or_empty(),
        modes in proptest::collection::btree_set(1..=3, 0..3usize),
        related in proptest::collection::vec("[123][0-9]{5}/[0-9]{5}", 0..3),
        items in proptest::collection::vec(item(), 1..5),
    ) -> Resource {
        // What stands for nothing in the form is no condition.
        let filler = ["无", "/", "-", "—"].contains(&open_condition.as_str());
        let description = ResourceDescription {
            name, r#abstract: about, classification_code: class.clone(), entity, format_detail: detail,
            provider_code: "11510100MB0000027K".to_owned(), format, update_cycle: cycle,
            sharing_type: sharing, use_requirements: uses, items, related_codes: related,
            sharing_condition: if sharing == 1 { String::new() } else { condition },
            delivery_modes: modes.into_iter().collect(), open,
            open_condition: if open && !filler { open_condition } else { String::new() },
        };
        Resource {
            code: format!("{class}/{serial:05}"), description: Some(description),
            provider_name: "成都市民政局".to_owned(), ..Resource::default()
        }
    }
}

fn check(written: &[Resource], read: Vec<Record>) {
    let expected: Vec<_> =
        written.iter().map(|r| (r.code.clone(), r.description.clone().unwrap())).collect();
    for record in &read {
        assert!(record.is_sound(), "{:?}", record.findings);
    }
    let read: Vec<_> = read.into_iter().map(|record| (record.code, record.description)).collect();
    assert_eq!(read, expected);
}

fn distinct(mut resources: Vec<Resource>) -> Vec<Resource> {
    resources.dedup_by(|a, b| a.code == b.code);
    resources
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R12.1: what is exported and imported again says the same, in every form.
    #[test]
    fn an_export_is_read_back_as_it_was(resources in proptest::collection::vec(resource(), 1..4)) {
        let resources = distinct(resources);
        let folder = std::env::temp_dir();
        let path = |ending: &str| {
            folder.join(format!("export-{}-{:?}.{ending}", std::process::id(), std::thread::current().id()))
        };

        let mut csv = CsvWriter::new(Vec::new()).unwrap();
        let mut book = WorkbookWriter::new().unwrap();
        for resource in &resources {
            csv.write(resource).unwrap();
            book.write(resource).unwrap();
        }
        std::fs::write(path("csv"), csv.finish().unwrap()).unwrap();
        book.finish(&path("xlsx")).unwrap();
        for ending in ["csv", "xlsx"] {
            let read = Filing::open(&path(ending)).unwrap().map(Result::unwrap).collect();
            std::fs::remove_file(path(ending)).unwrap();
            check(&resources, read);
        }

        let lines: Vec<String> = resources
            .iter()
            .map(|resource| crate::json::to_value(resource).unwrap().to_string())
            .collect();
        check(&resources, crate::json::parse(&lines.join("\n")).unwrap());
        check(&resources, crate::json::parse(&format!("[{}]", lines.join(","))).unwrap());
    }
}

/// The sheet that one begins with is itself a filing without mistakes.
#[test]
fn the_template_can_be_imported() {
    let path = std::env::temp_dir().join(format!("template-{}.xlsx", std::process::id()));
    std::fs::write(&path, template("11510100MB0000027K", "成都市民政局").unwrap()).unwrap();
    let read: Vec<Record> = Filing::open(&path).unwrap().map(Result::unwrap).collect();
    std::fs::remove_file(&path).unwrap();

    assert_eq!(read.len(), 1);
    assert_eq!(read[0].findings, []);
    assert_eq!(read[0].description.name, EXAMPLE);
    assert_eq!(read[0].description.items[2].mask(), Mask::Partial);
    assert_eq!(read[0].description.items[2].sharing_type(), SharingType::NotShared);
}
