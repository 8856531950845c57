//! Tests that need no adapter.

mod model;
mod table;
