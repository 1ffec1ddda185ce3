use super::*;

#[test]
fn headings_are_known_however_they_are_written() {
    for (above, heading, expected) in [
        ("", "信息资源名称", Column::Name),
        ("", "*信息资源 名称\n（必填）", Column::Name),
        ("信息资源名称", "", Column::Name),
        ("信息资源分类", "类", Column::Class),
        ("信息资源分类", "细目", Column::Detail),
        ("信息资源格式", "分类", Column::Format),
        ("信息资源格式", "类型", Column::FormatDetail),
        ("共享方式", "分类", Column::DeliveryChannel),
        ("共享方式", "类型", Column::DeliveryModes),
        ("信息项信息", "信息项名称", Column::ItemTitle),
        ("信息项信息", "数据类型", Column::ItemType),
        ("信息项信息", "共享类型", Column::ItemSharing),
        ("", "共享类型", Column::SharingType),
        ("", "更新周期［见说明］", Column::UpdateCycle),
        ("", "数据长度(位)", Column::ItemLength),
    ] {
        assert_eq!(Column::find(above, heading), Some(expected), "{above} / {heading}");
    }
    assert_eq!(Column::find("", "备注"), None);
}

#[test]
fn every_heading_of_our_own_is_read_back() {
    for column in &SHEET {
        assert_eq!(Column::find("", column.heading()), Some(*column));
    }
}
