use super::*;

const COMMAND: CommandId = CommandId::from_uuid(Uuid::from_u128(1));

#[test]
fn text_is_canonical() {
    let id: ResourceId = "A0EEBC999C0B4EF8BB6D6BB9BD380A11".parse().unwrap();

    assert_eq!(id.to_string(), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    assert_eq!(id.to_string().parse(), Ok(id));
}

/// H3: the error says which id, and what to write.
#[test]
fn malformed_id_names_what_was_expected() {
    let error = "51010219900101123X".parse::<GrantId>().unwrap_err();

    assert_eq!(
        error.to_string(),
        "grant id is not a UUID; write 32 hexadecimal digits as 8-4-4-4-12"
    );
    assert!(!format!("{error:?}").contains("1990"));
}

/// H1: a policy that runs twice repeats its command.
#[test]
fn derived_ids_are_stable_and_differ_by_step() {
    assert_eq!(COMMAND.derive("serial"), COMMAND.derive("serial"));
    assert_ne!(COMMAND.derive("serial"), COMMAND.derive("publish"));
    assert_ne!(COMMAND.derive("serial"), COMMAND);
}
