//! The paper's experiments, ours beside theirs: tables for the terminal and the page, and the page itself.

mod page;
mod sheets;

pub use page::{files, page};
pub use sheets::{sheets, split};
