//! The sample set: the synthetic recordings of `data/sample`, compiled into the binary.

use super::{Recording, synth};
use crate::{Error, Result};

macro_rules! files {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("../../data/sample/", $name)))),*]
    };
}

/// Name below `data/sample` and content of every file, in the generator's order.
static FILES: [(&str, &[u8]); 36] = files! {
    "normal/1.wav" "normal/2.wav" "normal/3.wav"
    "normal/4.wav" "normal/5.wav" "normal/6.wav"
    "ball/1.wav" "ball/2.wav" "ball/3.wav"
    "ball/4.wav" "ball/5.wav" "ball/6.wav"
    "inner-race/1.wav" "inner-race/2.wav" "inner-race/3.wav"
    "inner-race/4.wav" "inner-race/5.wav" "inner-race/6.wav"
    "outer-race/1.wav" "outer-race/2.wav" "outer-race/3.wav"
    "outer-race/4.wav" "outer-race/5.wav" "outer-race/6.wav"
    "inner-and-outer-race/1.wav" "inner-and-outer-race/2.wav" "inner-and-outer-race/3.wav"
    "inner-and-outer-race/4.wav" "inner-and-outer-race/5.wav" "inner-and-outer-race/6.wav"
    "looseness/1.wav" "looseness/2.wav" "looseness/3.wav"
    "looseness/4.wav" "looseness/5.wav" "looseness/6.wav"
};

/// The sample's recordings, with the names and facts that reading the folder `data/sample` gives.
///
/// # Errors
/// If a file that was compiled in is not a 16-bit WAV.
pub fn recordings() -> Result<Vec<Recording>> {
    let plans = synth::plans(synth::SEED);
    FILES
        .iter()
        .zip(plans)
        .map(|((name, bytes), plan)| {
            let failed = |cause: hound::Error| Error::failed(format!("sample {name}: {cause}"));
            let mut reader = hound::WavReader::new(*bytes).map_err(failed)?;
            let rate = f64::from(reader.spec().sample_rate);
            let samples = reader.samples::<i16>().map(|s| s.map(|s| f32::from(s) / 32_768.0));
            let signal = samples.collect::<hound::Result<Vec<f32>>>().map_err(failed)?;
            Ok(Recording::new(*name, signal, rate, plan.facts))
        })
        .collect()
}
