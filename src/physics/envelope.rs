//! Squared-envelope spectra: how often the energy in a band of frequencies comes and goes.
//!
//! A strike makes the housing ring at a few kHz; how often it strikes stands not in the spectrum of the signal but in that of
//! its squared envelope. First the signal is whitened, which takes the machine's own tones and resonances away: every
//! spectral line is set to the same size and keeps its phase (cepstrum prewhitening, Borghesani et al. 2013; of the
//! methods that Smith and Randall 2015 compare on CWRU it served best). Then the band is sought whose envelope is the most
//! impulsive, by spectral kurtosis over bands of half and a third of the width at a time (Antoni 2007).

use std::ops::Range;
use std::sync::Arc;

use realfft::RealFftPlanner;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use serde::Serialize;

/// A band of frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Lower end in Hz.
    pub low_hz: f64,
    /// Upper end in Hz.
    pub high_hz: f64,
}

/// Into how many bands the whole is cut, level by level: halves and thirds in turn.
const LEVELS: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/// Below this, in Hz, accelerometers and their cables tell more of themselves than of the machine.
const LOWEST_HZ: f64 = 20.0;

/// A line that is this many times as high as the median stands out: the highest of 1000 lines of noise is about 3 times as
/// high, and hardly ever 5.
const CLEAR: f32 = 5.0;

/// The share of an envelope that is left out at either end: the ends of a recording do not meet, and the step between
/// them, whitened, is an impulse.
const TRIMMED: f64 = 0.01;

/// The whitened spectrum of a signal.
pub struct Whitened {
    /// Phases; bin i stands for i * `step_hz`.
    spectrum: Vec<Complex<f64>>,
    /// Hz from bin to bin.
    pub step_hz: f64,
    planner: FftPlanner<f64>,
    real: RealFftPlanner<f64>,
}

/// A squared-envelope spectrum from 0 Hz upwards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spectrum {
    /// Hz from one amplitude to the next.
    pub step_hz: f64,
    /// The swing of the squared envelope at each frequency, as a share of its mean.
    pub amplitudes: Vec<f32>,
}

impl Whitened {
    /// Whitens `signal`, of at least 2 samples at `rate_hz`; of awkward lengths up to a few samples at the end are left out.
    pub fn new(signal: &[f32], rate_hz: f64) -> Self {
        let samples = fast_length(signal.len());
        let mean = signal[..samples].iter().map(|&x| f64::from(x)).sum::<f64>() / samples as f64;
        let mut centred: Vec<f64> = signal[..samples].iter().map(|&x| f64::from(x) - mean).collect();
        let mut real = RealFftPlanner::new();
        let fft = real.plan_fft_forward(samples);
        let mut spectrum = fft.make_output_vec();
        fft.process(&mut centred, &mut spectrum).expect("the plan made both buffers");
        for bin in &mut spectrum {
            let size = bin.norm();
            *bin = if size > 0.0 { *bin / size } else { Complex::default() };
        }
        Self { spectrum, step_hz: rate_hz / samples as f64, planner: FftPlanner::new(), real }
    }

    /// The whole of the spectrum.
    pub fn whole(&self) -> Band {
        Band { low_hz: LOWEST_HZ, high_hz: self.highest() }
    }

    fn highest(&self) -> f64 {
        (self.spectrum.len() - 1) as f64 * self.step_hz
    }

    fn bins(&self, band: Band) -> Range<usize> {
        let bin = |hz: f64| (hz / self.step_hz).round() as usize;
        let end = bin(band.high_hz).min(self.spectrum.len());
        bin(band.low_hz.max(LOWEST_HZ)).min(end)..end
    }

    /// The band of at least `width_hz` whose envelope has the highest kurtosis, and that kurtosis: 0 for Gaussian noise.
    /// The whole spectrum where no band is that wide.
    pub fn most_impulsive_band(&mut self, width_hz: f64) -> (Band, f64) {
        let highest = self.highest();
        let mut best = (self.whole(), f64::NEG_INFINITY);
        for level in LEVELS {
            let width = highest / level as f64;
            if level > 1 && width < width_hz {
                continue;
            }
            for index in 0..level {
                let band = Band { low_hz: index as f64 * width, high_hz: (index + 1) as f64 * width };
                let squared = self.squared_envelope(band, 0);
                let kurtosis = squared.iter().map(|e| e * e).sum::<f64>() / squared.len() as f64 - 2.0;
                if kurtosis > best.1 {
                    best = (Band { low_hz: band.low_hz.max(LOWEST_HZ), ..band }, kurtosis);
                }
            }
        }
        best
    }

    /// The squared-envelope spectrum of a band, from 0 Hz up to `limit_hz`.
    pub fn envelope_spectrum(&mut self, band: Band, limit_hz: f64) -> Spectrum {
        let bins = (limit_hz / self.step_hz).ceil() as usize + 1;
        let squared = self.squared_envelope(band, bins);
        let samples = transform_length(self.bins(band).len(), bins);
        let swing: Vec<f64> = squared.iter().map(|e| e - 1.0).collect();
        Spectrum { step_hz: self.step_hz, amplitudes: lines(&mut self.real, swing, samples, bins) }
    }

    /// |x + i H(x)|^2 of the signal in a band, divided by its mean, at the rate that keeps lines up to bin `room` apart:
    /// a band alone, moved down to 0 Hz, is the analytic signal times a phase that the square drops.
    fn squared_envelope(&mut self, band: Band, room: usize) -> Vec<f64> {
        let bins = self.bins(band);
        let samples = transform_length(bins.len(), room);
        let fft = self.planner.plan_fft_inverse(samples);
        let mut analytic = squares(&self.spectrum[bins], &fft);
        let trimmed = (TRIMMED * analytic.len() as f64) as usize;
        analytic.truncate(analytic.len() - trimmed);
        analytic.drain(..trimmed);
        let mean = analytic.iter().sum::<f64>() / analytic.len() as f64;
        if mean > 0.0 {
            analytic.iter_mut().for_each(|e| *e /= mean);
        }
        analytic
    }
}

impl Spectrum {
    /// Of the swing of an envelope around its mean, as a share of it, sampled at `rate_hz`: from 0 Hz up to `limit_hz`.
    pub fn of(swing: Vec<f64>, rate_hz: f64, limit_hz: f64) -> Self {
        let samples = swing.len();
        let step_hz = rate_hz / samples as f64;
        let bins = (limit_hz / step_hz).ceil() as usize + 1;
        Self { step_hz, amplitudes: lines(&mut RealFftPlanner::new(), swing, samples, bins) }
    }

    /// The strongest line: its frequency in Hz and its amplitude. The first two bins are the Hann window's own and are not
    /// looked at. None where no line is [`CLEAR`] times as high as the median.
    pub fn strongest(&self) -> Option<(f64, f32)> {
        let lines = self.amplitudes.get(2..)?;
        let mut sorted = lines.to_vec();
        sorted.sort_by(f32::total_cmp);
        let median = *sorted.get(sorted.len() / 2)?;
        let (bin, highest) = lines.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (highest > CLEAR * median).then(|| ((bin + 2) as f64 * self.step_hz, highest))
    }
}

/// The amplitudes of the first `bins` lines of `swing` under a Hann window, transformed over `samples`: zeros behind it.
fn lines(real: &mut RealFftPlanner<f64>, mut swing: Vec<f64>, samples: usize, bins: usize) -> Vec<f32> {
    // A sine of amplitude a under the window gives a line of this times a.
    let gain = 0.25 * swing.len() as f64;
    let weights = hann(swing.len());
    swing.iter_mut().zip(weights).for_each(|(e, weight)| *e *= weight);
    swing.resize(samples, 0.0);
    let fft = real.plan_fft_forward(samples);
    let mut spectrum = fft.make_output_vec();
    fft.process(&mut swing, &mut spectrum).expect("the plan made the output, and the input has its length");
    spectrum.iter().take(bins).map(|bin| (bin.norm() / gain) as f32).collect()
}

/// |x + i H(x)|^2 of a signal over all frequencies but 0, a value a sample: not whitened.
pub fn squared_envelope(signal: &[f32]) -> Vec<f64> {
    let mut samples: Vec<f64> = signal.iter().map(|&x| f64::from(x)).collect();
    let forward = RealFftPlanner::new().plan_fft_forward(samples.len());
    let mut spectrum = forward.make_output_vec();
    forward
        .process(&mut samples, &mut spectrum)
        .expect("the plan made the output, and the input has its length");
    spectrum[0] = Complex::default();
    squares(&spectrum, &FftPlanner::new().plan_fft_inverse(signal.len()))
}

/// |inverse transform|^2 of bins with zeros behind them, unscaled.
pub(super) fn squares(bins: &[Complex<f64>], fft: &Arc<dyn Fft<f64>>) -> Vec<f64> {
    let mut analytic = bins.to_vec();
    analytic.resize(fft.len(), Complex::default());
    fft.process(&mut analytic);
    analytic.iter().map(Complex::norm_sqr).collect()
}

/// Where the spectrum of a band's square, folded, leaves the first `room` bins alone.
fn transform_length(bins: usize, room: usize) -> usize {
    (bins + room).next_power_of_two().max(2)
}

/// The Hann window.
pub(super) fn hann(samples: usize) -> impl Iterator<Item = f64> {
    let turn = std::f64::consts::TAU / samples as f64;
    (0..samples).map(move |i| 0.5 - 0.5 * (turn * i as f64).cos())
}

/// The largest even number up to `samples` without a prime factor above 5.
fn fast_length(samples: usize) -> usize {
    let smooth = |mut n: usize| {
        for prime in [2, 3, 5] {
            while n.is_multiple_of(prime) {
                n /= prime;
            }
        }
        n == 1
    };
    (2..=samples).rev().find(|&n| n.is_multiple_of(2) && smooth(n)).unwrap_or(samples)
}
