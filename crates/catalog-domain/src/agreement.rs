//! An agreement with a technical service provider (技术服务单位). It ends on its last day or when it is terminated, and so do
//! the credentials that were issued under it (R44.1).

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{
    Actor, AgreementId, Denied, OrganisationCode, RegionCode, china_date, china_day_end,
};

use crate::owner::Owner;
use crate::text::{self, LONG_MAX, SHORT_MAX, TextMistake};

/// An agreement, and whether it still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Agreement {
    /// There is none.
    #[default]
    Absent,
    /// It holds, from its first day to its last.
    InForce {
        /// The department.
        owner: OrganisationCode,
        /// What was agreed.
        terms: Terms,
    },
    /// It no longer holds.
    Over {
        /// The department.
        owner: OrganisationCode,
        /// What was agreed.
        terms: Terms,
        /// Its last day, or the day on which it was terminated.
        on: Date,
    },
}

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The provider's name.
    pub provider_name: String,
    /// The provider's unified social credit code.
    pub provider: OrganisationCode,
    /// What it does for the department.
    pub scope: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// The number of the security agreement (安全协议).
    pub security_agreement_number: String,
}

/// An agreement that holds, as far as credentials rest on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Which one.
    pub agreement: AgreementId,
    /// The department.
    pub organisation: OrganisationCode,
    /// Until when credentials may be valid.
    pub not_after: Timestamp,
}

/// What can be asked of an agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers it for the organisation of whoever asks.
    Register {
        /// What was agreed.
        terms: Terms,
        /// Today.
        on: Date,
        /// Who asks.
        by: Actor,
    },
    /// Ends it before its last day.
    Terminate {
        /// Today.
        on: Date,
        /// Why.
        reason: String,
        /// The department's division, as it lies now.
        region: RegionCode,
        /// Who asks: the department, or the authority over it.
        by: Actor,
    },
    /// Notes that its last day has passed.
    End {
        /// Today.
        on: Date,
    },
}

/// What happened to an agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was registered.
    Registered {
        /// The department.
        owner: Owner,
        /// What was agreed.
        terms: Terms,
    },
    /// It was ended before its last day.
    Terminated {
        /// When.
        on: Date,
        /// Why.
        reason: String,
    },
    /// Its last day passed.
    Ended {
        /// The last day.
        until: Date,
    },
}

/// Why a command about an agreement was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is none.
    #[error("agreement is not registered; register it first")]
    Absent,
    /// It says something else.
    #[error("agreement is registered already, with other terms; register another one")]
    AlreadyRegistered,
    /// It would end before it began.
    #[error("last day {until} lies before the first, {from}")]
    EndsBeforeBeginning {
        /// The last day.
        until: Date,
        /// The first day.
        from: Date,
    },
    /// It is over before it is registered.
    #[error("agreement ended on {until}; register the one that holds now")]
    AlreadyOver {
        /// The last day.
        until: Date,
    },
    /// Nobody provides services to itself.
    #[error("the provider is the organisation itself; an agreement is with somebody else")]
    OwnProvider,
    /// It has not begun.
    #[error("agreement begins on {from}; ask again then")]
    NotBegun {
        /// The first day.
        from: Date,
    },
    /// It no longer holds.
    #[error("agreement ended on {on}; register a new one")]
    Over {
        /// When.
        on: Date,
    },
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Agreement {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Register { terms, on, by } => self.register(terms, on, &by),
            Command::Terminate { on, reason, region, by } => {
                let code = self.owner().ok_or(Rejection::Absent)?;
                Owner { code, region }.may_manage(&by)?;
                self.terminate(on, reason)
            }
            Command::End { on } => Ok(self.end(on)),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Registered { owner, terms }) => {
                Self::InForce { owner: owner.code, terms }
            }
            (Self::InForce { owner, terms }, Event::Terminated { on, .. }) => {
                Self::Over { owner, terms, on }
            }
            (Self::InForce { owner, terms }, Event::Ended { until }) => {
                Self::Over { owner, terms, on: until }
            }
            (state, _) => state,
        }
    }
}

impl Agreement {
    /// The department, if there is an agreement.
    #[must_use]
    pub fn owner(&self) -> Option<OrganisationCode> {
        match self {
            Self::Absent => None,
            Self::InForce { owner, .. } | Self::Over { owner, .. } => Some(*owner),
        }
    }

    /// What credentials may rest on, at this moment.
    ///
    /// # Errors
    /// It does not hold: not yet, no longer, or there is none.
    pub fn cover(&self, agreement: AgreementId, at: Timestamp) -> Result<Cover, Rejection> {
        let today = china_date(at);
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Over { on, .. } => Err(Rejection::Over { on: *on }),
            Self::InForce { terms, .. } if today > terms.until => {
                Err(Rejection::Over { on: terms.until })
            }
            Self::InForce { terms, .. } if today < terms.from => {
                Err(Rejection::NotBegun { from: terms.from })
            }
            Self::InForce { owner, terms } => {
                let not_after = china_day_end(terms.until);
                Ok(Cover { agreement, organisation: *owner, not_after })
            }
        }
    }

    fn register(&self, terms: Terms, on: Date, by: &Actor) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => {
                terms.check(on, by)?;
                Ok(vec![Event::Registered { owner: Owner::of(by), terms }])
            }
            Self::InForce { owner, terms: known } | Self::Over { owner, terms: known, .. } => {
                by.may_act_for(owner)?;
                match *known == terms {
                    true => Ok(vec![]),
                    false => Err(Rejection::AlreadyRegistered),
                }
            }
        }
    }

    fn terminate(&self, on: Date, reason: String) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::InForce { terms, .. } if on > terms.until => {
                Err(Rejection::Over { on: terms.until })
            }
            Self::InForce { .. } => {
                text::impersonal("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::Terminated { on, reason }])
            }
            Self::Over { .. } | Self::Absent => Ok(vec![]),
        }
    }

    /// Whoever looks at the clock may be late, or wrong: it is decided here.
    fn end(&self, on: Date) -> Vec<Event> {
        match self {
            Self::InForce { terms, .. } if on > terms.until => {
                vec![Event::Ended { until: terms.until }]
            }
            Self::InForce { .. } | Self::Over { .. } | Self::Absent => vec![],
        }
    }
}

impl Terms {
    fn check(&self, today: Date, by: &Actor) -> Result<(), Rejection> {
        text::impersonal("provider name", &self.provider_name, SHORT_MAX)?;
        text::impersonal("scope", &self.scope, LONG_MAX)?;
        let number = &self.security_agreement_number;
        text::required("security agreement number", number, SHORT_MAX)?;
        if self.provider == by.organisation {
            return Err(Rejection::OwnProvider);
        }
        if self.until < self.from {
            let (until, from) = (self.until, self.from);
            return Err(Rejection::EndsBeforeBeginning { until, from });
        }
        match today > self.until {
            true => Err(Rejection::AlreadyOver { until: self.until }),
            false => Ok(()),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "AGREEMENT_ABSENT",
            Self::AlreadyRegistered => "AGREEMENT_REGISTERED_OTHERWISE",
            Self::EndsBeforeBeginning { .. } => "AGREEMENT_ENDS_BEFORE_BEGINNING",
            Self::AlreadyOver { .. } => "AGREEMENT_ALREADY_OVER",
            Self::OwnProvider => "OWN_PROVIDER",
            Self::NotBegun { .. } => "AGREEMENT_NOT_BEGUN",
            Self::Over { .. } => "AGREEMENT_OVER",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
