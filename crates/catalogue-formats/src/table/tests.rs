use std::io::Write as _;
use std::path::PathBuf;

use encoding_rs::{GB18030, UTF_16LE};
use zip::write::SimpleFileOptions;

use super::*;

struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("table-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let sheet = sheets(&self.0).unwrap().remove(0);
        let rows = sheet.rows.map(Result::unwrap);
        rows.map(|row| row.cells.iter().map(|cell| cell.text().to_owned()).collect()).collect()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn text_is_read_in_every_encoding_that_office_programs_write() {
    let text = "名称,摘要\n名录,\"全市\n社区\"\n";
    let expected = [["名称", "摘要"], ["名录", "全市\n社区"]];
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    for (name, bytes) in [
        ("utf8.csv", text.as_bytes().to_vec()),
        ("bom.csv", format!("\u{feff}{text}").into_bytes()),
        ("gb.csv", GB18030.encode(text).0.into_owned()),
        ("utf16.csv", utf16),
        ("tab.txt", text.replace(',', "\t").into_bytes()),
        ("semicolon.csv", text.replace(',', ";").into_bytes()),
    ] {
        assert_eq!(File::new(name, &bytes).cells(), expected, "{name}");
    }
    assert_eq!(UTF_16LE.name(), "UTF-16LE");
    let broken = File::new("broken.csv", &[0x81, 0x20, 0xff, 0xff]);
    assert!(matches!(sheets(&broken.0), Err(Error::Encoding)));
}

/// What was kept from being a formula comes back as it was.
#[test]
fn a_guarded_text_is_read_back() {
    for text in ["=1+1", "-3", "@x", "'=1", "'", "名录"] {
        let line = format!("\"{}\",x\n", guarded(text));
        assert_eq!(File::new("guard.csv", line.as_bytes()).cells()[0][0], text);
        assert!(!guarded(text).starts_with(['=', '-', '@']));
    }
}

#[test]
fn what_is_no_workbook_is_refused_and_says_what_to_do() {
    for (name, bytes) in [
        ("empty.xlsx", &b""[..]),
        ("text.xlsx", b"hello"),
        ("half.xlsx", b"PK\x03\x04 and no more"),
        ("text.xls", b"hello"),
    ] {
        let refused = sheets(&File::new(name, bytes).0);
        let Err(error @ Error::Workbook(_)) = refused else { panic!("{name} was read") };
        assert!(error.to_string().contains(".xlsx"));
    }
    assert!(matches!(sheets(&File::new("x.pdf", b"%PDF").0), Err(Error::Ending)));
    assert!(matches!(sheets(&PathBuf::from("/nonexistent.xlsx")), Err(Error::Io(_))));
}

/// A small file that unpacks to more than is allowed is refused before it is read.
#[test]
fn a_zip_bomb_is_refused() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default()).unwrap();
    archive.write_all(&vec![b' '; 2 << 20]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 16);
    let bytes = std::io::Cursor::new(bytes.into());

    let refused = workbook::check_inflated(std::io::Cursor::clone(&bytes), 1 << 20);
    assert!(matches!(refused, Err(Error::Inflated { max: 1_048_576 })));
    assert!(workbook::check_inflated(bytes, 2 << 20).is_ok());
}

/// A sheet whose last cell is far away takes no room for those before it.
#[test]
fn a_cell_far_away_costs_nothing() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "名称").unwrap();
    sheet.write(1_048_575, 16_383, "far").unwrap();
    let far = File::new("far.xlsx", &book.save_to_buffer().unwrap());
    assert_eq!(far.cells(), [["名称"]]);
}
