//! TensorBoard's event file: TFRecord frames of hand-encoded protocol buffers (`tensorflow/core/util/event.proto`,
//! `framework/summary.proto`), of which only scalars are needed.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::train::{EpochRecord, Figures};
use crate::write::replace;
use crate::{Error, Result};

/// The file's name in a run's folder; TensorBoard looks for `tfevents` in it.
pub const FILE: &str = "events.out.tfevents.gpu-bearing";

/// An event file under way. Its frames carry checksums, so that readers may follow while it grows.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    /// How the windows were divided, in the name of every figure's group.
    split: String,
    /// Seconds since 1970 of the last event: the file's begin and what the epochs took.
    time: f64,
}

impl Events {
    /// Begins the event file in `folder` anew with the epochs that are complete; `split` says in words how the windows
    /// were divided.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(folder: &Path, split: &str, epochs: &[EpochRecord]) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let time = now - epochs.iter().map(|record| record.seconds).sum::<f64>();
        let mut events = Self { path: folder.join(FILE), split: split.to_owned(), time };
        let mut file = frame(&event(time, 0, &string(3, "brain.Event:2")));
        for record in epochs {
            file.extend(events.frame_of(record));
        }
        replace(&events.path, &file)?;
        Ok(events)
    }

    /// Appends an epoch.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, record: &EpochRecord) -> Result<()> {
        let frame = self.frame_of(record);
        let written =
            OpenOptions::new().append(true).open(&self.path).and_then(|mut file| file.write_all(&frame));
        written.map_err(|cause| Error::write(&self.path, &cause))
    }

    fn frame_of(&mut self, record: &EpochRecord) -> Vec<u8> {
        self.time += record.seconds;
        let mut values = value("learning rate", record.learning_rate);
        values.extend(value("seconds", record.seconds));
        for (part, figures) in
            [("train", record.train), ("validation", record.validation), ("test", record.test)]
        {
            let Some(Figures { loss, accuracy, balanced_accuracy, .. }) = figures else { continue };
            for (name, figure) in
                [("loss", loss), ("accuracy", accuracy), ("balanced accuracy", balanced_accuracy)]
            {
                values.extend(value(&format!("{name} ({})/{part}", self.split), figure));
            }
        }
        frame(&event(self.time, record.epoch, &bytes(5, &values)))
    }
}

/// `Event`: wall_time = 1, step = 2, and one of file_version = 3 and summary = 5.
fn event(time: f64, step: usize, what: &[u8]) -> Vec<u8> {
    [&[1 << 3 | 1][..], &time.to_le_bytes(), &[2 << 3], &varint(step), what].concat()
}

/// `Summary`'s value = 1, a `Value`: tag = 1, simple_value = 2.
fn value(tag: &str, figure: f64) -> Vec<u8> {
    bytes(1, &[&string(1, tag)[..], &[2 << 3 | 5], &(figure as f32).to_le_bytes()].concat())
}

fn string(field: u8, text: &str) -> Vec<u8> {
    bytes(field, text.as_bytes())
}

/// A field of a length and so many bytes.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2][..], &varint(content.len()), content].concat()
}

/// Seven bits a byte, the lowest first; all but the last have the eighth set.
fn varint(mut number: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    while number >= 0x80 {
        encoded.push(number as u8 | 0x80);
        number >>= 7;
    }
    encoded.push(number as u8);
    encoded
}

/// A TFRecord: length, its checksum, content, its checksum; all little-endian.
fn frame(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    let (of_length, of_content) = (checksum(&length).to_le_bytes(), checksum(content).to_le_bytes());
    [&length[..], &of_length, content, &of_content].concat()
}

/// TFRecord's mask of a CRC-32C: turned, and moved by a constant.
fn checksum(content: &[u8]) -> u32 {
    crc32c(content).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: a few hundred bytes an epoch need no table.
pub fn crc32c(content: &[u8]) -> u32 {
    !content.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}
