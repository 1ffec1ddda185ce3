use super::*;

const COLUMNS: &[Column] = &[
    Column { names: &["统一社会信用代码", "code"], need: Need::Required },
    Column { names: &["机构名称", "name"], need: Need::Required },
    Column { names: &["区划版本"], need: Need::Optional },
];

fn read_as(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    read(&file, COLUMNS)
}

fn read_csv(bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    read_as("orgs.csv", bytes)
}

fn row(number: usize, cells: [&str; 3]) -> Row {
    Row { number, cells: cells.map(ToOwned::to_owned).to_vec() }
}

const TABLE: &str = "机构登记表,,\n机构名称,*统一社会信用代码,备注\n成都市民政局, 91350100M000100Y43 ,x\n,,\n\
                     \"卫健委,医政处\",11332500MB1601924J,\n";

/// Titles stand above, columns in any order, rows are numbered as a person counts them.
#[test]
fn columns_are_found_by_name_wherever_they_stand() {
    let expected = [
        row(3, ["91350100M000100Y43", "成都市民政局", ""]),
        row(5, ["11332500MB1601924J", "卫健委,医政处", ""]),
    ];
    assert_eq!(read_csv(TABLE.as_bytes()).unwrap(), expected);
}

#[test]
fn a_table_that_lacks_a_column_is_refused_by_its_name() {
    let lacking = |text: &str| format!("{:#}", read_csv(text.as_bytes()).unwrap_err());
    assert!(lacking("code,备注\n1,2\n").contains("机构名称"));
    assert!(lacking("甲,乙\n1,2\n").contains("统一社会信用代码, 机构名称"));
    assert!(lacking("").contains("no header"));
    let other = read_as("orgs.pdf", b"").unwrap_err();
    assert!(format!("{other:#}").contains(".xlsx"), "{other:#}");
}

/// The form that departments fill in: codes may be texts or numbers.
#[test]
fn an_xlsx_file_is_read_as_people_see_it() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "机构登记表").unwrap();
    for (column, name) in ["code", "name", "区划版本"].into_iter().enumerate() {
        sheet.write(1, u16::try_from(column).unwrap(), name).unwrap();
    }
    sheet.write(3, 0, "91350100M000100Y43").unwrap();
    sheet.write(3, 1, " 成都市民政局 ").unwrap();
    sheet.write(3, 2, 2023).unwrap();
    let bytes = book.save_to_buffer().unwrap();

    let rows = read_as("orgs.XLSX", &bytes).unwrap();
    assert_eq!(rows, [row(4, ["91350100M000100Y43", "成都市民政局", "2023"])]);
    assert!(read_as("orgs.xlsx", b"no workbook").is_err());
}
