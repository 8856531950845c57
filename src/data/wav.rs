//! WAV in: integers of 8 to 32 bits and 32-bit floats, any number of channels.

use std::io::{Cursor, Read};

use hound::{SampleFormat, WavReader};

use super::{MAX_SAMPLES, channel_index};
use crate::error::{Error, Result};

/// What a WAV header states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Sampling rate in Hz.
    pub rate: f64,
    /// Number of channels.
    pub channels: usize,
    /// Bits a sample.
    pub bits: u16,
    /// Whether samples are floats.
    pub float: bool,
    /// Samples a channel as the header claims them; `None` where the writer did not know.
    pub samples: Option<usize>,
}

/// Data lengths from here on are what programs write that stream to a pipe and do not know the length.
const UNKNOWN_LENGTH: u32 = 0x7FFF_F000;

/// A reader's first bytes are looked at for the header; chunks before the samples rarely fill a kilobyte.
const HEADER_BYTES: u64 = 64 * 1024;

/// Reads the header only.
///
/// # Errors
/// Not a WAV file, or an encoding other than integers of 8 to 32 bits and 32-bit floats.
pub fn inspect(reader: impl Read) -> Result<Format> {
    open(reader).map(|(_, format)| format)
}

/// Reads one channel; integers are scaled to [-1, 1), floats are kept as they are.
///
/// `channel` counts from 1. Without it the file must have one channel. The length is bounded by the bytes
/// that are really there, never by the header's claim.
///
/// # Errors
/// As [`inspect`]; several channels and no choice, or a channel that is not there; fewer samples than the
/// header claims; more than [`MAX_SAMPLES`].
pub fn read(reader: impl Read, channel: Option<usize>) -> Result<(Vec<f32>, Format)> {
    let (mut wav, format) = open(reader)?;
    let chosen = channel_index(channel, format.channels)?;
    if format.samples.is_some_and(|samples| samples > MAX_SAMPLES) {
        return Err(too_long());
    }
    let signal = match (format.float, format.bits) {
        (true, _) => collect(wav.samples::<f32>(), chosen, &format)?,
        (false, bits) => {
            let scale = 0.5_f64.powi(i32::from(bits) - 1);
            // The product is exact in f64; one rounding to f32 happens for more than 24 bits.
            let scaled = wav.samples::<i32>().map(|s| s.map(|v| (f64::from(v) * scale) as f32));
            collect(scaled, chosen, &format)?
        }
    };
    Ok((signal, format))
}

fn collect(
    samples: impl Iterator<Item = hound::Result<f32>>,
    chosen: usize,
    format: &Format,
) -> Result<Vec<f32>> {
    let mut signal = Vec::new();
    for (index, sample) in samples.enumerate() {
        match sample {
            Ok(value) if index % format.channels == chosen => signal.push(value),
            Ok(_) => {}
            Err(cause) => match format.samples {
                None => break,
                Some(claimed) => {
                    return Err(Error::input(format!(
                        "the file is cut short: its header claims {claimed} samples a channel and it ends \
                         after {} ({cause}); copy or export it again",
                        index / format.channels,
                    )));
                }
            },
        }
        if signal.len() > MAX_SAMPLES {
            return Err(too_long());
        }
    }
    Ok(signal)
}

fn too_long() -> Error {
    Error::input(format!("longer than {MAX_SAMPLES} samples a channel; split it into shorter recordings"))
}

type Stream<R> = std::io::Chain<Cursor<Vec<u8>>, R>;

fn open<R: Read>(mut reader: R) -> Result<(WavReader<Stream<R>>, Format)> {
    let mut head = Vec::new();
    reader
        .by_ref()
        .take(HEADER_BYTES)
        .read_to_end(&mut head)
        .map_err(|cause| Error::input(format!("cannot be read: {cause}")))?;
    if head.is_empty() {
        return Err(Error::input("the file is empty (0 bytes)"));
    }
    let endless = close_open_end(&mut head);
    let wav = WavReader::new(Cursor::new(head).chain(reader)).map_err(refused)?;
    let spec = wav.spec();
    let format = Format {
        rate: f64::from(spec.sample_rate),
        channels: usize::from(spec.channels),
        bits: spec.bits_per_sample,
        float: spec.sample_format == SampleFormat::Float,
        samples: (!endless).then_some(wav.duration() as usize),
    };
    if spec.sample_rate == 0 {
        return Err(Error::input("the WAV header states a sampling rate of 0 Hz; export the file again"));
    }
    Ok((wav, format))
}

fn refused(cause: hound::Error) -> Error {
    let remedy = "8 to 32 bit integer and 32-bit float WAV can be read: export or convert the file again";
    match cause {
        hound::Error::IoError(cause) => {
            Error::input(format!("the file is cut short inside its WAV header ({cause}); {remedy}"))
        }
        hound::Error::FormatError(reason) => Error::input(format!("not a readable WAV: {reason}; {remedy}")),
        other => Error::input(format!("not a readable WAV: {other} {remedy}")),
    }
}

/// Where the samples' length was not known to the writer, puts the longest whole length in its place, so
/// that reading goes on to the end of the stream. Says whether it did.
fn close_open_end(head: &mut [u8]) -> bool {
    let word = |head: &[u8], at: usize| {
        head.get(at..at.checked_add(4)?).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    let mut frame_bytes = 0;
    let mut at: usize = 12; // after RIFF, its length and WAVE
    // Whatever is wrong with the header is for the full reader to say.
    while let Some(length) = word(head, at.saturating_add(4)) {
        match &head[at..at + 4] {
            // The frame's size is the low half of the word at 12.
            b"fmt " => frame_bytes = word(head, at + 8 + 12).unwrap_or(0) & 0xFFFF,
            b"data" if length >= UNKNOWN_LENGTH && frame_bytes > 0 => {
                let longest = u32::MAX / frame_bytes * frame_bytes;
                head[at + 4..at + 8].copy_from_slice(&longest.to_le_bytes());
                return true;
            }
            b"data" => return false,
            _ => {}
        }
        at = at.saturating_add(8).saturating_add(length as usize);
    }
    false
}
