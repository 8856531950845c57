//! Perturbations of recordings: that they are what they say.

use std::f64::consts::TAU;

use gpu_bearing::data::perturb::{CORNER, Colour, Perturbation};
use gpu_bearing::data::windows::Window;
use gpu_bearing::data::{Facts, Recording};
use proptest::prelude::*;
use realfft::RealFftPlanner;

const RATE: f64 = 12_000.0;
const SAMPLES: usize = 1 << 18;
const LENGTH: usize = 1024;

/// A tone on an offset.
fn tone(hz: f64, samples: usize) -> Recording {
    let signal = (0..samples).map(|n| (3.0 + (TAU * hz * n as f64 / RATE).sin()) as f32).collect();
    Recording::new(format!("{hz} Hz"), signal, RATE, Facts::default())
}

/// The first recording with it.
fn perturbed(perturbation: Perturbation, level: f64, recording: &Recording, seed: u64) -> Vec<f32> {
    let (mut recordings, _) =
        perturbation.apply(level, std::slice::from_ref(recording), &[], LENGTH, seed).unwrap();
    recordings.remove(0).signal
}

/// What was added to the recording.
fn noise(colour: Colour, level: f64, recording: &Recording, seed: u64) -> Vec<f64> {
    let noisy = perturbed(Perturbation::Noise(colour), level, recording, seed);
    noisy.iter().zip(&recording.signal).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
}

/// Mean power of the lines of a spectrum between two shares of the sampling rate.
fn power(noise: &[f64], from: f64, to: f64) -> f64 {
    let mut noise = noise.to_vec();
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(noise.len());
    let mut spectrum = plan.make_output_vec();
    plan.process(&mut noise, &mut spectrum).unwrap();
    let line = |share: f64| (share * noise.len() as f64) as usize;
    let lines = &spectrum[line(from)..line(to)];
    lines.iter().map(|value| value.norm_sqr()).sum::<f64>() / lines.len() as f64
}

/// By how many dB the power falls from an octave to the next, which begins at this share of the sampling rate.
fn fall(noise: &[f64], share: f64) -> f64 {
    10.0 * (power(noise, share / 2.0, share) / power(noise, share, 2.0 * share)).log10()
}

#[test]
fn noise_has_the_ratio_that_was_asked_for() {
    let recording = tone(440.0, SAMPLES);
    for colour in [Colour::White, Colour::Pink, Colour::LowPass] {
        for &level in Perturbation::Noise(colour).levels() {
            let noise = noise(colour, level, &recording, 1);
            let power = noise.iter().map(|x| x * x).sum::<f64>() / noise.len() as f64;
            // A sine's is a half; the offset is no signal. Samples are rounded to f32.
            let ratio = 10.0 * (0.5 / power).log10();
            assert!((ratio - level).abs() < 1e-3, "{colour:?} at {level} dB: {ratio} dB");
        }
    }
}

#[test]
fn noise_has_the_slope_of_its_colour() {
    let recording = tone(440.0, SAMPLES);
    // Octaves of 800 lines and more: the mean of so many exponential powers strays by 4 %, 0.2 dB.
    for octave in [0.05, 0.1, 0.2] {
        let white = fall(&noise(Colour::White, 0.0, &recording, 1), octave);
        assert!(white.abs() < 0.6, "white at {octave}: {white} dB");
        let pink = fall(&noise(Colour::Pink, 0.0, &recording, 1), octave);
        assert!((pink - 3.01).abs() < 0.6, "pink at {octave}: {pink} dB");
    }
    let low_pass = noise(Colour::LowPass, 0.0, &recording, 1);
    let (below, above) = (fall(&low_pass, CORNER / 8.0), fall(&low_pass, 4.0 * CORNER));
    assert!(below.abs() < 0.6, "below the corner: {below} dB");
    assert!((above - 12.04).abs() < 0.6, "above the corner: {above} dB");
}

#[test]
fn noise_is_that_of_its_seed() {
    let recording = tone(440.0, 4001);
    for colour in [Colour::White, Colour::Pink, Colour::LowPass] {
        let noise = |seed: u64| perturbed(Perturbation::Noise(colour), 0.0, &recording, seed);
        assert_eq!(noise(1), noise(1));
        assert_ne!(noise(1), noise(2));
        let pair = [recording.clone(), recording.clone()];
        let (both, _) = Perturbation::Noise(colour).apply(0.0, &pair, &[], LENGTH, 1).unwrap();
        assert_ne!(both[0].signal, both[1].signal, "two recordings have noise of their own");
    }
    let noise = |colour| perturbed(Perturbation::Noise(colour), 0.0, &recording, 1);
    assert_ne!(noise(Colour::White), noise(Colour::Pink));
}

#[test]
fn silence_stays_silent() {
    let silence = Recording::new("silence", vec![2.0; 3000], RATE, Facts::default());
    for perturbation in [Perturbation::Noise(Colour::White), Perturbation::Noise(Colour::Pink)] {
        assert_eq!(perturbed(perturbation, -10.0, &silence, 1), silence.signal);
    }
}

#[test]
fn level_0_of_gain_and_clock_changes_nothing() {
    let recording = tone(440.0, 5000);
    let windows = [0, 1000, 5000 - LENGTH].map(|start| Window { recording: 0, start, label: 3 });
    for perturbation in [Perturbation::Gain, Perturbation::Clock] {
        assert!(perturbation.levels().contains(&0.0));
        let (same, places) =
            perturbation.apply(0.0, std::slice::from_ref(&recording), &windows, LENGTH, 1).unwrap();
        assert_eq!(same, std::slice::from_ref(&recording));
        assert_eq!(places, windows);
    }
}

#[test]
fn gain_is_a_factor() {
    let recording = tone(440.0, 100);
    for (level, factor) in [(20.0, 10.0), (-20.0, 0.1)] {
        for (a, b) in perturbed(Perturbation::Gain, level, &recording, 1).iter().zip(&recording.signal) {
            assert!((a - factor * b).abs() <= 1e-6 * a.abs(), "{a} from {b}");
        }
    }
}

/// A clock that is fast by 10 % takes 1.1 times as many samples of the same tone, which so seems lower.
#[test]
fn a_wrong_clock_moves_frequencies() {
    for level in [-10.0, -2.0, 1.0, 10.0] {
        let stretch = 1.0 + level / 100.0;
        let moved = perturbed(Perturbation::Clock, level, &tone(1000.0, SAMPLES), 1);
        assert_eq!(moved.len(), (SAMPLES as f64 * stretch).round() as usize);
        let seems = 1000.0 / stretch;
        let edge = 5000;
        let worst = (edge..moved.len() - edge)
            .map(|n| (f64::from(moved[n]) - 3.0 - (TAU * seems * n as f64 / RATE).sin()).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-3, "{level} %: off by {worst}");
    }
}

proptest! {
    /// Windows keep their middles and never reach past the recording.
    #[test]
    fn windows_stay_where_they_were(start in 0_usize..=8000 - LENGTH, level in 0..9_usize) {
        let level = Perturbation::Clock.levels()[level];
        let recording = tone(100.0, 8000);
        let window = Window { recording: 0, start, label: 1 };
        let (moved, places) = Perturbation::Clock.apply(level, &[recording], &[window], LENGTH, 1).unwrap();
        let last = moved[0].signal.len() - LENGTH;
        prop_assert!(places[0].start <= last);
        let half = LENGTH as f64 / 2.0;
        let middle = (start as f64 + half) * (1.0 + level / 100.0);
        let at_an_end = places[0].start == 0 || places[0].start == last;
        prop_assert!(at_an_end || (places[0].start as f64 + half - middle).abs() <= 0.5);
    }
}

#[test]
fn a_recording_that_becomes_too_short_loses_its_windows() {
    let recordings = [tone(440.0, LENGTH), tone(440.0, 3 * LENGTH)];
    let windows = [0, 1].map(|recording| Window { recording, start: 0, label: 0 });
    let (_, places) = Perturbation::Clock.apply(-5.0, &recordings, &windows, LENGTH, 1).unwrap();
    assert_eq!(places, [windows[1]]);
}
