//! What people look at: tables and lines for the terminal; drawings as SVG; pages as HTML.
//!
//! A page is put together from parts: [`page`] has its frame, tables, cards, lists and marks, [`plot`],
//! [`confusion`] and [`reliability`] make a [`drawing::Drawing`] of figures, and [`folder`] writes the page with the
//! files beside it. [`run_page`] is the page of finished [`runs`], [`reproduction`] that of the paper's experiments,
//! [`cross_validation`] that of a ladder of splits; [`spectrum`] draws what a recording shows without a model, and
//! [`attribution`] what decided with one; both draw spectra by [`envelope`].
//! [`model_card`] is the page that stays in a run's folder.

pub mod alarms;
pub mod attribution;
pub mod bench;
pub mod conclusion;
pub mod confusion;
pub mod cross_validation;
pub mod curves;
pub mod drawing;
pub mod envelope;
pub mod figures;
pub mod folder;
mod frame;
pub mod ladder;
pub mod model_card;
pub mod page;
pub mod plot;
pub mod reliability;
pub mod reproduction;
pub mod run_page;
pub mod runs;
pub mod scores;
pub mod sheet;
pub mod spectrum;
pub mod stress;
pub mod table;
pub mod tensorboard;

pub use table::{Align, Table};
