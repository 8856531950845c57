//! Tests that need no adapter.

#[path = "../goldens/mod.rs"]
mod goldens;

mod checkpoint;
mod initialise;
mod model;
