//! When a delivery is due.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// The shortest span between two deliveries of a schedule: whoever needs it sooner has it on change.
const PERIOD_SECONDS_MIN: u32 = 60;
/// The longest: 366 days.
const PERIOD_SECONDS_MAX: u32 = 366 * 86_400;
/// China's time, without a database of zones.
const CHINA: Offset = Offset::constant(8);

/// When a delivery is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Once, and never again.
    Once,
    /// As often as this, counted from the last delivery.
    Every {
        /// The span between two deliveries.
        seconds: u32,
    },
    /// Each day, when the clocks in China show this time.
    Daily {
        /// The time.
        at: Time,
    },
    /// When the source has changed.
    OnChange,
}

/// A text that says no trigger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// It is none of the forms.
    #[error("trigger is none of `once`, `on-change`, `every 15m` (s, m, h or d) and `daily 02:30`")]
    Form,
    /// The span is too short or too long.
    #[error(
        "trigger's period is not between 60 s and 366 d; use `on-change` for what is to come at once"
    )]
    Period,
}

// === impl Trigger ===

impl Trigger {
    /// A schedule with this span.
    ///
    /// # Errors
    /// It is too short or too long.
    pub const fn every(seconds: u32) -> Result<Self, TriggerError> {
        match seconds {
            PERIOD_SECONDS_MIN..=PERIOD_SECONDS_MAX => Ok(Self::Every { seconds }),
            _ => Err(TriggerError::Period),
        }
    }

    /// When the next delivery is due by the clock, if the last one was then; nothing if the clock does not say.
    #[must_use]
    pub fn due_after(self, last: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Once | Self::OnChange => None,
            Self::Every { seconds } => {
                let span = SignedDuration::from_secs(i64::from(seconds));
                Some(last.checked_add(span).unwrap_or(Timestamp::MAX))
            }
            Self::Daily { at } => {
                let local = CHINA.to_datetime(last);
                let today = local.date().to_datetime(at);
                let next = match today > local {
                    true => today,
                    false => local.date().tomorrow().ok()?.to_datetime(at),
                };
                CHINA.to_timestamp(next).ok()
            }
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Once => f.write_str("once"),
            Self::OnChange => f.write_str("on-change"),
            Self::Daily { at } => write!(f, "daily {:02}:{:02}", at.hour(), at.minute()),
            Self::Every { seconds } => {
                let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
                let whole = units.into_iter().find(|(length, _)| seconds % length == 0);
                let (length, unit) = whole.unwrap_or((1, "s"));
                write!(f, "every {}{unit}", seconds / length)
            }
        }
    }
}

impl FromStr for Trigger {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Self, TriggerError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["once"] => Ok(Self::Once),
            ["on-change"] => Ok(Self::OnChange),
            ["every", period] => Self::every(seconds(period)?),
            ["daily", time] => Ok(Self::Daily { at: clock_time(time)? }),
            _ => Err(TriggerError::Form),
        }
    }
}

fn seconds(period: &str) -> Result<u32, TriggerError> {
    let unit = period.chars().next_back().ok_or(TriggerError::Form)?;
    let length: u32 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(TriggerError::Form),
    };
    let number = period.strip_suffix(unit).unwrap_or_default();
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TriggerError::Form);
    }
    let number: u32 = number.parse().map_err(|_| TriggerError::Form)?;
    number.checked_mul(length).ok_or(TriggerError::Period)
}

fn clock_time(text: &str) -> Result<Time, TriggerError> {
    let (hour, minute) = text.split_once(':').ok_or(TriggerError::Form)?;
    let two_digits = |text: &str| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())
    {
        true => text.parse::<i8>().map_err(|_| TriggerError::Form),
        false => Err(TriggerError::Form),
    };
    Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).map_err(|_| TriggerError::Form)
}

#[cfg(test)]
mod tests;
