//! Tests that need no adapter.

mod order;
mod protocol;
mod resample;
mod split;
mod synth;
