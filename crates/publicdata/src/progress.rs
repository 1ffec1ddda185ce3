//! How far long work is.

use indicatif::{ProgressBar, ProgressStyle};

const OF_SO_MANY: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}";
const COUNTED: &str = "{spinner} {msg}: {human_pos}, {per_sec}, {elapsed}";

/// A line for people; nothing where nobody looks. It goes when it is dropped.
pub struct Progress {
    line: ProgressBar,
    of_so_many: ProgressStyle,
    counted: ProgressStyle,
}

impl Progress {
    /// Begins to show it.
    ///
    /// # Errors
    /// The line's template is wrong: a fault of the build.
    pub fn begin() -> anyhow::Result<Self> {
        let of_so_many = ProgressStyle::with_template(OF_SO_MANY)?;
        let counted = ProgressStyle::with_template(COUNTED)?;
        let line = ProgressBar::new(0).with_style(counted.clone());
        Ok(Self { line, of_so_many, counted })
    }

    /// Shows how many are done in this step, and of how many, where that is known.
    pub fn report(&self, step: &str, done: u64, total: impl Into<Option<u64>>) {
        let total = total.into();
        if self.line.message() != step {
            let style = if total.is_some() { &self.of_so_many } else { &self.counted };
            self.line.set_style(style.clone());
            self.line.reset_elapsed();
            self.line.reset_eta();
            self.line.set_message(step.to_owned());
        }
        if let Some(total) = total {
            self.line.set_length(total);
        }
        self.line.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
