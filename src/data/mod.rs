//! Recordings in: fetching, reading, cataloguing, auditing, resampling, windows and splits. Knows nothing of a GPU.

pub mod audit;
pub mod catalogue;
pub mod classes;
pub mod fetch;
pub mod file;
pub mod folder;
pub mod folds;
pub mod grade;
pub mod info;
pub mod mat;
pub mod order;
pub mod perturb;
pub mod protocol;
pub mod recording;
pub mod resample;
pub mod sample;
pub mod seed;
pub mod split;
pub mod split_record;
pub mod synth;
pub mod wav;
pub mod windows;

pub use file::{ReadOptions, read_file, read_wav_from};
pub use folder::{Dataset, load};
pub use recording::{Facts, Recording};

use crate::error::{Error, Result};

/// The longest signal that is read, in samples: 1 GiB of f32, three hours at 25.6 kHz. A bound on what a
/// damaged or hostile file can make the reader allocate.
pub const MAX_SAMPLES: usize = 1 << 28;

/// The 0-based index of `--channel` (counted from 1) among `channels`.
fn channel_index(channel: Option<usize>, channels: usize) -> Result<usize> {
    match channel {
        None if channels == 1 => Ok(0),
        None => Err(Error::input(format!(
            "has {channels} channels: choose one with --channel 1 to --channel {channels} (or `channel` in \
             dataset.toml)"
        ))),
        Some(0) => Err(Error::input("--channel 0: channels are counted from 1")),
        Some(chosen) if chosen > channels => {
            let plural = if channels == 1 { "" } else { "s" };
            Err(Error::input(format!(
                "--channel {chosen}: there {} {channels} channel{plural}",
                if channels == 1 { "is" } else { "are" }
            )))
        }
        Some(chosen) => Ok(chosen - 1),
    }
}

/// A number of things in words.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
