//! What people look at: tables and lines for the terminal.

pub mod figures;
pub mod table;

pub use table::{Align, Table};
