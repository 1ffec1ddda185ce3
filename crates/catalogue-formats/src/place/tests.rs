use super::*;

#[test]
fn a_cell_is_named_as_spreadsheets_name_it() {
    for (column, expected) in [(0, "A17"), (25, "Z17"), (26, "AA17"), (701, "ZZ17"), (702, "AAA17")]
    {
        assert_eq!(Place::row("", 17).cell(column).to_string(), expected);
    }
    assert_eq!(Place::row("目录", 3).cell(2).to_string(), "目录!C3");
    assert_eq!(Place::row("", 3).to_string(), "row 3");
    assert_eq!(Place::default().to_string(), "file");
}
