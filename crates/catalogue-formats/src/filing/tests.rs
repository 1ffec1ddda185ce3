use publicdata_proto::catalog::v1::{
    DeliveryMode, Format, ItemType, Mask, ResourceDescription, SharingType, UpdateCycle,
};
use rust_xlsxwriter::{Format as Style, Workbook};

use super::*;
use crate::place::Severity;
use crate::table::Cell;

/// Rows as a sheet would have them; `|` divides cells.
fn rows(lines: &[&str]) -> Vec<Sheet> {
    let rows: Vec<Result<Row, Error>> = (1..)
        .zip(lines)
        .map(|(number, line)| Ok(Row { number, cells: line.split('|').map(Cell::of).collect() }))
        .collect();
    vec![Sheet { name: "目录".to_owned(), rows: Box::new(rows.into_iter()) }]
}

fn read(lines: &[&str]) -> Vec<Record> {
    Filing::of(rows(lines)).map(Result::unwrap).collect()
}

/// What was found: where, in which field, how grave.
fn found(record: &Record) -> Vec<(String, &str, Severity)> {
    let findings = record.findings.iter();
    findings.map(|f| (f.place.to_string(), f.field.as_str(), f.severity)).collect()
}

const HEADER: &str = "信息资源分类代码|信息资源名称|信息资源提供方代码|信息资源摘要|信息资源格式|共享类型|共享条件|共享方式|\
                      是否向社会开放|开放条件|更新周期|信息项名称|字段标识|数据类型|数据长度|脱敏方式";

/// The national guide's own form: titles, headings of two rows, merged cells, its codes and letters.
#[test]
fn the_national_form_is_read_as_it_is() {
    let records = read(&[
        "附件2",
        "成都市政务信息资源目录编目表",
        "",
        "信息资源分类||||信息资源名称|信息资源代码|信息资源提供方|信息资源提供方代码|信息资源摘要|信息资源格式||信息项信息|||共享类型|\
         共享条件|共享方式||是否向社会开放|开放条件|更新周期|发布日期|关联资源代码",
        "类|项|目|细目||||||分类|类型|信息项名称|数据类型|数据长度|||分类|类型",
        "部门|2|1||社区名录||成都市民政局|11510100MB0000027K|全市社区|3 数据库|MySQL|代码|字符型C|１２|2 有条件|限治理|\
         共享平台|库表、推送|1|注明来源|6|2026年1月4日|101001/00001、101001/00002",
        "|||||||||||名称|C(100)||||||||||",
        "|||||||||||联系人|C||3|||||||||",
        "部门|02|001|07|村名录||成都市民政局|11510100MB0000027K|全市村|库表||代码|C|12|无条件||||否||每年||",
    ]);
    assert_eq!(records.len(), 2);
    let description = &records[0].description;
    assert_eq!(description.classification_code, "302001");
    assert_eq!(records[1].description.classification_code, "30200107");
    assert_eq!(description.format(), Format::Database);
    assert_eq!(description.format_detail, "MySQL");
    assert_eq!(description.sharing_type(), SharingType::Conditional);
    let modes = [DeliveryMode::Bulk, DeliveryMode::Push].map(i32::from);
    assert_eq!(description.delivery_modes, modes);
    assert!(description.open);
    assert_eq!(description.update_cycle(), UpdateCycle::Yearly);
    assert_eq!(description.related_codes, ["101001/00001", "101001/00002"]);
    let items: Vec<_> = description
        .items
        .iter()
        .map(|item| (item.title.as_str(), item.r#type(), item.length, item.sharing_type()))
        .collect();
    assert_eq!(
        items,
        [
            ("代码", ItemType::Text, 12, SharingType::Unspecified),
            ("名称", ItemType::Text, 100, SharingType::Unspecified),
            ("联系人", ItemType::Text, 0, SharingType::NotShared),
        ]
    );
    assert!(!description.items[2].open, "what is not shared is not opened");
    assert!(records[0].is_sound(), "{:?}", records[0].findings);
    // The form has no identifiers: each is named, and flagged.
    let warned = found(&records[0]);
    assert!(warned.iter().all(|(_, field, _)| field.ends_with("].name")), "{warned:?}");
}

/// H3: each mistake is named by its cell, its field and what to write.
#[test]
fn every_wrong_cell_is_named() {
    let records = read(&[
        HEADER,
        "部门|社区名录|11510100MB0000027K|全市社区|磁带|随便|限治理|飞鸽|也许||每世纪|代码|code|Z|长|看情况",
        "||||数据库|||||||名称|name|C|10|是",
        "302001|村名录|11510100MB0000027K||数据库|无条件共享||批量获取|否|注明|每年|代码|code|C|12|否",
    ]);
    assert_eq!(
        found(&records[0]),
        [
            ("目录!A2".to_owned(), "classification_code", Severity::Mistake),
            ("目录!E2".to_owned(), "format", Severity::Mistake),
            ("目录!F2".to_owned(), "sharing_type", Severity::Mistake),
            ("目录!K2".to_owned(), "update_cycle", Severity::Mistake),
            ("目录!H2".to_owned(), "delivery_modes", Severity::Mistake),
            ("目录!I2".to_owned(), "open", Severity::Mistake),
            ("目录!N2".to_owned(), "items[0].type", Severity::Mistake),
            ("目录!O2".to_owned(), "items[0].length", Severity::Mistake),
            ("目录!P2".to_owned(), "items[0].mask", Severity::Mistake),
            ("目录!P3".to_owned(), "items[1].mask", Severity::Warning),
            ("目录!E3".to_owned(), "format", Severity::Mistake),
        ]
    );
    assert!(records[0].findings[1].message.contains("电子表格"), "what to write");
    assert_eq!(records[0].description.items[1].mask(), Mask::Suppress);
    assert_eq!(found(&records[1]), [("目录!J4".to_owned(), "open_condition", Severity::Mistake)]);
    assert_eq!(records[1].place_of("abstract").to_string(), "目录!D4");
    assert_eq!(records[1].place_of("items[0].title").to_string(), "目录!L4");
    assert_eq!(records[1].place_of("unheard_of").to_string(), "目录!row 4");
}

#[test]
fn an_entry_ends_where_another_name_or_code_begins() {
    let records = read(&[
        "信息资源代码|信息资源名称|信息资源提供方代码|信息项名称|数据类型",
        "302001/00001|名录|A|甲|C",
        "302001/00001|名录|A|乙|C",
        "302001/00002|名录|A|甲|C",
        "|||乙|C",
        "||||",
        "|清单|A|甲|C",
        "说明：以上共三项||||",
    ]);
    let items: Vec<usize> = records.iter().map(|record| record.description.items.len()).collect();
    assert_eq!(items, [2, 2, 1]);
    assert_eq!(records[2].place.row, 7);
}

#[test]
fn a_sheet_without_the_columns_is_passed_over_and_a_file_without_them_refused() {
    let mut sheets = rows(&["随便什么", "甲|乙|丙"]);
    sheets.extend(rows(&[HEADER, "302001|名录|A|摘要|数据库"]));
    assert_eq!(Filing::of(sheets).map(Result::unwrap).count(), 1);

    let mut nothing = Filing::of(rows(&["随便什么"]));
    assert!(matches!(nothing.next(), Some(Err(Error::HeaderMissing))));
    assert!(nothing.next().is_none());
    assert!(matches!(Filing::of(vec![]).next(), Some(Err(Error::HeaderMissing))));
}

/// A workbook as Excel writes it: merged cells, formulas, dates as numbers, failed formulas.
#[test]
fn a_workbook_is_read_with_merged_cells_formulas_and_dates() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("编目表").unwrap();
    let headings = [
        "信息资源分类代码",
        "信息资源名称",
        "信息资源提供方代码",
        "信息项名称",
        "数据类型",
        "发布日期",
        "更新周期",
    ];
    sheet.merge_range(0, 0, 0, 6, "成都市信息资源目录", &Style::new()).unwrap();
    for (column, heading) in (0..).zip(headings) {
        sheet.write(1, column, heading).unwrap();
    }
    sheet.write(2, 0, 302_001).unwrap();
    sheet.merge_range(2, 1, 3, 1, "名录", &Style::new()).unwrap();
    sheet
        .write_formula(2, 2, rust_xlsxwriter::Formula::new("=\"A\"&\"B\"").set_result("AB"))
        .unwrap();
    sheet.write(2, 3, "代码").unwrap();
    sheet.write(2, 4, "C").unwrap();
    let date = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 1, 4).unwrap();
    sheet.write_with_format(2, 5, &date, &Style::new().set_num_format("yyyy-mm-dd")).unwrap();
    sheet.write_formula(2, 6, rust_xlsxwriter::Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet.write(3, 3, "名称").unwrap();
    sheet.write(3, 4, "C").unwrap();
    let path = std::env::temp_dir().join(format!("filing-{}.xlsx", std::process::id()));
    book.save(&path).unwrap();

    let records: Vec<Record> = Filing::open(&path).unwrap().map(Result::unwrap).collect();
    std::fs::remove_file(&path).unwrap();

    assert_eq!(records.len(), 1);
    let ResourceDescription { classification_code, name, provider_code, items, .. } =
        &records[0].description;
    assert_eq!((classification_code.as_str(), name.as_str()), ("302001", "名录"));
    assert_eq!(provider_code, "AB");
    assert_eq!(items.len(), 2);
    let cycle: Vec<_> = records[0].findings.iter().filter(|f| f.field == "update_cycle").collect();
    assert_eq!(cycle.len(), 1, "{cycle:?}");
    assert_eq!(cycle[0].place.to_string(), "编目表!G3");
    assert!(records[0].findings.iter().all(|f| f.field != "published_on"), "a date is one");
}
