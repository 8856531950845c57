//! Resampling: recordings of several rates to the one that the model works at.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::Recording;
use crate::{Error, Result};

/// Input samples a block, at least. The anti-alias filter is as long as a block: at 48 to 12 kHz it passes
/// what is below 98 % of the new Nyquist frequency and stops what is above it.
const BLOCK: u64 = 4096;

/// The largest term of a ratio of rates: bounds the blocks where two rates have nearly nothing in common, as
/// 12207.031 and 12000 Hz. The fraction used instead is off by less than 1 / `MAX_TERM`, 31 ppm, which is
/// what a recorder's clock is good for, and most often by far less.
const MAX_TERM: u64 = 1 << 15;

/// Resamples `signal` from `from_hz` to `to_hz`: low-passed below the lower Nyquist frequency, not delayed, of
/// `round(len * to_hz / from_hz)` samples. Rates are kept to a thousandth of a hertz, their ratio to a
/// fraction with terms up to 32 768; equal ones return the signal as it is.
///
/// # Errors
/// If a rate is not a positive number, or one is more than 32 768 times the other.
pub fn resample(signal: &[f32], from_hz: f64, to_hz: f64) -> Result<Vec<f32>> {
    let (from, to) = ratio(millihertz(from_hz)?, millihertz(to_hz)?);
    if from == 0 || to == 0 {
        return Err(Error::input(format!(
            "from {from_hz} to {to_hz} Hz: one is more than {MAX_TERM} times the other; check the rates"
        )));
    }
    if from == to || signal.is_empty() {
        return Ok(signal.to_vec());
    }
    // Blocks hold whole numbers of samples at both rates. Even ones have a filter whose delay, half a block,
    // is a whole number too, so that it can be taken off exactly.
    let smallest = 2 * from;
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
    output.truncate((signal.len() as f64 * to as f64 / from as f64).round() as usize);
    Ok(output)
}

/// The recording at `rate` Hz. Its checksum stays that of the samples as read, so that it is still recognised.
///
/// # Errors
/// If it was recorded at a lower rate: nothing can bring back what its sensor did not sample.
pub fn to_rate(mut recording: Recording, rate: f64) -> Result<Recording> {
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
    if recording.rate > rate {
        recording.signal = resample(&recording.signal, recording.rate, rate)
            .map_err(|error| error.within(&recording.name))?;
        recording.rate = rate;
    }
    Ok(recording)
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

/// `a / b` in lowest terms, or the last convergent of its continued fraction whose terms are at most
/// [`MAX_TERM`]. One term is 0 where the ratio itself is out of that range.
fn ratio(mut a: u64, mut b: u64) -> (u64, u64) {
    let (mut last, mut next) = ((0, 1), (1, 0));
    while b != 0 {
        let digit = a / b;
        let following = (digit * next.0 + last.0, digit * next.1 + last.1);
        if following.0.max(following.1) > MAX_TERM {
            break;
        }
        (last, next) = (next, following);
        (a, b) = (b, a % b);
    }
    next
}
