//! The regulation's own categories (article 15) and the national guide's themes: what the tree begins with (R15.1).

use publicdata_types::ClassificationCode;
use publicdata_types::classification::Depth;

/// Every node that the tree begins with, a parent before its children.
pub const BUILT_IN: [(&str, &str); 20] = [
    ("1", "基础信息资源"),
    ("101", "人口信息"),
    ("102", "法人单位信息"),
    ("103", "自然资源和空间地理信息"),
    ("104", "电子证照信息"),
    ("105", "社会信用信息"),
    ("2", "主题信息资源"),
    ("201", "公共服务"),
    ("202", "健康保障"),
    ("203", "社会保障"),
    ("204", "食品药品安全"),
    ("205", "安全生产"),
    ("206", "价格监管"),
    ("207", "能源安全"),
    ("208", "信用体系"),
    ("209", "城乡建设"),
    ("210", "社区治理"),
    ("211", "生态环保"),
    ("212", "应急维稳"),
    ("3", "部门信息资源"),
];

/// The name of a node that the tree begins with.
#[must_use]
pub fn built_in_name(code: &ClassificationCode) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == code.as_str()).map(|(_, name)| *name)
}

/// Whether the 项 that a classification lies in is one that the tree begins with.
#[must_use]
pub fn has_group_of(code: &ClassificationCode) -> bool {
    code.ancestor(Depth::Group).is_some_and(|group| built_in_name(&group).is_some())
}
