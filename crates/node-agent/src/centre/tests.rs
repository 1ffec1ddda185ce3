use publicdata_types::ItemType;
use publicdata_types::quality::{Quality, Rules};

use super::*;

fn field(name: &str, required: bool, unique: bool, mask: Option<Mask>) -> Field {
    let quality = Quality { unique, ..Quality::default() };
    let rules = Rules { required, quality, ..Rules::default() };
    Field { name: name.to_owned(), kind: ItemType::Text, mask, rules: Some(rules) }
}

/// R10.1: rows are told apart by an item that the grant promises to be there, once, and as it is.
#[test]
fn the_key_is_what_the_grant_promises_to_identify_a_row() {
    let fields = [
        field("name", true, false, None),
        field("phone", true, true, Some(Mask::Partial)),
        field("other", false, true, None),
        field("code", true, true, None),
        field("number", true, true, None),
    ];
    assert_eq!(key_of(&fields), ["code"]);
    assert_eq!(key_of(&fields[..3]), [""; 0]);
}

#[test]
fn each_resource_has_a_table_of_its_own() {
    assert_eq!(table("r_", "302001/00001"), "r_302001_00001");
    assert_eq!(table("centre.r_", "302001/00001"), "centre.r_302001_00001");
}
