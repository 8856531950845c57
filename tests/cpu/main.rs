//! Tests that need no adapter.

mod model;
mod shaders;
mod table;
