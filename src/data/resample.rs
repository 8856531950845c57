//! Resampling: recordings of several rates to the one that the model works at.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::Recording;
use crate::{Error, Result};

/// Input samples a block, at least. The anti-alias filter is as long as a block: at 48 to 12 kHz it passes
/// what is below 98 % of the new Nyquist frequency and stops what is above it.
const BLOCK: u64 = 4096;

/// Resamples `signal` from `from_hz` to `to_hz`: low-passed below the lower Nyquist frequency, not delayed, of
/// `round(len * to_hz / from_hz)` samples. Rates are kept to a thousandth of a hertz; equal ones return
/// the signal as it is.
///
/// # Errors
/// If a rate is not a positive number.
pub fn resample(signal: &[f32], from_hz: f64, to_hz: f64) -> Result<Vec<f32>> {
    let (from, to) = (millihertz(from_hz)?, millihertz(to_hz)?);
    if from == to || signal.is_empty() {
        return Ok(signal.to_vec());
    }
    // Blocks hold whole numbers of samples at both rates. Even ones have a filter whose delay, half a block,
    // is a whole number too, so that it can be taken off exactly.
    let smallest = 2 * from / gcd(from, to);
    let block = BLOCK.div_ceil(smallest) * smallest;
    let failed = |cause: &dyn std::fmt::Display| {
        Error::failed(format!("resampling {} samples from {from_hz} to {to_hz} Hz: {cause}", signal.len()))
    };
    let mut resampler = Fft::<f32>::new_custom(
        from as usize,
        to as usize,
        block as usize,
        1,
        1,
        rubato::WindowFunction::BlackmanHarris2,
        FixedSync::Both,
    )
    .map_err(|cause| failed(&cause))?;
    let input = SequentialSlice::new(signal, 1, signal.len()).map_err(|cause| failed(&cause))?;
    let output = resampler.process_all(&input, signal.len(), None).map_err(|cause| failed(&cause))?;
    let mut output = output.take_data();
    output.truncate((signal.len() as f64 * to_hz / from_hz).round() as usize);
    Ok(output)
}

/// The recording at `rate` Hz. Its checksum stays that of the samples as read, so that it is still recognised.
///
/// # Errors
/// If it was recorded at a lower rate: nothing can bring back what its sensor did not sample.
pub fn to_rate(recording: &Recording, rate: f64) -> Result<Recording> {
    if recording.rate < rate {
        return Err(Error::input(format!(
            "{}: recorded at {} Hz, below the model's rate of {rate} Hz, and holds nothing above {} Hz: train a \
             model with --target-rate {} or lower, or leave the recording out",
            recording.name,
            recording.rate,
            recording.rate / 2.0,
            recording.rate
        )));
    }
    let signal =
        resample(&recording.signal, recording.rate, rate).map_err(|error| error.within(&recording.name))?;
    Ok(Recording { signal, rate, ..recording.clone() })
}

/// The rate to train at in Hz: `target`, or the lowest of the recordings.
///
/// # Errors
/// If there are no recordings, or `target` is not a positive number.
pub fn working_rate(recordings: &[Recording], target: Option<f64>) -> Result<f64> {
    let lowest = recordings.iter().map(|recording| recording.rate).min_by(f64::total_cmp);
    let rate =
        target.or(lowest).ok_or_else(|| Error::input("no recordings, so no sampling rate to train at"))?;
    millihertz(rate).map(|_| rate)
}

fn millihertz(rate: f64) -> Result<u64> {
    let scaled = (rate * 1e3).round();
    if (1.0..1e12).contains(&scaled) {
        Ok(scaled as u64)
    } else {
        Err(Error::input(format!("sampling rate {rate} Hz: must be above 0 and below 1 GHz")))
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
