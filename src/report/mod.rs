//! What people look at: tables and lines for the terminal.

pub mod table;

pub use table::{Align, Table};
