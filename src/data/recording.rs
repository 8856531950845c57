//! One recording: a mono vibration signal and what is known about it.

use sha2::{Digest, Sha256};

use super::grade::Grade;

/// What is known about a recording besides its samples. Everything may be unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The class: `normal`, `ball`, `inner race`, ... as the folder, `dataset.toml` or the catalogue names it.
    pub condition: Option<String>,
    /// The physical bearing. Recordings of one bearing never stand on both sides of a split by bearing.
    pub bearing: Option<String>,
    /// Shaft speed in rpm.
    pub rpm: Option<f64>,
    /// Motor load in hp.
    pub load: Option<f64>,
    /// Fault diameter in inch.
    pub fault_size: Option<f64>,
    /// Position of an outer-race fault on the clock face: `3:00`, `6:00`, `12:00`.
    pub position: Option<String>,
    /// The number under which the CWRU bearing data centre publishes the file.
    pub cwru: Option<u32>,
    /// How plainly experts see the fault in this signal, where they have judged it.
    pub grade: Option<Grade>,
}

/// A mono vibration signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The file's path below the data folder, with `/` between parts; names it in every output.
    pub name: String,
    /// Samples in the file's own unit, all finite.
    pub signal: Vec<f32>,
    /// Sampling rate in Hz.
    pub rate: f64,
    /// What else is known.
    pub facts: Facts,
    /// SHA-256 of the samples as read: f32, little-endian, before any resampling; lower-case hex.
    pub sha256: String,
}

impl Recording {
    /// A recording of `signal` at `rate` Hz; computes the checksum.
    pub fn new(name: impl Into<String>, signal: Vec<f32>, rate: f64, facts: Facts) -> Self {
        let sha256 = sha256_of_samples(&signal);
        Self { name: name.into(), signal, rate, facts, sha256 }
    }
}

/// The physical bearing of each of `recordings`.
pub fn bearings(recordings: &[Recording]) -> Vec<Option<String>> {
    recordings.iter().map(|recording| recording.facts.bearing.clone()).collect()
}

/// SHA-256 of samples as little-endian f32, in lower-case hex.
pub fn sha256_of_samples(signal: &[f32]) -> String {
    let mut hash = Sha256::new();
    for chunk in signal.chunks(4096) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|s| s.to_le_bytes()).collect();
        hash.update(&bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
