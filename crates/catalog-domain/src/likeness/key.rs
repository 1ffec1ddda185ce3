//! What of a name counts when names are compared.

use unicode_normalization::UnicodeNormalization as _;

/// Identifiers that anything may have: alone they say little.
const COMMON_IDENTIFIERS: [&str; 36] = [
    "address",
    "bh",
    "bz",
    "code",
    "createtime",
    "date",
    "dm",
    "id",
    "kind",
    "level",
    "lx",
    "mc",
    "memo",
    "name",
    "no",
    "note",
    "num",
    "number",
    "order",
    "remark",
    "rq",
    "seq",
    "sj",
    "sort",
    "state",
    "status",
    "time",
    "title",
    "type",
    "updatetime",
    "url",
    "uuid",
    "value",
    "version",
    "xh",
    "zt",
];
/// Titles that anything may have.
const COMMON_TITLES: [&str; 18] = [
    "主键",
    "代码",
    "创建时间",
    "名称",
    "地址",
    "备注",
    "序号",
    "开始时间",
    "数量",
    "日期",
    "更新时间",
    "状态",
    "电话",
    "类别",
    "类型",
    "结束时间",
    "编号",
    "联系电话",
];
/// Words at the end of a name that add nothing, as long as two characters stay before them.
const FILLINGS: [&str; 2] = ["信息", "数据"];

/// A name without what does not count: widths, capitals, spaces, punctuation, a filling word at its end; `号码` is `号`.
#[must_use]
pub fn title(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut key: String = folded.chars().filter(|character| character.is_alphanumeric()).collect();
    for filling in FILLINGS {
        if let Some(rest) = key.strip_suffix(filling).filter(|rest| rest.chars().count() >= 2) {
            key.truncate(rest.len());
            break;
        }
    }
    if key.ends_with("号码") {
        key.truncate(key.len() - "码".len());
    }
    key
}

/// An identifier without capitals and underscores: `id_card` and `IDCARD` are one.
#[must_use]
pub fn identifier(text: &str) -> String {
    let folded = text.nfkc().flat_map(char::to_lowercase);
    folded.filter(|character| character.is_alphanumeric()).collect()
}

/// A title's key without the longest of the entity's names before it: the `名称` of a 企业 is its `企业名称`.
pub(super) fn without_entity(title: &str, entities: impl Iterator<Item = String>) -> String {
    let rests = entities
        .filter(|entity| !entity.is_empty())
        .filter_map(|entity| title.strip_prefix(entity.as_str()).map(ToOwned::to_owned))
        .filter(|rest| rest.chars().count() >= 2);
    rests.min_by_key(String::len).unwrap_or_else(|| title.to_owned())
}

/// Whether anything may have this identifier.
#[must_use]
pub fn is_common_identifier(key: &str) -> bool {
    COMMON_IDENTIFIERS.contains(&key)
}

/// Whether anything may have this title.
#[must_use]
pub fn is_common_title(key: &str) -> bool {
    COMMON_TITLES.contains(&key)
}
