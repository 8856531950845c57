//! What goes wrong between a machine and its recording, done to recordings: noise, gain, a clock that is off.
//!
//! A change of speed is not among them. It moves the shaft's and the fault's frequencies and leaves the resonances of
//! the housing where they are, and nobody can tell the two apart in one recording well enough to move one of them.
//! Resampling moves both: that is what a wrong clock does, and what [`Perturbation::Clock`] is.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use super::Recording;
use super::resample::resample;
use super::seed::{Purpose, normal, stream};
use super::windows::Window;
use crate::{Error, Result};

/// Something that is done to recordings, more or less of it by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Perturbation {
    /// Gaussian noise is added. The level is the signal-to-noise ratio in dB: of the recording's power about its mean,
    /// over all its samples, to the noise's.
    Noise(Colour),
    /// Every sample is multiplied by a factor, by level in dB: another sensor, or another setting of its amplifier.
    Gain,
    /// The recorder's clock runs fast, by level in percent, so that a signal taken at more samples a second is held for
    /// one of the stated rate: all frequencies seem lower by that. Below zero it runs slow, and what lies above its own
    /// Nyquist frequency is lost.
    Clock,
}

/// The spectrum of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The same power at all frequencies: electronics.
    White,
    /// Power that falls as 1 / f, 3 dB an octave: flow and friction.
    Pink,
    /// White noise behind a Butterworth low-pass of second order at [`CORNER`], so that power falls by 12 dB an octave
    /// above it: other machines, through the ground.
    LowPass,
}

/// The corner of low-pass noise as a share of the sampling rate: 600 Hz at 12 kHz, below what bearings make ring.
pub const CORNER: f64 = 0.05;

impl Perturbation {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Noise(Colour::White),
        Self::Noise(Colour::Pink),
        Self::Noise(Colour::LowPass),
        Self::Gain,
        Self::Clock,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Noise(Colour::White) => "white noise",
            Self::Noise(Colour::Pink) => "pink noise",
            Self::Noise(Colour::LowPass) => "low-pass noise",
            Self::Gain => "gain",
            Self::Clock => "clock error",
        }
    }

    /// What its level is, with the unit.
    pub fn quantity(self) -> &'static str {
        match self {
            Self::Noise(_) => "signal-to-noise ratio, dB",
            Self::Gain => "gain, dB",
            Self::Clock => "clock error, %",
        }
    }

    /// The levels to look at, ascending. Of gain and clock 0 is among them, which changes nothing; noise has no such
    /// level.
    pub fn levels(self) -> &'static [f64] {
        match self {
            Self::Noise(_) => &[-10.0, -5.0, 0.0, 5.0, 10.0],
            // From a tenth to ten times.
            Self::Gain => &[-20.0, -14.0, -6.0, 0.0, 6.0, 14.0, 20.0],
            Self::Clock => &[-10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0],
        }
    }

    /// The `recordings` with it at this level, and the places of the `windows` of `length` samples in them. Noise is a
    /// function of `seed`, colour, recording number and length; at every level the same, louder or softer. Pink and
    /// low-pass noise may differ in the last bits from one processor to another.
    ///
    /// A clock's windows keep their middles, or lie at an end of the recording where they would reach past it. One of a
    /// slow clock spans more of the machine's time, at -10 % by 6 % of a window on either side; a split by time leaves a
    /// whole window between its parts. Windows of recordings that have become shorter than one are left out.
    ///
    /// # Errors
    /// A sampling rate that is no such.
    pub fn apply(
        self,
        level: f64,
        recordings: &[Recording],
        windows: &[Window],
        length: usize,
        seed: u64,
    ) -> Result<(Vec<Recording>, Vec<Window>)> {
        let perturbed = |(index, recording): (usize, &Recording)| {
            let signal = match self {
                Self::Noise(colour) => {
                    let noise = noise(colour, recording.signal.len(), seed, index as u64)?;
                    let rms = deviation(&recording.signal) * ratio(-level);
                    let add = |(sample, noise): (&f32, f64)| (f64::from(*sample) + rms * noise) as f32;
                    recording.signal.iter().zip(noise).map(add).collect()
                }
                Self::Gain => {
                    let factor = ratio(level);
                    recording.signal.iter().map(|sample| (f64::from(*sample) * factor) as f32).collect()
                }
                Self::Clock => {
                    let Recording { signal, rate, .. } = recording;
                    resample(signal, *rate, rate * (1.0 + level / 100.0))
                        .map_err(|error| error.within(&recording.name))?
                }
            };
            Ok(Recording {
                name: recording.name.clone(),
                signal,
                rate: recording.rate,
                facts: recording.facts.clone(),
                sha256: recording.sha256.clone(),
            })
        };
        let perturbed: Vec<Recording> =
            recordings.iter().enumerate().map(perturbed).collect::<Result<_>>()?;
        let stretch = if self == Self::Clock { 1.0 + level / 100.0 } else { 1.0 };
        let place = |window: &Window| {
            let last = perturbed[window.recording].signal.len().checked_sub(length)?;
            let half = length as f64 / 2.0;
            let start = ((window.start as f64 + half) * stretch - half).round().max(0.0) as usize;
            Some(Window { start: start.min(last), ..*window })
        };
        let places = windows.iter().filter_map(place).collect();
        Ok((perturbed, places))
    }
}

/// The ratio of amplitudes that is this many dB.
fn ratio(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

/// RMS about the mean.
fn deviation(signal: &[f32]) -> f64 {
    let samples = || signal.iter().map(|&sample| f64::from(sample));
    let count = signal.len().max(1) as f64;
    let mean = samples().sum::<f64>() / count;
    (samples().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// Noise of RMS 1 over these samples.
fn noise(colour: Colour, samples: usize, seed: u64, recording: u64) -> Result<Vec<f64>> {
    let mut rng = stream(seed, Purpose::Noise, (colour as u64) << 32 | recording);
    let mut noise: Vec<f64> = (0..samples).map(|_| normal(&mut rng)).collect();
    if colour != Colour::White {
        shape(&mut noise, |share| match colour {
            Colour::White => 1.0,
            Colour::Pink => 1.0 / share.sqrt(),
            Colour::LowPass => 1.0 / (1.0 + (share / CORNER).powi(4)).sqrt(),
        })?;
    }
    let rms = (noise.iter().map(|x| x * x).sum::<f64>() / samples.max(1) as f64).sqrt();
    noise.iter_mut().for_each(|x| *x /= rms);
    Ok(noise)
}

/// Multiplies the amplitude at each frequency, as a share of the sampling rate, by `gain`; nothing is left at 0.
fn shape(signal: &mut [f64], gain: impl Fn(f64) -> f64) -> Result<()> {
    let samples = signal.len();
    if samples < 2 {
        return Ok(());
    }
    let failed = |cause: realfft::FftError| Error::failed(format!("noise of {samples} samples: {cause}"));
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(samples);
    let mut spectrum = forward.make_output_vec();
    forward.process(signal, &mut spectrum).map_err(failed)?;
    spectrum[0] = Complex::default();
    for (line, value) in spectrum.iter_mut().enumerate().skip(1) {
        *value *= gain(line as f64 / samples as f64);
    }
    planner.plan_fft_inverse(samples).process(&mut spectrum, signal).map_err(failed)
}
