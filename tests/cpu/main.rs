//! Tests that need no adapter.

mod order;
mod protocol;
mod split;
