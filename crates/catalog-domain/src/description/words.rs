//! Words that a filing should not consist of.

use crate::name::NameKey;

/// What the names of information systems end in (信息系统, not 信息资源).
const SYSTEM_ENDINGS: [&str; 12] = [
    "系统",
    "平台",
    "软件",
    "数据库",
    "网站",
    "门户",
    "小程序",
    "公众号",
    "客户端",
    "驾驶舱",
    "app",
    "网上大厅",
];
/// Things of the world that end the same way.
const NO_SYSTEMS: [&str; 16] = [
    "生态系统",
    "坐标系统",
    "给水系统",
    "排水系统",
    "供水系统",
    "供电系统",
    "供热系统",
    "供气系统",
    "通风系统",
    "空调系统",
    "灌溉系统",
    "观景平台",
    "钻井平台",
    "作业平台",
    "登高平台",
    "海绵系统",
];
/// Texts that say nothing, as keys.
const FILLERS: [&str; 27] = [
    "无",
    "暂无",
    "没有",
    "略",
    "同上",
    "同左",
    "待定",
    "待补充",
    "待完善",
    "不详",
    "未知",
    "其他",
    "其它",
    "不适用",
    "空",
    "见附件",
    "详见附件",
    "见备注",
    "按规定",
    "按要求",
    "测试",
    "none",
    "null",
    "na",
    "nil",
    "tbd",
    "test",
];

/// The ending that makes a name that of an information system, if it has one. Versions, stages and what stands in
/// brackets behind it make no difference.
pub(super) fn system_ending(name: &str) -> Option<&'static str> {
    let key = NameKey::of(without_brackets(name.trim()));
    let bare = key.as_str().trim_end_matches(|character: char| {
        character.is_ascii_digit() || matches!(character, 'v' | '一' | '二' | '三' | '期' | '版')
    });
    if NO_SYSTEMS.iter().any(|ending| bare.ends_with(ending)) {
        return None;
    }
    SYSTEM_ENDINGS.into_iter().find(|ending| bare.ends_with(ending))
}

/// Whether a text is there, and says nothing.
pub(crate) fn is_filler(text: &str) -> bool {
    let key = NameKey::of(text);
    key.is_empty() || FILLERS.contains(&key.as_str())
}

fn without_brackets(name: &str) -> &str {
    let opening = match name.chars().next_back() {
        Some('）') => '（',
        Some(')') => '(',
        Some('】') => '【',
        Some(_) | None => return name,
    };
    match name.rfind(opening) {
        Some(at) if at > 0 => without_brackets(name[..at].trim_end()),
        Some(_) | None => name,
    }
}
