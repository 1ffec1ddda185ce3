use publicdata_proto::exchange::v1::NamedValue;
use publicdata_types::ItemType;

use super::*;
use crate::config::{Config, DatasetConfig};

const RESOURCE: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002";

fn service(text: &str) -> DataService {
    try_service(text).unwrap()
}

fn try_service(text: &str) -> Result<DataService, ServiceError> {
    let config: ServiceConfig = toml::from_str(text).unwrap();
    let dataset = format!(
        "resource_id = '{RESOURCE}'\nconnector = 'sqlite'\npath = '/data'\ntable = 't'\norder_by = ['code']"
    );
    let dataset: DatasetConfig = toml::from_str(&dataset).unwrap();
    DataService::new(&config, &Dataset::new(&dataset).unwrap())
}

fn by_area() -> DataService {
    service(&format!(
        "resource_id = '{RESOURCE}'\nname = 'by-area'\nfields = ['code', 'name']\n\
         [[parameter]]\nname = 'area'\ntype = 'text'\nitem = 'areaCode'\n\
         [[parameter]]\nname = 'people_min'\ntype = 'integer'\nitem = 'people'\noperator = '>='\noptional = true"
    ))
}

fn given(values: &[(&str, &str)]) -> Vec<NamedValue> {
    let named = |(name, value): &(&str, &str)| NamedValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    values.iter().map(named).collect()
}

fn fields(names: &[&str]) -> Vec<Field> {
    let field = |name: &&str| Field {
        name: (*name).to_owned(),
        kind: ItemType::Text,
        mask: None,
        rules: None,
    };
    names.iter().map(field).collect()
}

fn filter(service: &DataService, values: &[(&str, &str)], granted: Option<&str>) -> String {
    let known = [("people".to_owned(), ItemType::Number)].into();
    let values = service.values(&given(values)).unwrap();
    let reading = service.reading(&values, &fields(&["code"]), &known, granted).unwrap();
    reading.scan.filter.unwrap().filter.to_string()
}

/// R23.1, R26.2: the parameters narrow the rows that the grant gives, and never widen them.
#[test]
fn parameters_are_conditions_beside_the_grants() {
    let service = by_area();
    assert_eq!(
        filter(&service, &[("area", "510104"), ("people_min", "5")], Some("people < 100")),
        "people < 100 AND _parameter.area = '510104' AND _parameter.people_min >= 5"
    );
    assert_eq!(filter(&service, &[("area", "' OR 1=1")], None), "_parameter.area = ''' OR 1=1'");
}

/// H3: a question that makes no sense is refused by the parameter's name, and never by its value.
#[test]
fn questions_that_make_no_sense_are_refused_by_name() {
    let service = by_area();
    let name = |name: &str| name.to_owned();
    let check = |values: &[(&str, &str)], error: QuestionError| {
        assert_eq!(service.values(&given(values)).unwrap_err(), error);
    };
    check(&[], QuestionError::Missing { name: name("area") });
    check(&[("area", "1"), ("area", "2")], QuestionError::Unknown { name: name("area") });
    check(&[("area", "1"), ("other", "2")], QuestionError::Unknown { name: name("other") });
    let expected = "a whole number of at most 64 bits";
    let value = QuestionError::Value { name: name("people_min"), expected };
    check(&[("area", "1"), ("people_min", "much")], value);

    let values = service.values(&given(&[("area", "1")])).unwrap();
    let refused = service.reading(&values, &fields(&["people"]), &Columns::new(), None);
    assert_eq!(refused.err(), Some(QuestionError::Field { field: name("people") }));
}

#[test]
fn a_query_asks_the_datasets_database() {
    let service = service(&format!(
        "resource_id = '{RESOURCE}'\nname = 'q'\nquery = 'SELECT * FROM v WHERE a = :area'\nkey = ['id']\n\
         [[parameter]]\nname = 'area'\ntype = 'text'"
    ));
    let values = service.values(&given(&[("area", "510104")])).unwrap();

    let reading = service.reading(&values, &fields(&["code"]), &Columns::new(), None).unwrap();

    assert_eq!(reading.key, ["id"]);
    assert!(reading.scan.filter.is_none());
    let undeclared = try_service(&format!(
        "resource_id = '{RESOURCE}'\nname = 'q'\nquery = 'SELECT :a, :b'\n[[parameter]]\nname = 'a'\ntype = 'text'"
    ));
    assert!(matches!(undeclared, Err(ServiceError::Template { .. })));
}

/// H3: a service that cannot be asked is refused at the start, by its number.
#[test]
fn services_that_make_no_sense_are_refused_at_the_start() {
    let config = |service: &str| -> Result<(), String> {
        let text = format!(
            "credentials = '/c'\ndata_dir = '/d'\n[bus]\naddress = 'b:1'\nserver = 'spiffe://x.example/service/exchange-bus'\n\
             [[dataset]]\nresource_id = '{RESOURCE}'\nconnector = 'csv'\npath = '/data'\n[[service]]\n{service}"
        );
        let config: Config = toml::from_str(&text).unwrap();
        config.validate().map_err(|error| error.to_string())
    };
    let with = |text: &str| format!("resource_id = '{RESOURCE}'\nname = 'a'\n{text}");
    let check = |service: &str, part: &str| {
        let refused = config(service).unwrap_err();
        assert!(refused.starts_with("service 1: ") && refused.contains(part), "{refused}");
    };
    let code = "[[service.parameter]]\nname = 'code'\ntype = 'text'\n";

    assert_eq!(config(&with(code)), Ok(()));
    check(&with(&format!("subject = 'other'\n{code}")), "`subject`");
    check(&with(&format!("max_rows = 0\n{code}")), "`max_rows`");
    check(&with(&format!("key = ['code']\n{code}")), "`key`");
    check(&with(&format!("{code}{code}")), "one name");
    check(&with(&format!("{code}optional = true")), "at least one parameter");
    check(&with(&format!("query = 'SELECT :code'\n{code}item = 'x'")), "`item`");
    check(
        &format!("resource_id = '{}'\nname = 'a'\n{code}", RESOURCE.replace('0', "1")),
        "dataset",
    );
}
