//! The columns of the filing sheet (政务信息资源目录), by the national guide's names and those that departments use instead.

use unicode_normalization::UnicodeNormalization as _;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// 类, one digit.
    Class,
    /// 项, two digits.
    Group,
    /// 目, three digits.
    Category,
    /// 细目, any digits.
    Detail,
    /// 信息资源分类代码: all four at once.
    ClassificationCode,
    /// 信息资源名称.
    Name,
    /// 信息资源代码.
    Code,
    /// 信息资源提供方.
    ProviderName,
    /// 信息资源提供方代码.
    ProviderCode,
    /// 信息资源摘要.
    Abstract,
    /// 数据对象.
    Entity,
    /// 信息资源格式分类.
    Format,
    /// 信息资源格式类型.
    FormatDetail,
    /// 信息项名称.
    ItemTitle,
    /// 字段标识.
    ItemName,
    /// 数据类型.
    ItemType,
    /// 数据长度.
    ItemLength,
    /// 是否必填.
    ItemRequired,
    /// 脱敏方式, or 是否敏感.
    ItemMask,
    /// 信息项共享类型.
    ItemSharing,
    /// 信息项是否开放.
    ItemOpen,
    /// 共享类型.
    SharingType,
    /// 共享条件.
    SharingCondition,
    /// 共享方式分类: the channel, in the guide's words.
    DeliveryChannel,
    /// 共享方式类型, or 共享方式.
    DeliveryModes,
    /// 是否向社会开放.
    Open,
    /// 开放条件.
    OpenCondition,
    /// 更新周期.
    UpdateCycle,
    /// 发布日期.
    PublishedOn,
    /// 关联资源代码.
    Related,
    /// 使用要求.
    UseRequirements,
}

/// The columns of our own sheets, in their order. The parts of the classification are read, and written as one code.
pub const SHEET: [Column; 26] = [
    Column::ClassificationCode,
    Column::Name,
    Column::Code,
    Column::ProviderName,
    Column::ProviderCode,
    Column::Abstract,
    Column::Entity,
    Column::Format,
    Column::FormatDetail,
    Column::SharingType,
    Column::SharingCondition,
    Column::DeliveryModes,
    Column::Open,
    Column::OpenCondition,
    Column::UpdateCycle,
    Column::PublishedOn,
    Column::Related,
    Column::UseRequirements,
    Column::ItemTitle,
    Column::ItemName,
    Column::ItemType,
    Column::ItemLength,
    Column::ItemRequired,
    Column::ItemMask,
    Column::ItemSharing,
    Column::ItemOpen,
];

/// What columns are called, in the guide and in the sheets of departments: plain headings, see [`plain_heading`].
const HEADINGS: [(Column, &[&str]); 31] = [
    (Column::Class, &["类", "类代码"]),
    (Column::Group, &["项", "项代码"]),
    (Column::Category, &["目", "目代码"]),
    (Column::Detail, &["细目", "细目代码"]),
    (
        Column::ClassificationCode,
        &[
            "信息资源分类代码",
            "信息资源分类",
            "分类代码",
            "资源分类",
            "资源分类代码",
            "数据资源分类",
        ],
    ),
    (Column::Name, &["信息资源名称", "资源名称", "数据资源名称", "目录名称", "资源目录名称"]),
    (Column::Code, &["信息资源代码", "资源代码", "数据资源代码", "目录代码", "资源目录代码"]),
    (
        Column::ProviderName,
        &[
            "信息资源提供方",
            "信息资源提供方名称",
            "提供方",
            "提供方名称",
            "提供部门",
            "数据提供方",
            "资源提供方",
        ],
    ),
    (
        Column::ProviderCode,
        &[
            "信息资源提供方代码",
            "提供方代码",
            "提供部门代码",
            "资源提供方代码",
            "统一社会信用代码",
            "提供方内部部门代码",
        ],
    ),
    (Column::Abstract, &["信息资源摘要", "资源摘要", "摘要", "数据资源摘要", "目录摘要"]),
    (Column::Entity, &["数据对象", "描述对象"]),
    (Column::Format, &["信息资源格式分类", "信息资源格式", "资源格式", "格式分类", "资源格式分类"]),
    (Column::FormatDetail, &["信息资源格式类型", "格式类型", "资源格式类型"]),
    (
        Column::ItemTitle,
        &[
            "信息项名称",
            "信息项",
            "数据项名称",
            "数据项",
            "字段名称",
            "字段中文名",
            "字段中文名称",
            "信息项中文名称",
            "信息项信息",
        ],
    ),
    (
        Column::ItemName,
        &[
            "字段标识",
            "字段英文名",
            "字段英文名称",
            "信息项英文名称",
            "字段代码",
            "数据项英文名称",
            "英文名称",
            "字段标识符",
        ],
    ),
    (Column::ItemType, &["数据类型", "字段类型", "信息项类型", "数据项类型"]),
    (Column::ItemLength, &["数据长度", "字段长度", "信息项长度", "数据项长度", "长度"]),
    (Column::ItemRequired, &["是否必填", "是否非空", "必填", "非空"]),
    (Column::ItemMask, &["脱敏方式", "是否敏感", "敏感", "是否敏感及脱敏方式", "脱敏"]),
    (Column::ItemSharing, &["信息项共享类型", "数据项共享类型", "字段共享类型"]),
    (
        Column::ItemOpen,
        &["信息项是否开放", "信息项是否向社会开放", "数据项是否开放", "字段是否开放", "信息项开放"],
    ),
    (Column::SharingType, &["共享类型", "共享属性", "资源共享类型"]),
    (Column::SharingCondition, &["共享条件", "共享条件或不予共享理由", "共享条件或理由"]),
    (Column::DeliveryChannel, &["共享方式分类"]),
    (Column::DeliveryModes, &["共享方式类型", "共享方式", "交付方式"]),
    (Column::Open, &["是否向社会开放", "是否开放", "开放属性", "开放类型", "是否社会开放"]),
    (Column::OpenCondition, &["开放条件"]),
    (Column::UpdateCycle, &["更新周期", "更新频率", "更新频度"]),
    (Column::PublishedOn, &["发布日期", "发布时间"]),
    (Column::Related, &["关联资源代码", "关联信息资源代码", "关联资源", "关联目录代码"]),
    (Column::UseRequirements, &["使用要求"]),
];

impl Column {
    /// The heading in our own sheets.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Class => "类",
            Self::Group => "项",
            Self::Category => "目",
            Self::Detail => "细目",
            Self::ClassificationCode => "信息资源分类代码",
            Self::Name => "信息资源名称",
            Self::Code => "信息资源代码",
            Self::ProviderName => "信息资源提供方",
            Self::ProviderCode => "信息资源提供方代码",
            Self::Abstract => "信息资源摘要",
            Self::Entity => "数据对象",
            Self::Format => "信息资源格式分类",
            Self::FormatDetail => "信息资源格式类型",
            Self::ItemTitle => "信息项名称",
            Self::ItemName => "字段标识",
            Self::ItemType => "数据类型",
            Self::ItemLength => "数据长度",
            Self::ItemRequired => "是否必填",
            Self::ItemMask => "脱敏方式",
            Self::ItemSharing => "信息项共享类型",
            Self::ItemOpen => "信息项是否开放",
            Self::SharingType => "共享类型",
            Self::SharingCondition => "共享条件",
            Self::DeliveryChannel => "共享方式分类",
            Self::DeliveryModes => "共享方式类型",
            Self::Open => "是否向社会开放",
            Self::OpenCondition => "开放条件",
            Self::UpdateCycle => "更新周期",
            Self::PublishedOn => "发布日期",
            Self::Related => "关联资源代码",
            Self::UseRequirements => "使用要求",
        }
    }

    /// The field that the column fills, as messages name it; of items without the item.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Class
            | Self::Group
            | Self::Category
            | Self::Detail
            | Self::ClassificationCode => "classification_code",
            Self::Name => "name",
            Self::Code => "code",
            Self::ProviderName => "provider_name",
            Self::ProviderCode => "provider_code",
            Self::Abstract => "abstract",
            Self::Entity => "entity",
            Self::Format => "format",
            Self::FormatDetail => "format_detail",
            Self::ItemTitle => "title",
            Self::ItemName => "name",
            Self::ItemType => "type",
            Self::ItemLength => "length",
            Self::ItemRequired => "required",
            Self::ItemMask => "mask",
            Self::ItemSharing | Self::SharingType => "sharing_type",
            Self::ItemOpen | Self::Open => "open",
            Self::SharingCondition => "sharing_condition",
            Self::DeliveryChannel | Self::DeliveryModes => "delivery_modes",
            Self::OpenCondition => "open_condition",
            Self::UpdateCycle => "update_cycle",
            Self::PublishedOn => "published_on",
            Self::Related => "related_codes",
            Self::UseRequirements => "use_requirements",
        }
    }

    /// The column with this heading, under that one of a row above (empty if there is none).
    #[must_use]
    pub fn find(above: &str, heading: &str) -> Option<Self> {
        let (above, heading) = (plain_heading(above), plain_heading(heading));
        if heading.is_empty() {
            return Self::alone(&above);
        }
        // What stands in the lower row may be short: its meaning comes from above.
        let within = |group: &str| above.contains(group);
        match heading.as_str() {
            "分类" | "格式分类" | "信息资源格式分类" if within("格式") => {
                Some(Self::Format)
            }
            "类型" | "格式类型" if within("格式") => Some(Self::FormatDetail),
            "分类" | "共享方式分类" if within("共享方式") => {
                Some(Self::DeliveryChannel)
            }
            "类型" if within("共享方式") => Some(Self::DeliveryModes),
            "共享类型" | "是否开放" | "是否向社会开放" | "开放" if within("信息项") => {
                match heading.as_str() {
                    "共享类型" => Some(Self::ItemSharing),
                    _ => Some(Self::ItemOpen),
                }
            }
            "代码" if within("提供方") => Some(Self::ProviderCode),
            "名称" if within("提供方") => Some(Self::ProviderName),
            "名称" if within("信息项") => Some(Self::ItemTitle),
            "类型" if within("信息项") => Some(Self::ItemType),
            "长度" if within("信息项") => Some(Self::ItemLength),
            "条件" if within("开放") => Some(Self::OpenCondition),
            "条件" if within("共享") => Some(Self::SharingCondition),
            "类型" if within("共享") => Some(Self::SharingType),
            _ => Self::alone(&heading),
        }
    }

    fn alone(heading: &str) -> Option<Self> {
        let named = HEADINGS.iter().find(|(_, names)| names.contains(&heading));
        named.map(|(column, _)| *column)
    }
}

/// A heading without what departments add to it: spaces, line breaks, stars, and explanations in brackets.
fn plain_heading(text: &str) -> String {
    let text: String = text.nfkc().collect();
    let text = text.split(['(', '[', '【']).next().unwrap_or_default();
    text.chars()
        .filter(|character| !character.is_whitespace() && !"*:;、/\u{feff}".contains(*character))
        .collect()
}

#[cfg(test)]
mod tests;
