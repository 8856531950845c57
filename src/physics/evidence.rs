//! Whether a signal shows the lines of a fault: a score for each, and a verdict.
//!
//! Two squared-envelope spectra of the whitened signal are read together: that of the whole, where a fault that rings
//! over all frequencies stands out, and that of the most impulsive band. Each is divided by the noise around, the median over
//! 0.4 of the shaft's speed, so that pure noise has a mean power of 1. A fault's score is the sum, over both spectra and
//! the harmonics k = 1 to 5, of 0.7^(k - 1) times (log power of the line less [`MARGIN`], where it is above 0) and half as
//! much for the mean log power of the sidebands that the load sets beside it. Rolling elements slip, and name plates
//! round: the frequency is sought within [`SLIP`], the same for all harmonics, where the score is highest.

use serde::Serialize;

use super::bearing::{Bearing, Fault};
use super::envelope::{Band, Spectrum, Whitened};
use crate::error::{Error, Result};

/// The least score that is evidence, chosen by what is no fault of a bearing: of 400 signals of white noise (2 to 10 s at
/// 12 kHz and 2.3 s at 48 kHz) the highest score of any fault was 4.9, of CWRU's healthy recordings, 97 to 100, 4.3, of the
/// synthetic sample's healthy ones 3.8 and of its loose ones, whose half orders lie near BPFI, 7.9.
pub const THRESHOLD: f64 = 8.0;

/// By how much a fault's frequency may differ from the bearing's kinematics, either way.
pub const SLIP: f64 = 0.02;
const SLIP_STEP: f64 = 0.0005;

/// Harmonics that are looked at.
pub const HARMONICS: usize = 5;
/// What a harmonic counts for, beside the one before.
const DECAY: f64 = 0.7;
/// What sidebands count for, beside their line.
const SIDEBANDS: f64 = 0.5;
/// Of a line's log power over the noise, what noise alone gives often enough.
const MARGIN: f64 = 0.5;
/// A line of this power over the noise is one that is found: 10 dB.
const FOUND: f64 = 10.0;
/// Over how much of the shaft's speed the noise around a line is taken.
const NOISE_WIDTH: f64 = 0.4;
/// Bins of which a median is worth taking.
const LEAST_BINS: usize = 16;
/// Turns of the shaft that a signal needs, so that the lines of different faults do not run into each other.
pub const LEAST_TURNS: f64 = 16.0;

/// What a signal shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The fault with the strongest evidence; none where no score reaches the threshold.
    pub verdict: Option<Fault>,
    /// The least score that is evidence.
    pub threshold: f64,
    /// Shaft speed in Hz.
    pub shaft_hz: f64,
    /// The band whose envelope is the most impulsive.
    pub band: Band,
    /// The kurtosis of the analytic signal in that band: 0 for Gaussian noise.
    pub kurtosis: f64,
    /// By score, the highest first; the cage comes last, since its turns modulate what balls and races show. Its lines
    /// alone tell of the cage or of a ball: both change the load once a turn of the cage.
    pub faults: Vec<FaultEvidence>,
    /// The squared-envelope spectrum of the band.
    pub spectrum: Spectrum,
}

/// What a signal shows of one fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultEvidence {
    /// The fault.
    pub fault: Fault,
    /// Where it would strike without slip, in Hz.
    pub frequency_hz: f64,
    /// How clearly its lines stand out of the noise: 0 for none at all.
    pub score: f64,
    /// How much faster than by kinematics it strikes where the score is highest: 0.01 for 1 %.
    pub slip: f64,
    /// Its lines up to the highest that the spectrum has room for.
    pub lines: Vec<Line>,
}

/// A line of a fault, at its best slip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// 1 for the fault's own frequency.
    pub harmonic: usize,
    /// Frequency in Hz.
    pub frequency_hz: f64,
    /// Its power over the noise around, in the clearer of both spectra.
    pub power: f64,
    /// Whether that is 10 dB or more.
    pub found: bool,
}

/// Weighs the evidence for each fault of `bearing` in `signal`, sampled at `rate_hz`, of a shaft turning at `rpm`.
///
/// # Errors
/// The speed or rate is not above 0, the signal is shorter than [`LEAST_TURNS`] turns of the shaft or not finite or
/// constant, or the rate is too low for the fault frequencies.
pub fn diagnose(signal: &[f32], rate_hz: f64, rpm: f64, bearing: &Bearing) -> Result<Evidence> {
    check(signal, rate_hz, rpm, bearing)?;
    let shaft = rpm / 60.0;
    let reach = |fault| {
        HARMONICS as f64 * bearing.order(fault) * (1.0 + SLIP) + bearing.modulation(fault).unwrap_or(0.0)
    };
    let highest = Fault::ALL.map(reach).into_iter().fold(0.0, f64::max) * shaft;
    // The band is at least as wide as the fastest swing of its envelope.
    let limit = (highest + NOISE_WIDTH * shaft).min(rate_hz / 4.0);

    let mut whitened = Whitened::new(signal, rate_hz);
    let (band, kurtosis) = whitened.most_impulsive_band(limit);
    let whole = whitened.whole();
    let spectrum = whitened.envelope_spectrum(band, limit);
    let whole = whitened.envelope_spectrum(whole, limit);
    let powers = [over_noise(&whole, shaft), over_noise(&spectrum, shaft)];

    let mut faults: Vec<FaultEvidence> = Fault::ALL
        .into_iter()
        .map(|fault| of_fault(fault, bearing, shaft, spectrum.step_hz, &powers))
        .collect();
    faults.sort_by(|a, b| {
        (a.fault == Fault::Cage).cmp(&(b.fault == Fault::Cage)).then(b.score.total_cmp(&a.score))
    });
    let verdict = faults.iter().find(|evidence| evidence.score >= THRESHOLD).map(|evidence| evidence.fault);
    Ok(Evidence { verdict, threshold: THRESHOLD, shaft_hz: shaft, band, kurtosis, faults, spectrum })
}

fn check(signal: &[f32], rate_hz: f64, rpm: f64, bearing: &Bearing) -> Result<()> {
    if !(rpm.is_finite() && rpm > 0.0) {
        return Err(Error::input(format!("shaft speed of {rpm} rpm: must be above 0")));
    }
    if !(rate_hz.is_finite() && rate_hz > 0.0) {
        return Err(Error::input(format!("sampling rate of {rate_hz} Hz: must be above 0")));
    }
    let turns = signal.len() as f64 / rate_hz * rpm / 60.0;
    if turns < LEAST_TURNS {
        return Err(Error::input(format!(
            "{} samples at {rate_hz} Hz are {turns:.1} turns of a shaft at {rpm} rpm, too few to tell fault frequencies \
             apart: record at least {LEAST_TURNS} turns",
            signal.len()
        )));
    }
    let fastest = Fault::ALL.map(|fault| bearing.order(fault)).into_iter().fold(0.0, f64::max) * rpm / 60.0;
    // The envelope of half the spectrum swings no faster than this.
    if fastest > rate_hz / 5.0 {
        return Err(Error::input(format!(
            "a sampling rate of {rate_hz} Hz is too low for fault frequencies up to {fastest:.0} Hz: record at \
             {:.0} Hz or more",
            5.0 * fastest
        )));
    }
    if signal.iter().any(|x| !x.is_finite()) || signal.iter().all(|x| *x == signal[0]) {
        return Err(Error::input("the signal is constant or not finite: there is nothing to analyse"));
    }
    Ok(())
}

/// Power over that of the noise around, whose mean becomes 1. The median of an exponential distribution, as noise has
/// it, is ln 2 of its mean.
fn over_noise(spectrum: &Spectrum, shaft_hz: f64) -> Vec<f64> {
    let powers: Vec<f64> = spectrum.amplitudes.iter().map(|&a| f64::from(a).powi(2)).collect();
    let width = ((NOISE_WIDTH * shaft_hz / spectrum.step_hz) as usize).max(LEAST_BINS).min(powers.len());
    let medians: Vec<f64> = (0..=powers.len() - width)
        .step_by(width / 2)
        .map(|start| {
            let mut block = powers[start..start + width].to_vec();
            *block.select_nth_unstable_by(width / 2, f64::total_cmp).1
        })
        .collect();
    let noise = |bin: usize| {
        let place = (bin as f64 - width as f64 / 2.0) / (width / 2) as f64;
        let place = place.clamp(0.0, (medians.len() - 1) as f64);
        let (before, share) = (place as usize, place.fract());
        let after = (before + 1).min(medians.len() - 1);
        (medians[before] + share * (medians[after] - medians[before])) / std::f64::consts::LN_2
    };
    powers.iter().enumerate().map(|(bin, power)| power / (noise(bin) + f64::MIN_POSITIVE)).collect()
}

/// The highest power within a bin of a frequency; none beyond the spectrum.
fn power_at(powers: &[f64], bin: f64) -> Option<f64> {
    let bin = bin.round() as usize;
    let around = powers.get(bin.saturating_sub(1)..bin + 2)?;
    Some(around.iter().copied().fold(0.0, f64::max))
}

fn of_fault(
    fault: Fault,
    bearing: &Bearing,
    shaft_hz: f64,
    step_hz: f64,
    powers: &[Vec<f64>; 2],
) -> FaultEvidence {
    let frequency = bearing.order(fault) * shaft_hz;
    let modulation = bearing.modulation(fault).map(|order| order * shaft_hz);
    let log = |powers: &[f64], hz: f64| power_at(powers, hz / step_hz).map(|power| (power + 0.1).ln());
    let clear = |log: f64| (log - MARGIN).max(0.0);
    let score_of = |harmonic: usize, hz: f64| -> f64 {
        let of_spectrum = |powers: &Vec<f64>| {
            let line = log(powers, hz).map_or(0.0, clear);
            let sidebands = modulation
                .and_then(|apart| Some(clear(0.5 * (log(powers, hz - apart)? + log(powers, hz + apart)?))));
            line + SIDEBANDS * sidebands.unwrap_or(0.0)
        };
        DECAY.powi(harmonic as i32 - 1) * powers.iter().map(of_spectrum).sum::<f64>()
    };
    let steps = (SLIP / SLIP_STEP).round() as i32;
    // From no slip outwards, so that of equal scores the one without slip is kept.
    let mut slips: Vec<f64> = (-steps..=steps).map(|step| f64::from(step) * SLIP_STEP).collect();
    slips.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let mut best = (f64::NEG_INFINITY, 0.0);
    for slip in slips {
        let score = (1..=HARMONICS).map(|k| score_of(k, k as f64 * frequency * (1.0 + slip))).sum();
        if score > best.0 {
            best = (score, slip);
        }
    }
    let (score, slip) = best;
    let line = |harmonic: usize| {
        let frequency_hz = harmonic as f64 * frequency * (1.0 + slip);
        let power =
            powers.iter().filter_map(|powers| power_at(powers, frequency_hz / step_hz)).reduce(f64::max)?;
        Some(Line { harmonic, frequency_hz, power, found: power >= FOUND })
    };
    let lines = (1..=HARMONICS).map_while(line).collect();
    FaultEvidence { fault, frequency_hz: frequency, score, slip, lines }
}
