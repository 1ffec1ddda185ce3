use super::*;

#[test]
fn json_form_is_protobufs() {
    let json = r#"{"grantId":"g","fields":["code"],"purpose":"p","caseNumber":"c"}"#;

    let ticket = Ticket::read(json.as_bytes()).unwrap();

    assert_eq!(ticket.case_number, "c");
    assert_eq!(String::from_utf8(ticket.to_json()).unwrap(), json);
    let as_in_proto = br#"{"grant_id":"g","fields":["code"],"purpose":"p","case_number":"c"}"#;
    assert_eq!(Ticket::read(as_in_proto).unwrap(), ticket);
}

#[test]
fn what_may_be_left_out_is_empty() {
    let ticket = Ticket::read(br#"{"grantId":"g"}"#).unwrap();
    assert!(ticket.fields.is_empty() && ticket.purpose.is_empty());

    let all = ticket.clone().with_fields(["a", "b"].map(str::to_owned).into_iter());
    assert_eq!(all.fields, ["a", "b"]);
    let some = Ticket { fields: vec!["b".to_owned()], ..ticket };
    assert_eq!(some.clone().with_fields(std::iter::empty()), some);
}
