//! Another platform's dataset, as it was last seen (R23.3). It is no entry of our catalogue: nobody here reviews or grants it.

use publicdata_decider::Decider;
use publicdata_types::HarvestSourceId;

/// A dataset of another platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum ForeignResource {
    /// It was never seen.
    #[default]
    Unseen,
    /// It is offered there.
    Offered(Description),
    /// It was offered, and is no more.
    Gone,
}

/// What the other platform says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its URI: it names the dataset for good.
    pub uri: String,
    /// Its identifier there.
    pub identifier: String,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Who publishes it: an organisation's name.
    pub publisher: String,
    /// Its themes, as URIs or words.
    pub themes: Vec<String>,
    /// Its keywords.
    pub keywords: Vec<String>,
    /// The licence, as a URI or words.
    pub license: String,
    /// When it last changed, as the other platform writes it.
    pub modified: String,
    /// A page about it.
    pub landing_page: String,
    /// How it can be had.
    pub distributions: Vec<Distribution>,
    /// Its version there.
    pub version: String,
}

/// A way in which it can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// What it is called there.
    pub title: String,
    /// Where it can be had.
    pub url: String,
    /// Its format, as the other platform calls it.
    pub format: String,
}

/// What can be said of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Command {
    /// It is offered.
    See {
        /// The source's id.
        source: HarvestSourceId,
        /// What the other platform says.
        description: Description,
    },
    /// It is offered no more.
    Miss,
}

/// What happened to a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Event {
    /// It says something that it did not say before.
    Seen {
        /// The source's id.
        source: HarvestSourceId,
        /// What it says.
        description: Description,
    },
    /// It is offered no more.
    Gone,
}

/// What is wrong with a dataset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A URI names it; without one it cannot be known again.
    #[error("dataset has no URI, or one that does not begin with a scheme")]
    UriMissing,
    /// A dataset has a title.
    #[error("dataset has no title")]
    TitleMissing,
    /// It is larger than a catalogue needs.
    #[error("{field} has more than {max} characters or parts")]
    TooLarge {
        /// What is.
        field: &'static str,
        /// How many there may be.
        max: usize,
    },
}

const URI_LENGTH_MAX: usize = 2_000;
const TEXT_LENGTH_MAX: usize = 20_000;
const PARTS_MAX: usize = 500;

impl Decider for ForeignResource {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::See { source, description } => {
                description.check()?;
                match self {
                    Self::Offered(known) if *known == description => Ok(vec![]),
                    Self::Unseen | Self::Offered(_) | Self::Gone => {
                        Ok(vec![Event::Seen { source, description }])
                    }
                }
            }
            Command::Miss => match self {
                Self::Offered(_) => Ok(vec![Event::Gone]),
                Self::Unseen | Self::Gone => Ok(vec![]),
            },
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::Seen { description, .. } => Self::Offered(description.clone()),
            Event::Gone => Self::Gone,
        }
    }
}

impl Description {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), Rejection> {
        if !self.uri.contains(':') || self.uri.contains(char::is_whitespace) {
            return Err(Rejection::UriMissing);
        }
        if self.title.trim().is_empty() {
            return Err(Rejection::TitleMissing);
        }
        let texts = [&self.title, &self.description, &self.publisher, &self.license];
        let texts = texts.into_iter().chain(&self.themes).chain(&self.keywords);
        for (field, length, max) in [
            ("uri", self.uri.chars().count(), URI_LENGTH_MAX),
            ("text", texts.map(|text| text.chars().count()).sum(), TEXT_LENGTH_MAX),
            ("themes", self.themes.len(), PARTS_MAX),
            ("keywords", self.keywords.len(), PARTS_MAX),
            ("distributions", self.distributions.len(), PARTS_MAX),
        ] {
            if length > max {
                return Err(Rejection::TooLarge { field, max });
            }
        }
        Ok(())
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UriMissing => "URI_MISSING",
            Self::TitleMissing => "TITLE_MISSING",
            Self::TooLarge { .. } => "TOO_LARGE",
        }
    }
}

#[cfg(test)]
mod tests;
