//! What fills a catalogue: every department of every district describes its data for every community. Divisions are
//! real (`deploy/data`), departments are those that Chengdu has, and what their entries are called is what departments keep.

use anyhow::Context as _;
use publicdata::sample::{AREAS_CSV, VILLAGES_CSV};
use publicdata_proto::catalog::v1::{
    DeliveryMode, Format, Item, ItemType, Mask, ResourceDescription, SharingType, UpdateCycle,
};
use serde::Deserialize;

use super::search::Query;

const DEPARTMENTS: [&str; 30] = [
    "公安局",
    "民政局",
    "人力资源和社会保障局",
    "规划和自然资源局",
    "生态环境局",
    "住房和城乡建设局",
    "交通运输局",
    "水务局",
    "农业农村局",
    "商务局",
    "文化广电旅游局",
    "卫生健康局",
    "应急管理局",
    "审计局",
    "市场监督管理局",
    "体育局",
    "统计局",
    "医疗保障局",
    "城市管理局",
    "教育局",
    "科学技术局",
    "经济和信息化局",
    "司法局",
    "财政局",
    "退役军人事务局",
    "国有资产监督管理局",
    "公园城市建设局",
    "行政审批局",
    "信访局",
    "投资促进局",
];

const SUBJECTS: [&str; 40] = [
    "行政许可信息",
    "行政处罚信息",
    "人员基本信息",
    "经营主体登记信息",
    "不动产登记信息",
    "低保对象信息",
    "养老机构名录",
    "医疗机构名录",
    "学校名录",
    "公共厕所分布",
    "停车场信息",
    "道路养护记录",
    "河道水质监测数据",
    "空气质量监测数据",
    "食品抽检结果",
    "药品经营企业名录",
    "安全生产检查记录",
    "消防设施台账",
    "建设项目审批信息",
    "公租房保障信息",
    "公交线路站点",
    "旅游景区名录",
    "文物保护单位名录",
    "体育场馆名录",
    "社会保险参保统计",
    "医保定点机构名录",
    "信用评价结果",
    "投诉举报统计",
    "网格员名册",
    "绿地面积统计",
    "供水管网数据",
    "用电量统计",
    "垃圾收运点位",
    "残疾人服务机构",
    "婚姻登记统计",
    "就业援助对象",
    "地质灾害隐患点",
    "农产品价格监测",
    "老旧小区改造台账",
    "应急避难场所分布",
];

/// What is typed, and what is meant: every third is pinyin, or has a character that is wrong.
const TYPED: [(&str, &str); 12] = [
    ("养老机构名录", "养老机构名录"),
    ("学校", "学校"),
    ("yljgml", "养老机构名录"),
    ("空气质量监测", "空气质量监测"),
    ("人员", "人员"),
    ("医疗机构名绿", "医疗机构名录"),
    ("停车场信息", "停车场信息"),
    ("行政许可", "行政许可"),
    ("dizhi zaihai", "地质 灾害"),
    ("低保对象", "低保对象"),
    ("消防设施", "消防设施"),
    ("社曲 网格员", "社区 网格员"),
];

/// The divisions that entries are made of.
pub(super) struct Filings {
    districts: Vec<Division>,
    communities: Vec<Division>,
}

/// One organisation of it.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) region: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Division {
    code: String,
    name: String,
    #[serde(rename = "areaCode", default)]
    district: String,
}

/// What an entry is about, by the places in their lists.
struct Place {
    community: usize,
    district: usize,
    department: usize,
    kind: usize,
}

impl Filings {
    pub(super) fn read() -> anyhow::Result<Self> {
        let divisions = |text: &str| -> anyhow::Result<Vec<Division>> {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            Ok(reader.deserialize().collect::<Result<_, _>>()?)
        };
        Ok(Self { districts: divisions(AREAS_CSV)?, communities: divisions(VILLAGES_CSV)? })
    }

    /// Every department of every district.
    pub(super) fn providers(&self) -> anyhow::Result<Vec<Provider>> {
        let mut providers = Vec::new();
        for district in &self.districts {
            for name in DEPARTMENTS {
                providers.push(Provider {
                    code: organisation_code(&district.code, providers.len())?,
                    name: format!("{}{name}", district.name),
                    region: district.code.clone(),
                });
            }
        }
        Ok(providers)
    }

    /// What people look for: each of it alone, then in one district after the other.
    pub(super) fn queries(&self, rounds: usize) -> Vec<Query> {
        let alone = TYPED.iter().map(|(typed, meant)| Query::new(*typed, *meant));
        let districts = self.districts.iter().cycle().take(rounds.saturating_sub(1));
        let within = districts.flat_map(|Division { name, .. }| {
            TYPED.map(|(typed, meant)| {
                Query::new(format!("{name} {typed}"), format!("{name} {meant}"))
            })
        });
        alone.chain(within).collect()
    }

    /// Who provides the entry with this number.
    pub(super) fn provider<'a>(&self, providers: &'a [Provider], number: usize) -> &'a Provider {
        let Place { district, department, .. } = self.place(number);
        &providers[district * DEPARTMENTS.len() + department]
    }

    /// The entry with this number. Numbers that differ give names that differ, as long as there are fewer than there are
    /// departments, subjects and communities.
    pub(super) fn description(&self, providers: &[Provider], number: usize) -> ResourceDescription {
        let Place { community, district, department, kind } = self.place(number);
        let (community, subject) = (&self.communities[community], SUBJECTS[kind]);
        let provider = self.provider(providers, number);
        ResourceDescription {
            name: format!("{}{}{subject}", provider.name, community.name),
            r#abstract: format!(
                "{}辖区内{}的{subject}，由{}采集和维护，供有关部门履行职责使用。",
                self.districts[district].name, community.name, provider.name
            ),
            classification_code: format!("3{:02}{:03}", department + 1, kind + 1),
            provider_code: provider.code.clone(),
            format: [Format::Database, Format::Spreadsheet][kind % 2].into(),
            format_detail: ["PostgreSQL", "xlsx"][kind % 2].to_owned(),
            items: items(subject),
            sharing_type: [SharingType::Unconditional, SharingType::Conditional][number % 2].into(),
            sharing_condition: ["", "限于履行职责，须说明用途和法律依据。"][number % 2].to_owned(),
            delivery_modes: vec![DeliveryMode::Bulk.into()],
            open: number.is_multiple_of(4),
            update_cycle: [UpdateCycle::Irregular, UpdateCycle::RealTime][kind % 2].into(),
            entity: ["社区", "法人"][kind % 2].to_owned(),
            use_requirements: "不得提供给第三方。".to_owned(),
            ..ResourceDescription::default()
        }
    }

    /// An entry of a department that no other has.
    pub(super) fn own(&self, provider: &Provider, number: usize) -> ResourceDescription {
        let like = self.description(std::slice::from_ref(provider), 0);
        ResourceDescription {
            name: format!("{}（{number:07}）", like.name),
            // Of a group that no department has, so that its numbers are free.
            classification_code: "399001".to_owned(),
            ..like
        }
    }

    /// Spreads numbers over all departments and communities, so that a small catalogue has some of everything.
    fn place(&self, number: usize) -> Place {
        /// Prime to every count here, so that no place comes twice.
        const STEP: usize = 1_500_007;

        let communities = self.communities.len();
        let mixed = number * STEP % (communities * SUBJECTS.len() * DEPARTMENTS.len());
        let (community, turn) = (mixed % communities, mixed / communities);
        let within = |district: &Division| district.code == self.communities[community].district;
        Place {
            community,
            district: self.districts.iter().position(within).unwrap_or_default(),
            department: turn / SUBJECTS.len() % DEPARTMENTS.len(),
            kind: turn % SUBJECTS.len(),
        }
    }
}

fn items(subject: &str) -> Vec<Item> {
    let item = |name: &str, title: String, length| Item {
        name: name.to_owned(),
        title,
        r#type: ItemType::Text.into(),
        length,
        required: true,
        open: true,
        ..Item::default()
    };
    vec![
        item("code", "统计用区划代码".to_owned(), 12),
        item("title", format!("{subject}名称"), 100),
        Item {
            mask: Mask::Partial.into(),
            open: false,
            ..item("contact", "联系电话".to_owned(), 20)
        },
        item("updated", "更新日期".to_owned(), 10),
    ]
}

/// A code with the right check character: an administrative body (11) of that division.
fn organisation_code(district: &str, number: usize) -> anyhow::Result<String> {
    let body = format!("11{district}MB{number:06}C");
    let body = &body[..17];
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .map(|check| format!("{body}{check}"))
        .find(|code| code.parse::<publicdata_types::OrganisationCode>().is_ok())
        .context("one of the check characters is right")
}
