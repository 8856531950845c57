//! What people look at: tables and lines for the terminal, plots as SVG.

pub mod bench;
pub mod figures;
pub mod plot;
pub mod table;
pub mod tensorboard;

pub use table::{Align, Table};
