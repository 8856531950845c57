//! Tests that need no adapter.

mod model;
