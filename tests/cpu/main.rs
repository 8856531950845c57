//! Tests that need no adapter.

mod catalogue;
mod folder;
mod mat;
mod wav;
