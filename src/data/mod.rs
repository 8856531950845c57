//! Recordings in: reading, cataloguing, resampling, windows and splits. Knows nothing of a GPU.

pub mod recording;

pub use recording::{Facts, Recording};
