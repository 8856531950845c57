//! How often samples that decide come back, on attributions whose rhythm is known.

use std::f64::consts::TAU;

use gpu_bearing::physics::envelope::{Spectrum, squared_envelope};
use gpu_bearing::train::rhythm::Rhythm;

const RATE: f64 = 12000.0;
const LENGTH: usize = 400;
const WINDOWS: usize = 32;

/// A tone of 3 kHz whose size is `size` of the time in seconds.
fn tone(size: impl Fn(f64) -> f64) -> Vec<f32> {
    let sample = |at: usize| {
        let time = at as f64 / RATE;
        (size(time) * (TAU * 3000.0 * time).cos()) as f32
    };
    (0..WINDOWS * LENGTH).map(sample).collect()
}

#[test]
fn the_envelope_of_a_tone_is_the_square_of_its_size() {
    let size = |time: f64| 1.0 + 0.5 * (TAU * 60.0 * time).cos();
    let squared = squared_envelope(&tone(size));
    let scale = squared[1000] / size(1000.0 / RATE).powi(2);
    for (at, value) in squared.iter().enumerate() {
        let expected = scale * size(at as f64 / RATE).powi(2);
        assert!((value - expected).abs() < 1e-3 * scale, "{at}: {value} {expected}");
    }
}

#[test]
fn a_line_is_as_high_as_the_swing() {
    let swing: Vec<f64> = (0..12800).map(|at| 0.3 * (TAU * 107.8125 * at as f64 / RATE).cos()).collect();
    let spectrum = Spectrum::of(swing, RATE, 1000.0);
    assert_eq!(spectrum.step_hz, RATE / 12800.0);
    let (hz, height) = spectrum.strongest().unwrap();
    assert!(hz == 107.8125 && (height - 0.3).abs() < 1e-4, "{hz} {height}");
    let highest = spectrum.amplitudes.iter().copied().fold(0.0, f32::max);
    assert!((highest - 0.3).abs() < 1e-4, "{highest}");
    assert!(spectrum.step_hz * (spectrum.amplitudes.len() - 1) as f64 >= 1000.0);
}

#[test]
fn what_repeats_from_window_to_window_is_no_rhythm() {
    // Strikes at 107 Hz, and a network that looks much more at the middle of each window of 30 Hz.
    let strikes = |time: f64| (-((time * 107.0).fract() * 6.0)).exp();
    let middle = |time: f64| 0.1 + 5.0 * (TAU * 30.0 * time).cos().max(0.0);
    let rhythm = Rhythm::of(800, LENGTH, &tone(|t| strikes(t) + middle(t)), &tone(strikes), RATE);
    assert_eq!((rhythm.start, rhythm.windows), (800, WINDOWS));
    assert!((rhythm.seconds - 12800.0 / 12000.0).abs() < 1e-12);
    for spectrum in [&rhythm.attribution, &rhythm.signal] {
        let (hz, _) = spectrum.strongest().unwrap();
        assert!((hz - 107.0).abs() <= spectrum.step_hz, "{hz}");
        // 30 Hz is bin 32.
        let (at_window, struck) = (spectrum.amplitudes[32], spectrum.amplitudes[114]);
        assert!(at_window < 0.05 * struck, "{at_window} {struck}");
    }
    let silent = Rhythm::of(0, LENGTH, &[0.0; 4000], &[0.0; 4000], RATE);
    assert!(silent.attribution.amplitudes.iter().all(|a| *a == 0.0));
    assert_eq!(silent.attribution.strongest(), None);
}

#[test]
fn a_network_that_weighs_all_samples_alike_has_the_signal_s_rhythm() {
    let signal = tone(|time| (-((time * 107.0).fract() * 6.0)).exp());
    let attributions: Vec<f32> = signal.iter().map(|x| -0.25 * x).collect();
    let Rhythm { attribution, signal, .. } = Rhythm::of(0, LENGTH, &attributions, &signal, RATE);
    for (a, s) in attribution.amplitudes.iter().zip(&signal.amplitudes) {
        assert!((a - s).abs() < 1e-5, "{a} {s}");
    }
}
