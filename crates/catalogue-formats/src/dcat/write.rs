//! The published catalogue as statements, dataset by dataset, so that nothing but the present one is held.

use std::collections::BTreeSet;
use std::io::{self, Write};

use oxrdf::vocab::xsd;
use oxrdf::{IriParseError, Literal, NamedNode, NamedNodeRef, Term, TermRef, TripleRef};
use oxrdfio::{RdfSerializer, WriterQuadSerializer};
use publicdata_proto::catalog::v1::{
    DeliveryMode, Resource, ResourceDescription, SharingType, UpdateCycle,
};

use super::Syntax;
use super::vocabulary::{AUTHORITY, LABEL, TYPE, dcat, dct, foaf, hydra, owl, skos};
use crate::words;

const LANGUAGE: &str = "zh";

/// Who offers the catalogue, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    base: String,
    /// The catalogue's title.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
}

/// Where a page stands among others; each is relative to the offer's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The page itself.
    pub this: String,
    /// The first page.
    pub first: String,
    /// The next page, if there is one.
    pub next: Option<String>,
}

/// Writes a catalogue in one of the syntaxes.
pub struct Writer<W: Write> {
    inner: WriterQuadSerializer<W>,
    offer: Offer,
    /// What datasets share was described already.
    described: BTreeSet<String>,
}

// === impl Offer ===

impl Offer {
    /// An offer at this address, `http://…` or `https://…`: the datasets' URIs begin with it.
    ///
    /// # Errors
    /// The address cannot be part of a URI.
    pub fn new(
        base: &str,
        title: impl Into<String>,
        publisher: impl Into<String>,
    ) -> Result<Self, IriParseError> {
        let base = base.trim_end_matches('/').to_owned();
        NamedNode::new(format!("{base}/"))?;
        Ok(Self { base, title: title.into(), publisher: publisher.into() })
    }

    /// The URI of the entry with this code.
    #[must_use]
    pub fn dataset(&self, code: &str) -> String {
        self.node(&format!("dataset/{}", code.replace('/', "-"))).into_string()
    }

    /// The address of something below the offer's.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.node(path).into_string()
    }

    /// Whether a URI is one that this offer gave.
    #[must_use]
    pub fn is_own(&self, uri: &str) -> bool {
        uri.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with('/'))
    }

    fn node(&self, path: &str) -> NamedNode {
        // The base is an IRI, and what is added to it is made of digits, letters and hyphens.
        NamedNode::new_unchecked(format!("{}/{path}", self.base))
    }
}

// === impl Writer ===

impl<W: Write> Writer<W> {
    /// Begins a catalogue, or a page of it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(inner: W, syntax: Syntax, offer: &Offer, links: Option<&Links>) -> io::Result<Self> {
        let mut serializer = RdfSerializer::from_format(syntax.format());
        for (prefix, namespace) in [
            ("dcat", dcat::NAMESPACE),
            ("dct", dct::NAMESPACE),
            ("foaf", foaf::NAMESPACE),
            ("skos", skos::NAMESPACE),
            ("hydra", hydra::NAMESPACE),
            ("owl", owl::NAMESPACE),
        ] {
            serializer = serializer.with_prefix(prefix, namespace).map_err(io::Error::other)?;
        }
        let inner = serializer.for_writer(inner);
        let described = BTreeSet::new();
        let mut writer = Self { inner, offer: offer.clone(), described };
        writer.catalog()?;
        if let Some(links) = links {
            writer.links(links)?;
        }
        Ok(writer)
    }

    /// Adds a published entry.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn dataset(&mut self, resource: &Resource) -> io::Result<()> {
        let Some(says) = &resource.description else { return Ok(()) };
        let catalog = self.offer.node("catalog");
        let dataset = NamedNode::new_unchecked(self.offer.dataset(&resource.code));
        let node = dataset.as_ref();
        self.say(catalog.as_ref(), dcat::HAS_DATASET, node)?;
        self.say(node, TYPE, dcat::DATASET)?;
        self.text(node, dct::IDENTIFIER, &Literal::from(resource.code.as_str()))?;
        self.chinese(node, dct::TITLE, &says.name)?;
        self.chinese(node, dct::DESCRIPTION, &says.r#abstract)?;
        self.typed(node, dct::ISSUED, &resource.published_on, xsd::DATE)?;
        if let Some(at) = &resource.updated_at
            && let Ok(at) = jiff::Timestamp::new(at.seconds, at.nanos)
        {
            self.typed(node, dct::MODIFIED, &at.to_string(), xsd::DATE_TIME)?;
        }
        let version = Literal::from(resource.version.to_string());
        self.text(node, dcat::VERSION, &version)?;
        self.text(node, owl::VERSION_INFO, &version)?;
        let titles: BTreeSet<&str> = says.items.iter().map(|item| item.title.as_str()).collect();
        for title in titles {
            self.chinese(node, dcat::KEYWORD, title)?;
        }
        self.shared_nodes(node, resource, says)?;
        self.rights(node, says)?;
        self.deliveries(&dataset, resource, says)
    }

    /// Ends the catalogue.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.inner.finish()
    }

    fn catalog(&mut self) -> io::Result<()> {
        let Offer { title, publisher, .. } = self.offer.clone();
        let (catalog, agent) = (self.offer.node("catalog"), self.offer.node("publisher"));
        let node = catalog.as_ref();
        self.say(node, TYPE, dcat::CATALOG)?;
        self.chinese(node, dct::TITLE, &title)?;
        self.chinese(node, dct::DESCRIPTION, &format!("{publisher}的公共数据资源目录。"))?;
        self.say(node, dct::PUBLISHER, agent.as_ref())?;
        self.say(agent.as_ref(), TYPE, foaf::AGENT)?;
        self.chinese(agent.as_ref(), foaf::NAME, &publisher)?;
        self.authority(node, dct::LANGUAGE, ("language/ZHO", dct::LINGUISTIC_SYSTEM), "中文")
    }

    fn links(&mut self, links: &Links) -> io::Result<()> {
        let this = self.offer.node(&links.this);
        let first = self.offer.node(&links.first);
        self.say(this.as_ref(), TYPE, hydra::COLLECTION_VIEW)?;
        self.say(this.as_ref(), hydra::FIRST, first.as_ref())?;
        if let Some(next) = &links.next {
            let next = self.offer.node(next);
            self.say(this.as_ref(), hydra::NEXT, next.as_ref())?;
        }
        Ok(())
    }

    /// What several datasets have in common: publisher, theme, language, place, cycle.
    fn shared_nodes(
        &mut self,
        node: NamedNodeRef<'_>,
        resource: &Resource,
        says: &ResourceDescription,
    ) -> io::Result<()> {
        let agent = self.offer.node(&format!("organisation/{}", says.provider_code));
        self.say(node, dct::PUBLISHER, agent.as_ref())?;
        if self.is_new(&agent) {
            let name = match resource.provider_name.as_str() {
                "" => &says.provider_code,
                _ => &resource.provider_name,
            };
            self.say(agent.as_ref(), TYPE, foaf::AGENT)?;
            self.chinese(agent.as_ref(), foaf::NAME, name)?;
            let code = Literal::from(says.provider_code.as_str());
            self.text(agent.as_ref(), dct::IDENTIFIER, &code)?;
        }
        let theme = self.offer.node(&format!("classification/{}", says.classification_code));
        self.say(node, dcat::THEME, theme.as_ref())?;
        if self.is_new(&theme) {
            let code = Literal::from(says.classification_code.as_str());
            self.say(theme.as_ref(), TYPE, skos::CONCEPT)?;
            self.text(theme.as_ref(), skos::NOTATION, &code)?;
            self.chinese(
                theme.as_ref(),
                skos::PREF_LABEL,
                &theme_label(&says.classification_code),
            )?;
        }
        let place = self.offer.node(&format!("region/{}", resource.region_code));
        if !resource.region_code.is_empty() {
            self.say(node, dct::SPATIAL, place.as_ref())?;
            if self.is_new(&place) {
                let code = Literal::from(resource.region_code.as_str());
                self.say(place.as_ref(), TYPE, dct::LOCATION)?;
                self.text(place.as_ref(), dct::IDENTIFIER, &code)?;
            }
        }
        self.authority(node, dct::LANGUAGE, ("language/ZHO", dct::LINGUISTIC_SYSTEM), "中文")?;
        let cycle = says.update_cycle();
        if let Some(frequency) = frequency(cycle) {
            let word = words::cycle_word(cycle);
            self.authority(node, dct::ACCRUAL, (frequency, dct::FREQUENCY), word)?;
        }
        Ok(())
    }

    fn rights(&mut self, node: NamedNodeRef<'_>, says: &ResourceDescription) -> io::Result<()> {
        let (rights, word) = match (says.open, says.sharing_type()) {
            (true, _) => ("access-right/PUBLIC", "向社会开放"),
            (false, SharingType::Unconditional | SharingType::Conditional) => {
                ("access-right/RESTRICTED", "部门间共享")
            }
            (false, SharingType::NotShared | SharingType::Unspecified) => {
                ("access-right/NON_PUBLIC", "不予共享")
            }
        };
        self.authority(node, dct::ACCESS_RIGHTS, (rights, dct::RIGHTS_STATEMENT), word)
    }

    /// One distribution for each way of delivery; queries go through a service.
    fn deliveries(
        &mut self,
        dataset: &NamedNode,
        resource: &Resource,
        says: &ResourceDescription,
    ) -> io::Result<()> {
        for mode in says.delivery_modes() {
            let name = match mode {
                DeliveryMode::Query => "query",
                DeliveryMode::Bulk => "bulk",
                DeliveryMode::Push => "push",
                DeliveryMode::Unspecified => continue,
            };
            let word = words::mode_word(mode);
            let title = format!("{} {word}", says.name);
            let way = NamedNode::new_unchecked(format!("{}/{name}", dataset.as_str()));
            let node = way.as_ref();
            self.say(dataset.as_ref(), dcat::HAS_DISTRIBUTION, node)?;
            self.say(node, TYPE, dcat::DISTRIBUTION)?;
            self.chinese(node, dct::TITLE, &title)?;
            self.say(node, dcat::ACCESS_URL, dataset.as_ref())?;
            self.format(node, says)?;
            self.sharing(node, says)?;
            if mode == DeliveryMode::Query {
                let service = NamedNode::new_unchecked(format!("{}/service", dataset.as_str()));
                let at = service.as_ref();
                self.say(node, dcat::ACCESS_SERVICE, at)?;
                self.say(at, TYPE, dcat::DATA_SERVICE)?;
                self.chinese(at, dct::TITLE, &title)?;
                self.say(at, dcat::ENDPOINT_URL, dataset.as_ref())?;
                self.say(at, dcat::SERVES_DATASET, dataset.as_ref())?;
                let code = Literal::from(resource.code.as_str());
                self.text(at, dct::IDENTIFIER, &code)?;
            }
        }
        Ok(())
    }

    fn format(&mut self, node: NamedNodeRef<'_>, says: &ResourceDescription) -> io::Result<()> {
        let format = self.offer.node(&format!("format/{}", says.format));
        self.say(node, dct::FORMAT, format.as_ref())?;
        if self.is_new(&format) {
            self.say(format.as_ref(), TYPE, dct::MEDIA_TYPE_OR_EXTENT)?;
            self.chinese(format.as_ref(), LABEL, words::format_word(says.format()))?;
        }
        Ok(())
    }

    fn sharing(&mut self, node: NamedNodeRef<'_>, says: &ResourceDescription) -> io::Result<()> {
        let word = words::sharing_word(says.sharing_type());
        let rights = self.offer.node(&format!("sharing/{}", says.sharing_type));
        self.say(node, dct::RIGHTS, rights.as_ref())?;
        if self.is_new(&rights) {
            self.say(rights.as_ref(), TYPE, dct::RIGHTS_STATEMENT)?;
            self.chinese(rights.as_ref(), LABEL, word)?;
        }
        Ok(())
    }

    /// A value of the European authority tables, described where it first occurs.
    fn authority(
        &mut self,
        node: NamedNodeRef<'_>,
        property: NamedNodeRef<'_>,
        (value, class): (&str, NamedNodeRef<'_>),
        label: &str,
    ) -> io::Result<()> {
        let value = NamedNode::new_unchecked(format!("{AUTHORITY}{value}"));
        self.say(node, property, value.as_ref())?;
        if self.is_new(&value) {
            self.say(value.as_ref(), TYPE, class)?;
            self.chinese(value.as_ref(), LABEL, label)?;
        }
        Ok(())
    }

    fn is_new(&mut self, node: &NamedNode) -> bool {
        self.described.insert(node.as_str().to_owned())
    }

    fn chinese(
        &mut self,
        node: NamedNodeRef<'_>,
        property: NamedNodeRef<'_>,
        text: &str,
    ) -> io::Result<()> {
        let literal = Literal::new_language_tagged_literal_unchecked(text, LANGUAGE);
        self.text(node, property, &literal)
    }

    fn typed(
        &mut self,
        node: NamedNodeRef<'_>,
        property: NamedNodeRef<'_>,
        text: &str,
        datatype: NamedNodeRef<'_>,
    ) -> io::Result<()> {
        match text {
            "" => Ok(()),
            text => self.text(node, property, &Literal::new_typed_literal(text, datatype)),
        }
    }

    fn text(
        &mut self,
        node: NamedNodeRef<'_>,
        property: NamedNodeRef<'_>,
        text: &Literal,
    ) -> io::Result<()> {
        let text = Term::from(text.clone());
        self.say(node, property, text.as_ref())
    }

    fn say<'a>(
        &mut self,
        subject: NamedNodeRef<'a>,
        property: NamedNodeRef<'a>,
        object: impl Into<TermRef<'a>>,
    ) -> io::Result<()> {
        self.inner.serialize_triple(TripleRef::new(subject, property, object))
    }
}

const fn frequency(cycle: UpdateCycle) -> Option<&'static str> {
    match cycle {
        UpdateCycle::Unspecified => None,
        UpdateCycle::RealTime => Some("frequency/UPDATE_CONT"),
        UpdateCycle::Daily => Some("frequency/DAILY"),
        UpdateCycle::Weekly => Some("frequency/WEEKLY"),
        UpdateCycle::Monthly => Some("frequency/MONTHLY"),
        UpdateCycle::Quarterly => Some("frequency/QUARTERLY"),
        UpdateCycle::HalfYearly => Some("frequency/ANNUAL_2"),
        UpdateCycle::Yearly => Some("frequency/ANNUAL"),
        UpdateCycle::Irregular => Some("frequency/IRREG"),
    }
}

fn theme_label(code: &str) -> String {
    let class = match code.chars().next() {
        Some('1') => "基础信息资源",
        Some('2') => "主题信息资源",
        _ => "部门信息资源",
    };
    format!("{class} {code}")
}
