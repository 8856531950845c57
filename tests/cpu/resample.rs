//! Resampling: tones keep amplitude and phase, or are gone.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use gpu_bearing::data::resample::{resample, to_rate, working_rate};
use gpu_bearing::data::{Facts, Recording};

const RATES: [(f64, f64); 8] = [
    (48_000.0, 12_000.0),
    (51_200.0, 12_000.0),
    (25_600.0, 12_000.0),
    (44_100.0, 12_000.0),
    (97_656.25, 12_000.0),
    (12_001.0, 12_000.0),
    (48_000.0, 11_025.0),
    // Above the source's rate nothing is cut off.
    (12_000.0, 48_000.0),
];

fn tone(hz: f64, rate: f64, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (0.5 * (TAU * hz * n as f64 / rate + 0.7).sin()) as f32).collect()
}

/// A second and a half; not a whole number of blocks.
fn length(rate: f64) -> usize {
    (1.5 * rate) as usize + 17
}

#[test]
fn a_tone_below_nyquist_keeps_amplitude_and_phase() {
    for (from, to) in RATES {
        for share in [0.01, 0.4, 0.9] {
            let hz = share * from.min(to) / 2.0;
            let y = resample(&tone(hz, from, length(from)), from, to).unwrap();
            let expected = tone(hz, to, y.len());
            // The ends, where the filter reaches over the signal's edge, are left out.
            let edge = (0.2 * to) as usize;
            let worst = (edge..y.len() - edge).map(|n| (y[n] - expected[n]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{from} -> {to} Hz, tone of {hz} Hz: off by {worst}");
        }
    }
}

#[test]
fn a_tone_above_nyquist_is_gone() {
    for (from, to) in RATES.into_iter().filter(|(from, to)| from > &(1.2 * to)) {
        for hz in [1.02 * to / 2.0, (to / 2.0 + from / 2.0) / 2.0] {
            let y = resample(&tone(hz, from, length(from)), from, to).unwrap();
            let edge = (0.2 * to) as usize;
            let loudest = y[edge..y.len() - edge].iter().fold(0.0, |max: f32, s| max.max(s.abs()));
            // 60 dB below the tone's 0.5.
            assert!(loudest < 0.5e-3, "{from} -> {to} Hz, tone of {hz} Hz: {loudest} left");
        }
    }
}

#[test]
fn the_length_follows_the_ratio() {
    for (from, to) in RATES {
        for samples in [1, 2, 399, 4096, 112_640] {
            let y = resample(&vec![1.0; samples], from, to).unwrap();
            assert_eq!(
                y.len(),
                (samples as f64 * to / from).round() as usize,
                "{samples} at {from} -> {to} Hz"
            );
        }
    }
    assert!(resample(&[], 48_000.0, 12_000.0).unwrap().is_empty());
    let same = tone(100.0, 12_000.0, 1000);
    assert_eq!(resample(&same, 12_000.0, 12_000.0).unwrap(), same);
}

#[test]
fn rates_with_little_in_common_are_quick_and_cut_what_would_alias() {
    let (from, to) = (12_207.031, 12_000.0);
    let samples = 120_000;
    let started = Instant::now();
    let kept = resample(&tone(5400.0, from, samples), from, to).unwrap();
    // Between the two Nyquist frequencies: it would come back as 5950 Hz.
    let gone = resample(&tone(6050.0, from, samples), from, to).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(kept.len(), (samples as f64 * to / from).round() as usize);

    // The filter is five seconds long, so it reaches over the signal's edge for half of that.
    let inner = (2.6 * to) as usize..kept.len() - (2.6 * to) as usize;
    let expected = tone(5400.0, to, kept.len());
    let worst = inner.clone().map(|n| (kept[n] - expected[n]).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "off by {worst}");
    let loudest = gone[inner].iter().fold(0.0, |max: f32, s| max.max(s.abs()));
    assert!(loudest < 0.5e-3, "60 dB below the tone's 0.5: {loudest} left");

    // 10 ppm apart: one clock is not told from the other.
    let same = tone(100.0, 12_000.0, 1000);
    assert_eq!(resample(&same, 12_000.12, 12_000.0).unwrap(), same);
    for (from, to) in [(1e8, 1.0), (1.0, 1e8)] {
        let message = resample(&same, from, to).unwrap_err().to_string();
        assert!(message.contains("more than 32768 times the other"), "{message}");
    }
}

#[test]
fn bad_rates_are_named() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(resample(&[1.0; 10], rate, 12_000.0).unwrap_err().to_string().contains("sampling rate"));
    }
}

#[test]
fn a_recording_is_never_brought_to_a_higher_rate() {
    let recording = Recording::new("slow.wav", tone(50.0, 8000.0, 4000), 8000.0, Facts::default());
    let message = to_rate(recording.clone(), 12_000.0).unwrap_err().to_string();
    assert!(
        message.contains("slow.wav") && message.contains("8000 Hz") && message.contains("12000 Hz"),
        "{message}"
    );

    let halved = to_rate(recording.clone(), 4000.0).unwrap();
    assert_eq!((halved.signal.len(), halved.rate), (2000, 4000.0));
    assert_eq!(halved.sha256, recording.sha256, "recognised by its samples as read");
}

#[test]
fn training_runs_at_the_lowest_rate() {
    let at = |rate| Recording::new("x", vec![0.0], rate, Facts::default());
    let recordings = [at(48_000.0), at(12_000.0), at(25_600.0)];
    assert_eq!(working_rate(&recordings, None).unwrap(), 12_000.0);
    assert_eq!(working_rate(&recordings, Some(10_000.0)).unwrap(), 10_000.0);
    assert!(working_rate(&recordings, Some(0.0)).is_err());
    assert!(working_rate(&[], None).is_err());
}
