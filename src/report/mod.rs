//! What people look at: tables and lines for the terminal.

pub mod figures;
pub mod shell;
pub mod table;

pub use table::{Align, Table};
