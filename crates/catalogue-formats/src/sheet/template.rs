//! A sheet to fill in, with lists to choose from, one example, and a sheet that explains every column.

use publicdata_proto::catalog::v1::{
    DeliveryMode, Format as Kind, Item, ItemType, Mask, Resource, ResourceDescription, SharingType,
    UpdateCycle,
};
use rust_xlsxwriter::{DataValidation, DataValidationErrorStyle, Workbook};

use super::{Error, SHEET_NAME, heading_format, rows, width};
use crate::column::{Column, SHEET};
use crate::words;

/// Name of the sheet with the explanations.
const EXPLANATIONS: &str = "填写说明";
/// How many rows have lists to choose from.
const FILLABLE_ROWS: u32 = 5_000;
/// The name of the entry that the template shows as an example; it is to be overwritten.
pub const EXAMPLE: &str = "示例：社区（村）名录";

/// The workbook, whose example is provided by the organisation with this code and name.
///
/// # Errors
/// The workbook cannot be put together.
pub fn template(provider_code: &str, provider_name: &str) -> Result<Vec<u8>, Error> {
    let mut book = Workbook::new();
    let bold = heading_format();
    let sheet = book.add_worksheet().set_name(SHEET_NAME)?;
    sheet.set_freeze_panes(1, 2)?;
    for (column, heading) in (0..).zip(SHEET) {
        sheet.set_column_width(column, f64::from(width(heading)))?;
        sheet.write_string_with_format(0, column, heading.heading(), &bold)?;
        sheet.insert_note(
            0,
            column,
            &rust_xlsxwriter::Note::new(explanation(heading)).add_author_prefix(false),
        )?;
        let choices = choices(heading);
        if !choices.is_empty() {
            let list = DataValidation::new()
                .allow_list_strings(&choices)?
                // The words are a help: codes and other ways of writing are read as well.
                .set_error_style(DataValidationErrorStyle::Information);
            sheet.add_data_validation(1, column, FILLABLE_ROWS, column, &list)?;
        }
    }
    for (row, cells) in (1..).zip(rows(&example(provider_code, provider_name))) {
        for (column, text) in (0..).zip(cells) {
            sheet.write_string(row, column, text)?;
        }
    }

    let sheet = book.add_worksheet().set_name(EXPLANATIONS)?;
    sheet.set_column_width(0, 24.0)?.set_column_width(1, 100.0)?;
    let lines = [
        ("怎样填写", "一行一个信息项；资源自身各列只在第一行填写，其余行留空或合并单元格。"),
        (
            "怎样导入",
            "先试导入：publicdata catalog import 文件.xlsx --dry-run；按报告改正后去掉 --dry-run 再导入。",
        ),
        (
            "重复导入",
            "同一提供方的同一代码或同一名称视为同一资源：内容不变不重写，改变则成为修订。",
        ),
    ];
    let columns = SHEET.map(|column| (column.heading(), explanation(column)));
    for (row, (left, right)) in (0..).zip(lines.into_iter().chain(columns)) {
        sheet.write_string_with_format(row, 0, left, &bold)?;
        sheet.write_string(row, 1, right)?;
    }
    Ok(book.save_to_buffer()?)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a table of the columns that matter here")]
fn choices(column: Column) -> Vec<&'static str> {
    let known = |numbers: std::ops::RangeInclusive<i32>, word: fn(i32) -> &'static str| {
        numbers.map(word).filter(|word| !word.is_empty()).collect()
    };
    match column {
        Column::Format => {
            known(1..=7, |n| words::format_word(Kind::try_from(n).unwrap_or_default()))
        }
        Column::SharingType | Column::ItemSharing => {
            known(1..=3, |n| words::sharing_word(SharingType::try_from(n).unwrap_or_default()))
        }
        Column::UpdateCycle => {
            known(1..=8, |n| words::cycle_word(UpdateCycle::try_from(n).unwrap_or_default()))
        }
        Column::ItemType => {
            known(1..=11, |n| words::item_type_word(ItemType::try_from(n).unwrap_or_default()))
        }
        Column::ItemMask => {
            known(0..=12, |n| words::mask_word(Mask::try_from(n).unwrap_or_default()))
        }
        Column::DeliveryModes => {
            known(1..=3, |n| words::mode_word(DeliveryMode::try_from(n).unwrap_or_default()))
        }
        Column::Open | Column::ItemRequired | Column::ItemOpen => vec!["是", "否"],
        _ => Vec::new(),
    }
}

const fn explanation(column: Column) -> &'static str {
    match column {
        Column::Class => "类，1位：1基础，2主题，3部门。",
        Column::Group => "项，2位。",
        Column::Category => "目，3位。",
        Column::Detail => "细目，位数不限。",
        Column::ClassificationCode => {
            "必填。类（1位）、项（2位）、目（3位）、细目（可选）连写，如302001。也可用类、项、目、细目四列分填。"
        }
        Column::Name => "必填。数据资源的名称，不是系统的名称。同一提供方内不得重名。",
        Column::Code => "不填：由平台赋码。修订已有资源时可填其代码。",
        Column::ProviderName => "可不填，以代码为准。",
        Column::ProviderCode => "必填。提供方统一社会信用代码，18位。",
        Column::Abstract => "必填。资源内容的概要。",
        Column::Entity => "每行数据所描述的对象，如自然人、法人、社区。",
        Column::Format => {
            "必填。电子文件、电子表格、数据库、图形图像、流媒体、自描述格式、服务接口之一。"
        }
        Column::FormatDetail => "具体格式，如xlsx、PostgreSQL。",
        Column::ItemTitle => "信息项的中文名称。",
        Column::ItemName => "字段在源系统中的英文标识：字母开头，字母、数字、下划线。",
        Column::ItemType => {
            "C字符、N数值、Y货币、D日期、T日期时间、L逻辑、M备注、G通用、B双精度、I整型、F浮点。"
        }
        Column::ItemLength => "最大长度；没有则留空。",
        Column::ItemRequired => "每行是否都有值：是或否。",
        Column::ItemMask => {
            "敏感信息项的脱敏方式：置空、部分遮盖、假名化、身份证号遮盖、手机号遮盖、姓名遮盖、地址遮盖、银行卡号遮盖、取到月、取到年；分段、取整须写明宽度，如分段（5000）；跨资源关联的假名写明关联域，如假名化（identity-number）；不敏感填否。"
        }
        Column::ItemSharing => "信息项比资源更严的共享类型；相同则留空。",
        Column::ItemOpen => "资源开放时该信息项是否开放；敏感项、不予共享项不得开放。",
        Column::SharingType => "必填。无条件共享、有条件共享、不予共享之一。",
        Column::SharingCondition => "有条件共享的条件；不予共享的理由。无条件共享留空。",
        Column::DeliveryChannel => "共享平台方式、邮件方式、介质交换方式。",
        Column::DeliveryModes => "数据服务封装、批量获取、数据推送；多个用顿号分开。",
        Column::Open => "是或否。",
        Column::OpenCondition => "开放条件；没有则留空。",
        Column::UpdateCycle => "必填。实时、每日、每周、每月、每季度、每半年、每年、不定期之一。",
        Column::PublishedOn => "不填：由平台记录。",
        Column::Related => "关联资源的代码，多个用顿号分开。",
        Column::UseRequirements => "使用要求；没有则留空。",
    }
}

fn example(provider_code: &str, provider_name: &str) -> Resource {
    let item = |name: &str, title: &str, length| Item {
        name: name.to_owned(),
        title: title.to_owned(),
        r#type: ItemType::Text.into(),
        length,
        required: true,
        open: true,
        ..Item::default()
    };
    let description = ResourceDescription {
        name: EXAMPLE.to_owned(),
        r#abstract: "全市社区和村的代码与名称。".to_owned(),
        classification_code: "302001".to_owned(),
        provider_code: provider_code.to_owned(),
        format: Kind::Database.into(),
        items: vec![
            item("code", "统计用区划代码", 12),
            item("name", "社区（村）名称", 100),
            Item {
                mask: Mask::Partial.into(),
                sharing_type: SharingType::NotShared.into(),
                open: false,
                ..item("contact", "联系人", 50)
            },
        ],
        sharing_type: SharingType::Conditional.into(),
        sharing_condition: "限于履行基层治理职责，须说明用途和法律依据。".to_owned(),
        delivery_modes: vec![DeliveryMode::Bulk.into(), DeliveryMode::Push.into()],
        open: true,
        open_condition: "注明来源".to_owned(),
        update_cycle: UpdateCycle::HalfYearly.into(),
        related_codes: Vec::new(),
        use_requirements: "不得提供给第三方。".to_owned(),
        entity: "社区".to_owned(),
        format_detail: "PostgreSQL".to_owned(),
    };
    Resource {
        provider_name: provider_name.to_owned(),
        description: Some(description),
        ..Resource::default()
    }
}
