//! Rules: what stands in TOML, checked as a whole before any of it is applied.

mod definition;
pub(crate) mod program;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use publicdata_audit_domain::finding::Matter;
use publicdata_types::Digest;

pub use definition::{Baseline, Clear, Count, Definition, Kind, New, Raise, RuleFile, Things};
pub(crate) use program::{Program, ProgramError};

/// The rules that come with the platform.
const BUILT_IN: &str = include_str!("../../rules.toml");
/// What event types begin with, and rules leave out.
const PACKAGE: &str = "publicdata.";
/// Part of the rules' digest: what was remembered by another one is gathered anew.
const ENGINE_VERSION: u32 = 1;
/// The numbers of article 46.
const CLAUSES: std::ops::RangeInclusive<u8> = 1..=11;

/// Rules that fit together, ready to be applied.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// What is remembered of things, by service and aggregate.
    pub(crate) things: BTreeMap<String, Things>,
    digest: Digest,
}

/// A rule, ready to be applied.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) definition: Definition,
    /// The definition as JSON: what the digest is of.
    pub(crate) text: String,
    pub(crate) digest: Digest,
    pub(crate) matter: Matter,
    pub(crate) raise: Trigger,
    pub(crate) clear: Vec<Trigger>,
    pub(crate) organisation: Program,
    pub(crate) condition: Condition,
}

/// Which events a rule looks at, and how it tells things apart.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) on: Vec<String>,
    pub(crate) when: Option<Program>,
    pub(crate) key: Option<Program>,
    /// Whether nothing more is found for the key afterwards.
    pub(crate) for_good: bool,
}

/// What else has to hold.
#[derive(Debug)]
pub(crate) enum Condition {
    /// Nothing: the event is enough.
    Event,
    /// A day that the event names has passed.
    Due(Program),
    /// So many days have passed.
    AfterDays(u16),
    /// So much came within a time.
    Count { count: Count, amount: Option<Program> },
    /// A value was never seen before.
    New { after: u64, value: Program },
}

/// Why rules cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file cannot be read.
    #[error("cannot read the rules {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no such TOML.
    #[error("rules are not written as they must be")]
    Syntax(#[from] toml::de::Error),
    /// A name is taken.
    #[error("rule `{rule}` stands there twice; name each once")]
    Twice {
        /// The rule.
        rule: String,
    },
    /// What is turned off is not there.
    #[error("`off` names `{rule}`, which is no rule")]
    OffUnknown {
        /// The name.
        rule: String,
    },
    /// Something about one rule is wrong.
    #[error("rule `{rule}`: {problem}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong.
        problem: String,
    },
    /// An expression is none.
    #[error("rule `{rule}`: `{key}` is no CEL expression")]
    Expression {
        /// The rule.
        rule: String,
        /// Where it stands.
        key: &'static str,
        /// What is wrong with it.
        source: ProgramError,
    },
    /// An event type that is none.
    #[error(
        "`{name}` is no type of event; leave out `publicdata.`, as in catalog.v1.ResourcePublished"
    )]
    EventUnknown {
        /// The name.
        name: String,
    },
    /// What is to be remembered stands in no event.
    #[error(
        "`things.\"{kind}\"` keeps `{field}`, which no event of that service has; the kind is the service and the aggregate, as in catalog.resource"
    )]
    FieldUnknown {
        /// The service and the aggregate.
        kind: String,
        /// The field.
        field: String,
    },
    /// The build's descriptors are damaged.
    #[error("event types cannot be known")]
    Descriptors(#[from] prost_reflect::DescriptorError),
}

impl RuleSet {
    /// The rules that come with the platform.
    ///
    /// # Errors
    /// They are damaged.
    pub fn built_in() -> Result<Self, RulesError> {
        Self::new(toml::from_str(BUILT_IN)?)
    }

    /// The rules that come with the platform, and those of a file: a rule of the same name takes the other's place, and `off` names
    /// those that are not applied.
    ///
    /// # Errors
    /// Says what is wrong, and with which rule.
    pub fn with_file(path: &Path) -> Result<Self, RulesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RulesError::Read { path: path.to_owned(), source })?;
        Self::with(&text)
    }

    /// The same of a text.
    ///
    /// # Errors
    /// Says what is wrong, and with which rule.
    pub fn with(text: &str) -> Result<Self, RulesError> {
        let (mut all, own): (RuleFile, RuleFile) =
            (toml::from_str(BUILT_IN)?, toml::from_str(text)?);
        for rule in &own.rule {
            all.rule.retain(|built_in| built_in.name != rule.name);
        }
        all.rule.extend(own.rule);
        for (name, own) in own.things {
            add_things(all.things.entry(name), own);
        }
        all.off = own.off;
        Self::new(all)
    }

    /// Nothing but the rules of a text, and what is remembered for those that come with the platform.
    ///
    /// # Errors
    /// Says what is wrong, and with which rule.
    pub fn alone(text: &str) -> Result<Self, RulesError> {
        let (built_in, mut own): (RuleFile, RuleFile) =
            (toml::from_str(BUILT_IN)?, toml::from_str(text)?);
        for (name, things) in built_in.things {
            add_things(own.things.entry(name), things);
        }
        Self::new(own)
    }

    fn new(file: RuleFile) -> Result<Self, RulesError> {
        let known = DescriptorPool::decode(publicdata_proto::DESCRIPTORS)?;
        let RuleFile { off, things, rule: mut definitions } = file;
        let mut names = BTreeSet::new();
        if let Some(twice) = definitions.iter().find(|rule| !names.insert(rule.name.clone())) {
            return Err(RulesError::Twice { rule: twice.name.clone() });
        }
        if let Some(rule) = off.iter().find(|rule| !names.contains(*rule)) {
            return Err(RulesError::OffUnknown { rule: rule.clone() });
        }
        definitions.retain(|rule| !off.contains(&rule.name));
        let until = things.values().flat_map(|things| &things.until);
        let on = definitions.iter().flat_map(Definition::event_types);
        if let Some(name) = until
            .chain(on)
            .find(|name| known.get_message_by_name(&format!("{PACKAGE}{name}")).is_none())
        {
            return Err(RulesError::EventUnknown { name: name.clone() });
        }
        check_things(&known, &things)?;
        let rules: Vec<Rule> = definitions.into_iter().map(Rule::new).collect::<Result<_, _>>()?;
        let digests: Vec<u8> =
            rules.iter().flat_map(|rule| rule.digest.as_bytes().to_vec()).collect();
        let remembered = serde_json::to_vec(&(ENGINE_VERSION, &things)).unwrap_or_default();
        let digest = Digest::of([digests, remembered].concat());
        Ok(Self { rules, things, digest })
    }

    /// Of all rules, and of what is remembered for them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The names of the rules, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.definition.name.as_str())
    }
}

impl Rule {
    fn new(definition: Definition) -> Result<Self, RulesError> {
        let rule = definition.name.clone();
        let wrong =
            |problem: &str| RulesError::Rule { rule: rule.clone(), problem: problem.to_owned() };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if rule.is_empty() || !rule.chars().all(is_name) {
            return Err(wrong("`name` is made of lower-case letters, digits and hyphens"));
        }
        let matter = match (definition.kind, definition.clause) {
            (Kind::Breach, Some(clause)) if CLAUSES.contains(&clause) => Matter::Breach { clause },
            (Kind::Breach, _) => {
                return Err(wrong("`clause` is the number of article 46, 1 to 11"));
            }
            (Kind::UnusualUse, None) => Matter::UnusualUse,
            (Kind::UnusualUse, Some(_)) => return Err(wrong("unusual use has no `clause`")),
        };
        let compile = |key: &'static str, text: &str| {
            Program::compile(text).map_err(|source| RulesError::Expression {
                rule: rule.clone(),
                key,
                source,
            })
        };
        let trigger = |on: &[String], when: Option<&str>, key: Option<&str>, for_good| {
            if on.is_empty() {
                return Err(wrong("`on` names no event"));
            }
            Ok(Trigger {
                on: on.iter().map(|name| format!("{PACKAGE}{name}")).collect(),
                when: when.map(|text| compile("when", text)).transpose()?,
                key: key.map(|text| compile("key", text)).transpose()?,
                for_good,
            })
        };
        let raise = &definition.raise;
        let condition = match (&raise.due, raise.after_days, &raise.count, &raise.new) {
            (None, None, None, None) => Condition::Event,
            (Some(due), None, None, None) => Condition::Due(compile("due", due)?),
            (None, Some(days), None, None) => Condition::AfterDays(days),
            (None, None, Some(count), None) => {
                if count.within.is_negative() || count.within.is_zero() || count.at_least < 1 {
                    return Err(wrong("`count` needs `at_least` and `within` greater than 0"));
                }
                let amount = count.amount.as_deref().map(|text| compile("amount", text));
                Condition::Count { count: count.clone(), amount: amount.transpose()? }
            }
            (None, None, None, Some(new)) => {
                Condition::New { after: new.after, value: compile("value", &new.value)? }
            }
            _ => return Err(wrong("give only one of `due`, `after_days`, `count` and `new`")),
        };
        let text = serde_json::to_string(&definition).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self {
            digest: Digest::of(text.as_bytes()),
            text,
            matter,
            raise: trigger(&raise.on, raise.when.as_deref(), raise.key.as_deref(), false)?,
            clear: definition
                .clear
                .iter()
                .map(|clear| {
                    trigger(&clear.on, clear.when.as_deref(), clear.key.as_deref(), clear.for_good)
                })
                .collect::<Result<_, _>>()?,
            organisation: compile("organisation", &definition.organisation)?,
            condition,
            definition,
        })
    }
}

/// Each field that is to be remembered stands in some event of the service: a name that is written wrongly would be remembered never. Which
/// aggregate an event is of, its descriptor doesn't tell.
fn check_things(
    known: &DescriptorPool,
    things: &BTreeMap<String, Things>,
) -> Result<(), RulesError> {
    for (kind, Things { keep, .. }) in things {
        let service = kind.split_once('.').map_or(kind.as_str(), |(service, _)| service);
        let package = format!("{PACKAGE}{service}.v1");
        let fields: BTreeSet<String> = known
            .all_messages()
            .filter(|message| {
                let file = message.parent_file();
                file.package_name() == package && file.name().ends_with("events.proto")
            })
            .flat_map(|message| {
                message.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>()
            })
            .collect();
        if let Some(field) = keep.iter().find(|field| !fields.contains(*field)) {
            return Err(RulesError::FieldUnknown { kind: kind.clone(), field: field.clone() });
        }
    }
    Ok(())
}

/// Adds what one file wants to be remembered to what another does.
fn add_things(known: Entry<'_, String, Things>, more: Things) {
    let known = known.or_insert_with(|| Things { keep: Vec::new(), until: more.until.clone() });
    for name in more.keep {
        if !known.keep.contains(&name) {
            known.keep.push(name);
        }
    }
}

#[cfg(test)]
mod tests;
