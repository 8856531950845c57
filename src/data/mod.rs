//! Recordings in: reading, cataloguing, resampling, windows and splits. Knows nothing of a GPU.

pub mod classes;
pub mod order;
pub mod protocol;
pub mod recording;
pub mod resample;
pub mod sample;
pub mod seed;
pub mod split;
pub mod split_record;
pub mod synth;
pub mod windows;
pub mod write;

pub use recording::{Facts, Recording};
