use super::*;

const COLUMNS: &[Column] = &[
    Column { names: &["统一社会信用代码", "code"], need: Need::Required },
    Column { names: &["机构名称", "name"], need: Need::Required },
    Column { names: &["区划版本"], need: Need::Optional },
];

fn read_csv(bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    read(Path::new("orgs.csv"), bytes, COLUMNS)
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

/// Excel in China writes GB18030, with a mark UTF-8, and as Unicode text UTF-16.
#[test]
fn a_csv_file_is_read_in_whatever_encoding_excel_wrote_it() {
    let plain = read_csv(TABLE.as_bytes()).unwrap();
    let (gb, _, _) = GB18030.encode(TABLE);
    let marked = [b"\xEF\xBB\xBF", TABLE.as_bytes()].concat();
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(TABLE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [gb.as_ref(), &marked, &utf16] {
        assert_eq!(read_csv(bytes).unwrap(), plain);
    }
    assert!(decode(&[0xFF, 0xFF, 0xFF]).is_err());
}

#[test]
fn a_table_that_lacks_a_column_is_refused_by_its_name() {
    let lacking = |text: &str| format!("{:#}", read_csv(text.as_bytes()).unwrap_err());
    assert!(lacking("code,备注\n1,2\n").contains("机构名称"));
    assert!(lacking("甲,乙\n1,2\n").contains("统一社会信用代码, 机构名称"));
    assert!(lacking("").contains("no header"));
    let other = read(Path::new("orgs.pdf"), b"", COLUMNS).unwrap_err();
    assert!(other.to_string().contains(".xlsx"), "{other}");
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

    let rows = read(Path::new("orgs.XLSX"), &bytes, COLUMNS).unwrap();
    assert_eq!(rows, [row(4, ["91350100M000100Y43", "成都市民政局", "2023"])]);
    assert!(read(Path::new("orgs.xlsx"), b"no workbook", COLUMNS).is_err());
}
