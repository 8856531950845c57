//! What plain classifiers (a forest, logistic regression) learn from: a few figures of a window that do not change with
//! its scale.

use std::ops::Range;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::bearing::{Bearing, Fault};
use super::envelope::{hann, squares};
use crate::error::{Error, Result};

/// The shortest window, in samples.
pub const LEAST_SAMPLES: usize = 64;

/// Equal bands whose energies are taken.
const ENERGIES: usize = 8;

/// Bands whose envelopes are taken, in twelfths of the highest frequency: at 12 kHz 0.5 to 1.5 kHz and so on. What the
/// machine itself swings at lies below, and the filter against aliasing above.
const ENVELOPES: [(f64, f64); 5] = [(1.0, 3.0), (3.0, 5.0), (5.0, 7.0), (7.0, 9.0), (9.0, 11.4)];

/// Harmonics of a line in an envelope's spectrum.
const HARMONICS: usize = 2;

/// A line is sought within this share of its frequency, and compared with the median within the other, in bins at least.
const LINE: (f64, f64) = (0.01, 1.5);
const AROUND: (f64, f64) = (0.1, 8.0);
/// A line in a lower bin than this cannot be told from the mean.
const LOWEST_BIN: f64 = 3.0;

/// Keeps logarithms finite where a window or a band of it is silent.
const TINY: f64 = 1e-12;

/// Computes the figures of windows of one length at one rate, with transforms planned once.
pub struct Features {
    samples: usize,
    rate_hz: f64,
    forward: Arc<dyn RealToComplex<f64>>,
    weights: Vec<f64>,
    bands: Vec<BandPlan>,
}

/// How the envelope of a band is computed.
struct BandPlan {
    bins: Range<usize>,
    inverse: Arc<dyn Fft<f64>>,
    forward: Arc<dyn RealToComplex<f64>>,
    weights: Vec<f64>,
}

impl Features {
    /// For windows of `samples` samples at `rate_hz`.
    ///
    /// # Errors
    /// Fewer than [`LEAST_SAMPLES`] samples, or a rate that is not above 0.
    pub fn new(samples: usize, rate_hz: f64) -> Result<Self> {
        if samples < LEAST_SAMPLES {
            return Err(Error::input(format!(
                "a window of {samples} samples is too short to describe: take at least {LEAST_SAMPLES}"
            )));
        }
        if !(rate_hz.is_finite() && rate_hz > 0.0) {
            return Err(Error::input(format!("sampling rate of {rate_hz} Hz: must be above 0")));
        }
        let (mut real, mut complex) = (RealFftPlanner::new(), FftPlanner::new());
        let bin = |twelfths: f64| (twelfths / 12.0 * (samples / 2) as f64).round() as usize;
        let band = |(low, high): (f64, f64)| {
            let bins = bin(low)..bin(high);
            let length = (2 * bins.len()).next_power_of_two();
            let (inverse, forward) = (complex.plan_fft_inverse(length), real.plan_fft_forward(length));
            BandPlan { bins, inverse, forward, weights: hann(length).collect() }
        };
        let bands = ENVELOPES.map(band).into();
        let forward = real.plan_fft_forward(samples);
        Ok(Self { samples, rate_hz, forward, weights: hann(samples).collect(), bands })
    }

    /// The names of the figures, in their order. Figures of fault frequencies are there only where the shaft speed is
    /// known.
    pub fn names(with_rpm: bool) -> Vec<String> {
        let mut names = vec!["kurtosis".to_owned(), "crest factor".to_owned()];
        names.extend((1..=ENERGIES).map(|band| format!("energy {band}")));
        for band in 1..=ENVELOPES.len() {
            names.push(format!("envelope {band} variation"));
            for line in LINES.iter().filter(|_| with_rpm) {
                let name = line.map_or("shaft", Fault::name);
                names.extend((1..=HARMONICS).map(|k| format!("envelope {band} {name} x{k}")));
            }
        }
        names
    }

    /// The figures of a window, as [`Features::names`] lists them, for a shaft at `rpm` in `bearing`:
    /// * kurtosis (3 for Gaussian noise) and crest factor;
    /// * of eight equal bands the logarithm of each one's share of the energy;
    /// * of five bands the logarithm of the squared envelope's variance over its squared mean, and for each fault
    ///   frequency, the shaft's and their second harmonics the logarithm of the line over the median around it in the
    ///   squared-envelope spectrum: 0 where a window is too short to resolve it.
    ///
    /// All are finite; of a constant window all but the energies' logarithms are 0.
    ///
    /// # Panics
    /// If the window has another length than the one planned for.
    pub fn of(&self, window: &[f32], rpm: Option<f64>, bearing: &Bearing) -> Vec<f64> {
        assert_eq!(window.len(), self.samples, "windows have the length that was planned for");
        let standard = standardised(window);
        let mut figures = vec![
            standard.iter().map(|x| x.powi(4)).sum::<f64>() / self.samples as f64,
            standard.iter().fold(0.0, |most: f64, x| most.max(x.abs())),
        ];
        let powers: Vec<f64> =
            self.transform(&standard, Some(&self.weights)).iter().map(Complex::norm_sqr).collect();
        let total = powers.iter().sum::<f64>() + TINY;
        let edge = |band: usize| band * powers.len() / ENERGIES;
        figures.extend((0..ENERGIES).map(|band| {
            let energy: f64 = powers[edge(band)..edge(band + 1)].iter().sum();
            (energy / total + TINY).ln()
        }));
        let spectrum = self.transform(&standard, None);
        for band in &self.bands {
            self.envelope(band, &spectrum, rpm, bearing, &mut figures);
        }
        figures
    }

    fn transform(&self, standard: &[f64], weights: Option<&[f64]>) -> Vec<Complex<f64>> {
        let mut samples = standard.to_vec();
        if let Some(weights) = weights {
            samples.iter_mut().zip(weights).for_each(|(x, weight)| *x *= weight);
        }
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(&mut samples, &mut spectrum).expect("the plan made both buffers");
        spectrum
    }

    fn envelope(
        &self,
        band: &BandPlan,
        spectrum: &[Complex<f64>],
        rpm: Option<f64>,
        bearing: &Bearing,
        figures: &mut Vec<f64>,
    ) {
        let mut squared = squares(&spectrum[band.bins.clone()], &band.inverse);
        let count = squared.len() as f64;
        let mean = squared.iter().sum::<f64>() / count;
        // A silent band has an envelope of 1 throughout, not one of rounding errors.
        let silent = mean <= TINY * self.samples as f64;
        squared.iter_mut().for_each(|e| *e = if silent { 1.0 } else { *e / mean });
        let variance = squared.iter().map(|e| (e - 1.0).powi(2)).sum::<f64>() / count;
        figures.push(if silent { 0.0 } else { (variance + TINY).ln() });
        let Some(rpm) = rpm else { return };
        let orders = LINES.map(|line| line.map_or(1.0, |fault| bearing.order(fault)));
        if silent {
            figures.extend([0.0; LINES.len() * HARMONICS]);
            return;
        }
        squared.iter_mut().zip(&band.weights).for_each(|(e, weight)| *e = (*e - 1.0) * weight);
        let mut lines = band.forward.make_output_vec();
        band.forward.process(&mut squared, &mut lines).expect("the plan made both buffers");
        // Bins are as far apart as those of the window's own spectrum; beyond the width of the band there are none.
        let sizes: Vec<f64> = lines.iter().take(band.bins.len()).map(|bin| bin.norm()).collect();
        let bins_per_order = rpm / 60.0 * self.samples as f64 / self.rate_hz;
        for order in orders {
            figures
                .extend((1..=HARMONICS).map(|k| line_over_median(&sizes, k as f64 * order * bins_per_order)));
        }
    }
}

/// Lines that are looked for in each envelope's spectrum; without a fault, the shaft's.
const LINES: [Option<Fault>; 5] =
    [Some(Fault::InnerRace), Some(Fault::OuterRace), Some(Fault::Ball), Some(Fault::Cage), None];

/// With a mean of 0 and a standard deviation of 1; all 0 where the window is constant.
fn standardised(window: &[f32]) -> Vec<f64> {
    let count = window.len() as f64;
    let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = window.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    // Below this, what differs from the mean is rounding.
    let scale = if variance > 1e-20 * mean * mean { 1.0 / variance.sqrt() } else { 0.0 };
    window.iter().map(|&x| (f64::from(x) - mean) * scale).collect()
}

/// The logarithm of the largest line about `bin` over the median around; 0 where it cannot be resolved.
fn line_over_median(sizes: &[f64], bin: f64) -> f64 {
    let within = |(share, bins): (f64, f64)| {
        let reach = (share * bin).max(bins);
        let first = (bin - reach).ceil().max(0.0) as usize;
        sizes.get(first..(bin + reach) as usize + 1)
    };
    let (Some(line), Some(around)) = (within(LINE), within(AROUND)) else { return 0.0 };
    if bin < LOWEST_BIN {
        return 0.0;
    }
    let mut around = around.to_vec();
    let middle = around.len() / 2;
    let median = *around.select_nth_unstable_by(middle, f64::total_cmp).1;
    ((line.iter().copied().fold(0.0, f64::max) + TINY) / (median + TINY)).ln()
}
