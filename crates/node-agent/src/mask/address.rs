//! Addresses: what names the division stays, what lies within the county or district is hidden.
//!
//! No list of divisions below the provinces is kept here, since addresses are older than any list. The words are told by
//! their endings instead, and what looks like a street, an estate or a market ends the division before it: too much may
//! be hidden, too little is not.

use super::VEIL;

const PROVINCES: [&str; 34] = [
    "北京",
    "天津",
    "河北",
    "山西",
    "内蒙古",
    "辽宁",
    "吉林",
    "黑龙江",
    "上海",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "广西",
    "海南",
    "重庆",
    "四川",
    "贵州",
    "云南",
    "西藏",
    "陕西",
    "甘肃",
    "青海",
    "宁夏",
    "新疆",
    "台湾",
    "香港",
    "澳门",
];
/// What follows a province's name; the longest first.
const PROVINCE_ENDINGS: [&str; 7] =
    ["壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "省", "市"];
const STEPPES: &str = "内蒙古";
const UNIT_LENGTH_MAX: usize = 16;

/// What a 区 that is no division ends in, but for the 区 itself: 小区, 社区, 园区, 街区, 一区.
const NO_DISTRICT: &str =
    "小社园校厂片景院库街镇乡村住宅活属舍业馆苑庭坊防管服功期甲乙丙丁一二三四五六七八九十";
/// The same for 市: 超市, 菜市.
const NO_CITY: &str = "超菜夜早股";
/// What names something smaller than a county, unless it begins a name or the division's ending follows: 路桥区, 鼓楼区.
const SMALLER: &str = "路街道巷号村镇乡组栋幢楼室弄院段场站桥寺";

/// What a division's ending says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Something lies between it and the street: 自治州, 地区, 盟.
    Prefecture,
    /// A prefecture's city, or a county's.
    City,
    /// 区, 县, 旗.
    County,
}

/// Keeps the division of an address; nothing if it begins with none.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains(VEIL) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let kept = division(&characters);
    if kept == 0 {
        return None;
    }
    let hidden = std::iter::repeat_n(VEIL, characters.len() - kept);
    Some(characters[..kept].iter().copied().chain(hidden).collect())
}

/// How many characters name the division.
fn division(text: &[char]) -> usize {
    let steppes = starts_with(text, STEPPES);
    let (name, ending) = province(text);
    let mut kept = name + ending;
    // A prefecture or its city, and then a county: two units at most.
    for place in 0..2 {
        let Some((length, level)) = unit(&text[kept..], steppes) else {
            // 北京东路 begins with no province.
            return if place == 0 && ending == 0 { 0 } else { kept };
        };
        kept += length;
        if level == Level::County {
            break;
        }
    }
    kept
}

/// How many characters name the province, and how many of its ending follow.
fn province(text: &[char]) -> (usize, usize) {
    let Some(name) = PROVINCES.iter().find(|name| starts_with(text, name)) else { return (0, 0) };
    let length = name.chars().count();
    let ending = PROVINCE_ENDINGS.iter().find(|ending| starts_with(&text[length..], ending));
    (length, ending.map_or(0, |ending| ending.chars().count()))
}

/// The first unit: how long it is, and what it is.
fn unit(text: &[char], steppes: bool) -> Option<(usize, Level)> {
    for (at, &character) in text.iter().enumerate().take(UNIT_LENGTH_MAX) {
        if !is_han(character) {
            return None;
        }
        if at == 0 {
            continue;
        }
        if let Some(level) = ending(text, at, steppes) {
            // 沙市区, 津市市: the name itself ends in 市.
            let longer = level == Level::City
                && text.get(at + 1).is_some_and(|&next| matches!(next, '区' | '市'));
            return match longer {
                true if text.get(at + 1) == Some(&'区') => Some((at + 2, Level::County)),
                true if at == 1 => Some((at + 2, Level::City)),
                true | false => Some((at + 1, level)),
            };
        }
        let ends_next = at + 1 < text.len() && ending(text, at + 1, steppes).is_some();
        let is_smaller = SMALLER.contains(character) && !ends_next;
        // An estate or a market: whatever follows lies near it.
        let is_other = matches!(character, '区' | '市');
        if is_smaller || is_other {
            return None;
        }
    }
    None
}

/// Whether a unit's name ends with this character.
fn ending(text: &[char], at: usize, steppes: bool) -> Option<Level> {
    let before = text[at - 1];
    match text[at] {
        '区' if before == '地' && at >= 2 => Some(Level::Prefecture),
        // 东区, 西区, 城区 and 矿区 are divisions; of a numbered or lettered one, it is a part of an estate.
        '区' if !NO_DISTRICT.contains(before) => Some(Level::County),
        '县' => Some(Level::County),
        '旗' if steppes => Some(Level::County),
        '盟' if steppes => Some(Level::Prefecture),
        '州' if before == '治' => Some(Level::Prefecture),
        '市' if !NO_CITY.contains(before) => Some(Level::City),
        _ => None,
    }
}

fn starts_with(text: &[char], prefix: &str) -> bool {
    let mut rest = text.iter();
    prefix.chars().all(|character| rest.next() == Some(&character))
}

fn is_han(character: char) -> bool {
    matches!(character, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests;
