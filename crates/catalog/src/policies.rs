//! What the catalogue does of itself: its commands' ids follow from events, so each may be repeated.

mod causes;
mod deadlines;

pub(crate) use causes::Causes;
pub(crate) use deadlines::Deadlines;
