//! What people look at: tables and lines for the terminal; drawings as SVG; pages as HTML.
//!
//! A page is put together from parts: [`page`] has its frame, tables, cards, lists and marks, [`plot`] and
//! [`confusion`] make a [`drawing::Drawing`] of figures, and [`folder`] writes the page with the files beside it.
//! [`run_page`] is the page of finished [`runs`], [`reproduction`] that of the paper's experiments.

pub mod attribution;
pub mod bench;
pub mod confusion;
pub mod curves;
pub mod drawing;
pub mod figures;
pub mod folder;
pub mod page;
pub mod plot;
pub mod reproduction;
pub mod run_page;
pub mod runs;
pub mod stress;
pub mod table;
pub mod tensorboard;

pub use table::{Align, Table};
