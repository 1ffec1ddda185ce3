//! Tells a story as it happens: each step, what came of it, and how long it took.

use std::fmt::Display;
use std::future::Future;
use std::time::Instant;

use crate::output::print_line;

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A person at a terminal.
    Person,
    /// Nobody: a test, or a machine that reads the report at the end.
    Nobody,
}

/// Prints steps.
pub struct Narrator {
    audience: Audience,
    steps: u32,
    started: Instant,
}

// === impl Narrator ===

impl Narrator {
    /// Begins a story.
    #[must_use]
    pub fn new(audience: Audience) -> Self {
        Self { audience, steps: 0, started: Instant::now() }
    }

    /// Begins a chapter.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn chapter(&self, title: &str) -> anyhow::Result<()> {
        self.say(format_args!("\n{title}"))
    }

    /// Does a step, and says what it was and how long it took. What it returns is said below it.
    ///
    /// # Errors
    /// The step failed, with its number and name.
    pub async fn step<T>(
        &mut self,
        title: &str,
        step: impl Future<Output = anyhow::Result<(T, String)>>,
    ) -> anyhow::Result<T> {
        use anyhow::Context as _;

        self.steps += 1;
        let started = Instant::now();
        let (value, said) =
            step.await.with_context(|| format!("step {} failed: {title}", self.steps))?;
        let duration_ms = started.elapsed().as_millis();
        self.say(format_args!("{:>3}. {title}  [{duration_ms} ms]", self.steps))?;
        for line in said.lines() {
            self.say(format_args!("       {line}"))?;
        }
        Ok(value)
    }

    /// Says something between steps.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn say(&self, line: impl Display) -> anyhow::Result<()> {
        match self.audience {
            Audience::Person => print_line(line),
            Audience::Nobody => Ok(()),
        }
    }

    /// How many steps there were, and how many seconds since the beginning.
    #[must_use]
    pub fn summary(&self) -> (u32, f64) {
        (self.steps, self.started.elapsed().as_secs_f64())
    }
}
