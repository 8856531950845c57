//! The CWRU catalogue: what the bearing data centre of Case Western Reserve University publishes about each
//! of its 161 files, compiled in from `data/cwru.csv`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::grade::Grade;
use super::recording::Facts;

/// One published file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// The file's official number: `97` for `97.mat`.
    pub number: u32,
    /// The end of the motor whose bearing carries the fault; healthy recordings have none.
    pub fault_end: Option<End>,
    /// `normal`, `ball`, `inner race` or `outer race`.
    pub condition: String,
    /// Fault diameter in inch; healthy recordings have none.
    pub fault_inch: Option<f64>,
    /// Position of an outer-race fault on the clock face, the load zone being centred at 6:00.
    pub position: Option<String>,
    /// Motor load in hp.
    pub load_hp: f64,
    /// Nominal shaft speed in rpm for that load; the files' own figures differ by a few rpm.
    pub rpm: f64,
    /// Sampling rate in Hz: 48 000 for the healthy recordings and the 48k series, otherwise 12 000.
    pub rate_hz: f64,
    /// How plainly the drive end's channel shows the fault; only the 12k series of drive end faults is graded here.
    pub grade: Option<Grade>,
    /// Size of the published file in bytes.
    pub bytes: u64,
    /// SHA-256 of the published file in lower-case hex.
    pub sha256: String,
}

/// An end of the test rig's motor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The drive end, an SKF 6205-2RS.
    Drive,
    /// The fan end, an SKF 6203-2RS.
    Fan,
}

impl Entry {
    /// The physical bearing: end, condition and fault diameter, such as `DE inner race 0.007`. The positions
    /// of an outer-race fault of one size count as one bearing, since the data centre does not say otherwise
    /// and a split must err on the strict side; so do both sampling rates. Healthy recordings share `normal`.
    pub fn bearing(&self) -> String {
        match (self.fault_end, self.fault_inch) {
            (Some(end), Some(inch)) => {
                let end = if end == End::Drive { "DE" } else { "FE" };
                format!("{end} {} {inch}", self.condition)
            }
            _ => self.condition.clone(),
        }
    }

    /// The catalogue's facts in a recording's form, with the nominal speed and the grade of the drive end's channel.
    pub fn facts(&self) -> Facts {
        Facts {
            condition: Some(self.condition.clone()),
            bearing: Some(self.bearing()),
            rpm: Some(self.rpm),
            load: Some(self.load_hp),
            fault_size: self.fault_inch,
            position: self.position.clone(),
            cwru: Some(self.number),
            grade: self.grade,
        }
    }
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    csv::Reader::from_reader(include_str!("../../data/cwru.csv").as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("data/cwru.csv is compiled in and covered by a test")
});

/// All 161 entries, by number.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The entry with an official number.
pub fn by_number(number: u32) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.number == number)
}

/// The entry whose published file has this SHA-256 (lower-case hex).
pub fn by_sha256(sha256: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.sha256 == sha256)
}

/// Whether any published file has this size in bytes: saves hashing files that cannot match.
pub fn has_size(bytes: u64) -> bool {
    entries().iter().any(|entry| entry.bytes == bytes)
}

/// The entry that a file's stem names: its leading number, alone (`97`) or followed by `_` or `-` and a
/// remark (`97_Normal_0`). A hint only: the file's content has to fit as well.
pub fn by_stem(stem: &str) -> Option<&'static Entry> {
    let end = stem.find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len());
    let (digits, rest) = stem.split_at(end);
    if !(rest.is_empty() || rest.starts_with(['_', '-'])) {
        return None;
    }
    by_number(digits.parse().ok()?)
}
