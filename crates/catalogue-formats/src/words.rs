//! The words that cells hold, to the values of an entry and back: the guide's Chinese, its codes and letters, in any width.

use std::collections::BTreeSet;

use publicdata_proto::catalog::v1::{
    DeliveryMode, Format, Item, ItemType, Mask, MaskParameters, SharingType, UpdateCycle,
};
use unicode_normalization::UnicodeNormalization as _;

/// A text without differences of width and without spaces around it.
#[must_use]
pub fn plain(text: &str) -> String {
    let text: String = text.nfkc().collect();
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
        .to_owned()
}

/// A text in which only letters and digits count, in lower case.
fn key(text: &str) -> String {
    plain(text)
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect::<String>()
        .to_lowercase()
}

/// What a word stands for, and the words to write instead of one that stands for nothing.
struct Words<T: 'static>(&'static [(T, &'static [&'static str])]);

impl<T: Copy> Words<T> {
    fn find(&self, text: &str) -> Option<T> {
        let key = key(text);
        let known = |words: &&[&str]| words.iter().any(|word| *word == key);
        if let Some((value, _)) = self.0.iter().find(|(_, words)| known(words)) {
            return Some(*value);
        }
        // `1 无条件共享`, `无条件共享1`: a code beside its word counts if both say the same.
        let digits: String = key.chars().filter(char::is_ascii_digit).collect();
        let word: String = key.chars().filter(|character| !character.is_ascii_digit()).collect();
        if digits.is_empty() || word.is_empty() {
            return None;
        }
        let holds =
            |words: &[&str]| words.contains(&word.as_str()) && words.contains(&digits.as_str());
        self.0.iter().find(|(_, words)| holds(words)).map(|(value, _)| *value)
    }
}

const SHARING: Words<SharingType> = Words(&[
    (SharingType::Unconditional, &["无条件共享", "1", "无条件", "无条件共享类", "unconditional"]),
    (
        SharingType::Conditional,
        &["有条件共享", "2", "有条件", "条件共享", "授权共享", "有条件共享类", "conditional"],
    ),
    (SharingType::NotShared, &["不予共享", "3", "不共享", "不予", "不予共享类", "notshared"]),
]);

const FORMAT: Words<Format> = Words(&[
    (Format::ElectronicFile, &["电子文件", "1", "文件", "文档"]),
    (Format::Spreadsheet, &["电子表格", "2", "表格"]),
    (Format::Database, &["数据库", "3", "数据库类", "库表"]),
    (Format::Image, &["图形图像", "4", "图像", "图形图像类", "图片"]),
    (Format::StreamingMedia, &["流媒体", "5", "流媒体类"]),
    (Format::SelfDescribing, &["自描述格式", "6", "自描述", "自描述格式类"]),
    (Format::ServiceInterface, &["服务接口", "7", "接口", "服务接口类"]),
]);

const CYCLE: Words<UpdateCycle> = Words(&[
    (UpdateCycle::RealTime, &["实时", "1", "实时更新"]),
    (UpdateCycle::Daily, &["每日", "2", "日", "每天", "按日", "每日更新", "天"]),
    (UpdateCycle::Weekly, &["每周", "3", "周", "按周", "每周更新"]),
    (UpdateCycle::Monthly, &["每月", "4", "月", "按月", "每月更新", "月度"]),
    (UpdateCycle::Quarterly, &["每季度", "5", "季度", "每季", "季", "按季度", "每季度更新"]),
    (UpdateCycle::Yearly, &["每年", "6", "年", "按年", "年度", "每年更新"]),
    (UpdateCycle::HalfYearly, &["每半年", "半年", "半年度", "7"]),
    (UpdateCycle::Irregular, &["不定期", "其他", "不定期更新", "8"]),
]);

const ITEM_TYPE: Words<ItemType> = Words(&[
    (
        ItemType::Text,
        &["字符型c", "c", "字符型", "字符", "字符串", "文本", "字符串型c", "字符串型", "text"],
    ),
    (ItemType::Number, &["数值型n", "n", "数值型", "数值", "数字", "number"]),
    (ItemType::Money, &["货币型y", "y", "货币型", "货币", "金额"]),
    (ItemType::Date, &["日期型d", "d", "日期型", "日期", "date"]),
    (
        ItemType::Timestamp,
        &["日期时间型t", "t", "日期时间型", "日期时间", "时间型", "时间", "时间戳"],
    ),
    (ItemType::Logical, &["逻辑型l", "l", "逻辑型", "逻辑", "布尔", "布尔型"]),
    (ItemType::Memo, &["备注型m", "m", "备注型", "备注", "长文本"]),
    (ItemType::General, &["通用型g", "g", "通用型", "通用", "二进制"]),
    (ItemType::Double, &["双精度型b", "b", "双精度型", "双精度"]),
    (ItemType::Integer, &["整型i", "i", "整型", "整数", "整数型", "整数型i"]),
    (ItemType::Float, &["浮点型f", "f", "浮点型", "浮点", "单精度"]),
]);

const MASK: Words<Mask> = Words(&[
    (Mask::Suppress, &["置空", "屏蔽", "不显示", "suppress"]),
    (Mask::Partial, &["部分遮盖", "部分遮蔽", "遮盖", "掩码", "部分脱敏", "partial"]),
    (Mask::Pseudonym, &["假名化", "假名", "去标识化", "pseudonym"]),
    (
        Mask::IdentityNumber,
        &["身份证号遮盖", "身份证号", "身份证", "公民身份号码", "identitynumber"],
    ),
    (Mask::Mobile, &["手机号遮盖", "手机号", "手机号码", "mobile"]),
    (Mask::PersonName, &["姓名遮盖", "姓名", "personname"]),
    (Mask::Address, &["地址遮盖", "地址", "住址", "address"]),
    (Mask::BankCard, &["银行卡号遮盖", "银行卡号", "银行卡", "bankcard"]),
    (Mask::Month, &["取到月", "精确到月", "month"]),
    (Mask::Year, &["取到年", "精确到年", "year"]),
    (Mask::Band, &["分段", "区间", "band"]),
    (Mask::Round, &["取整", "round"]),
    (Mask::Unspecified, &["不脱敏", "否", "0", "无", "不敏感", "非敏感"]),
]);

const MODE: Words<DeliveryMode> = Words(&[
    (
        DeliveryMode::Query,
        &["数据服务封装", "接口", "服务接口", "查询", "接口方式", "数据服务", "query", "服务封装"],
    ),
    (
        DeliveryMode::Bulk,
        &[
            "批量获取",
            "批量",
            "库表",
            "库表交换",
            "数据库",
            "文件",
            "文件交换",
            "文件下载",
            "下载",
            "数据库交换",
            "批量下载",
            "库表方式",
            "文件方式",
            "bulk",
        ],
    ),
    (DeliveryMode::Push, &["数据推送", "推送", "订阅", "订阅推送", "push"]),
]);

/// What separates words in one cell.
const SEPARATORS: [char; 8] = ['、', ',', ';', '/', '|', '\n', '。', '+'];

/// 是 or 否; also 1 and 0.
#[must_use]
pub fn yes(text: &str) -> Option<bool> {
    match key(text).as_str() {
        "是" | "1" | "y" | "yes" | "true" | "开放" | "有" | "1是" | "是1" | "敏感" => {
            Some(true)
        }
        "否" | "0" | "n" | "no" | "false" | "不开放" | "无" | "0否" | "否0" => Some(false),
        _ => None,
    }
}

/// 共享类型.
#[must_use]
pub fn sharing(text: &str) -> Option<SharingType> {
    SHARING.find(text)
}

/// 信息资源格式分类.
#[must_use]
pub fn format(text: &str) -> Option<Format> {
    FORMAT.find(text)
}

/// 更新周期.
#[must_use]
pub fn cycle(text: &str) -> Option<UpdateCycle> {
    CYCLE.find(text)
}

/// 数据类型, and the length that some write beside it: `C(18)`, `字符型C`, `N10`.
#[must_use]
pub fn item_type(text: &str) -> Option<(ItemType, Option<u32>)> {
    if let Some(kind) = ITEM_TYPE.find(text) {
        return Some((kind, None));
    }
    let text = plain(text);
    let at = text.find(|character: char| character.is_ascii_digit())?;
    let digits: String = text[at..].chars().take_while(char::is_ascii_digit).collect();
    Some((ITEM_TYPE.find(&text[..at])?, digits.parse().ok()))
}

/// 脱敏方式, with what it needs to know in brackets: 分段（5000）, 假名化（identity-number）. [`Mask::Unspecified`] for an
/// item that is not sensitive.
#[must_use]
pub fn mask(text: &str) -> Option<(Mask, Option<MaskParameters>)> {
    if let Some(mask) = MASK.find(text) {
        return Some((mask, None));
    }
    let text = plain(text);
    let (word, rest) = text.split_once('(')?;
    let said = rest.strip_suffix(')')?.trim().to_owned();
    let mask = MASK.find(word)?;
    let parameters = match mask {
        Mask::Pseudonym => MaskParameters { pseudonym_domain: said, ..MaskParameters::default() },
        Mask::Band | Mask::Round => MaskParameters { step: said, ..MaskParameters::default() },
        Mask::Unspecified
        | Mask::Suppress
        | Mask::Partial
        | Mask::IdentityNumber
        | Mask::Mobile
        | Mask::PersonName
        | Mask::Address
        | Mask::BankCard
        | Mask::Month
        | Mask::Year => return None,
    };
    Some((mask, Some(parameters)))
}

/// Our words for how an item is masked.
#[must_use]
pub fn mask_text(item: &Item) -> String {
    let word = mask_word(item.mask());
    let said = match &item.mask_parameters {
        Some(parameters) if parameters.step.is_empty() => &parameters.pseudonym_domain,
        Some(parameters) => &parameters.step,
        None => "",
    };
    match said {
        "" => word.to_owned(),
        said => format!("{word}（{said}）"),
    }
}

/// 共享方式类型: each of them, or the first word that is none.
///
/// # Errors
/// The word.
pub fn modes(text: &str) -> Result<BTreeSet<i32>, String> {
    let mut modes = BTreeSet::new();
    for word in parts(text) {
        match MODE.find(&word) {
            Some(mode) => modes.insert(mode.into()),
            None => return Err(word),
        };
    }
    Ok(modes)
}

/// The words of a cell that holds several.
pub fn parts(text: &str) -> impl Iterator<Item = String> {
    let parts: Vec<String> = plain(text)
        .split(SEPARATORS)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    parts.into_iter()
}

/// Whether a text names a day or a month: 发布日期 is kept by the platform, but a wrong one shows that columns are mixed up.
#[must_use]
pub fn is_date(text: &str) -> bool {
    let digits: Vec<String> = plain(text)
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    let number = |text: &str| text.parse::<i16>().unwrap_or_default();
    let date = |year: &str, month: &str, day: &str| {
        let (month, day) = (i8::try_from(number(month)), i8::try_from(number(day)));
        match (month, day) {
            (Ok(month), Ok(day)) => jiff::civil::Date::new(number(year), month, day).is_ok(),
            _ => false,
        }
    };
    match digits.as_slice() {
        [all] if all.len() == 8 => date(&all[..4], &all[4..6], &all[6..]),
        [year, month, day, ..] => date(year, month, day),
        [year, month] => date(year, month, "1"),
        [] | [_] => false,
    }
}

/// The guide's word for a sharing type; empty if none is said.
#[must_use]
pub const fn sharing_word(kind: SharingType) -> &'static str {
    match kind {
        SharingType::Unspecified => "",
        SharingType::Unconditional => "无条件共享",
        SharingType::Conditional => "有条件共享",
        SharingType::NotShared => "不予共享",
    }
}

/// The guide's word for a format.
#[must_use]
pub const fn format_word(format: Format) -> &'static str {
    match format {
        Format::Unspecified => "",
        Format::ElectronicFile => "电子文件",
        Format::Spreadsheet => "电子表格",
        Format::Database => "数据库",
        Format::Image => "图形图像",
        Format::StreamingMedia => "流媒体",
        Format::SelfDescribing => "自描述格式",
        Format::ServiceInterface => "服务接口",
    }
}

/// The guide's word for an update cycle.
#[must_use]
pub const fn cycle_word(cycle: UpdateCycle) -> &'static str {
    match cycle {
        UpdateCycle::Unspecified => "",
        UpdateCycle::RealTime => "实时",
        UpdateCycle::Daily => "每日",
        UpdateCycle::Weekly => "每周",
        UpdateCycle::Monthly => "每月",
        UpdateCycle::Quarterly => "每季度",
        UpdateCycle::Yearly => "每年",
        UpdateCycle::HalfYearly => "每半年",
        UpdateCycle::Irregular => "不定期",
    }
}

/// The guide's word for an item's type, with its letter.
#[must_use]
pub const fn item_type_word(kind: ItemType) -> &'static str {
    match kind {
        ItemType::Unspecified => "",
        ItemType::Text => "字符型C",
        ItemType::Number => "数值型N",
        ItemType::Money => "货币型Y",
        ItemType::Date => "日期型D",
        ItemType::Timestamp => "日期时间型T",
        ItemType::Logical => "逻辑型L",
        ItemType::Memo => "备注型M",
        ItemType::General => "通用型G",
        ItemType::Double => "双精度型B",
        ItemType::Integer => "整型I",
        ItemType::Float => "浮点型F",
    }
}

/// Our word for how a sensitive item is masked; 否 if it is not sensitive.
#[must_use]
pub const fn mask_word(mask: Mask) -> &'static str {
    match mask {
        Mask::Unspecified => "否",
        Mask::Suppress => "置空",
        Mask::Partial => "部分遮盖",
        Mask::Pseudonym => "假名化",
        Mask::IdentityNumber => "身份证号遮盖",
        Mask::Mobile => "手机号遮盖",
        Mask::PersonName => "姓名遮盖",
        Mask::Address => "地址遮盖",
        Mask::BankCard => "银行卡号遮盖",
        Mask::Month => "取到月",
        Mask::Year => "取到年",
        Mask::Band => "分段",
        Mask::Round => "取整",
    }
}

/// Our word for a way of delivery.
#[must_use]
pub const fn mode_word(mode: DeliveryMode) -> &'static str {
    match mode {
        DeliveryMode::Unspecified => "",
        DeliveryMode::Query => "数据服务封装",
        DeliveryMode::Bulk => "批量获取",
        DeliveryMode::Push => "数据推送",
    }
}

/// 是 or 否.
#[must_use]
pub const fn yes_word(yes: bool) -> &'static str {
    match yes {
        true => "是",
        false => "否",
    }
}

#[cfg(test)]
mod tests;
