//! Sampling rates: whether they differ, and whether the spectrum bears them out.
//!
//! Two things in a spectrum speak of the rate. Where the speed is known, lines stand at the multiples of the shaft's
//! frequency, if they are read at the right rate: a recording of 48 kHz that is said to be of 12 kHz has its lines at a
//! quarter of that. And a recording that was resampled to a higher rate than it was made at has nothing in the upper
//! half of its band. Both are hints: a finding says 'suggests'.

use std::collections::{BTreeMap, BTreeSet};

use realfft::RealFftPlanner;

use super::signals::median;
use super::{Finding, Heard, Severity, Subject, counted};

/// Multiples of the shaft frequency that are looked for.
const LINES: usize = 8;
/// Lines below Nyquist without which nothing is said.
const LEAST_LINES: usize = 3;
/// Lines stand so far above their surroundings in dB (the median of them): with the CWRU recordings 13 and more at the
/// right rate, 6 and less where none are.
const STAND_OUT_DB: f64 = 12.0;
/// Below this there are none.
const ABSENT_DB: f64 = 6.0;
/// How far the true speed may lie from the stated one, as a share of it.
const SPEED_TOLERANCE: f64 = 0.004;
/// Samples that are transformed at most.
const LONGEST: usize = 1 << 18;
/// Bins between neighbouring lines without which they cannot be told from what surrounds them.
const LEAST_SPACING: f64 = 16.0;
/// Ratios of the true rate to the stated one that are tried, besides the rates of the other recordings. Not 2 and 3:
/// loose machines have lines at halves and thirds of the shaft frequency.
const RATIOS: [f64; 4] = [4.0, 8.0, 0.5, 0.25];

/// Power of the upper half of the band in dB of the whole, below which it is empty.
const EMPTY_DB: f64 = -60.0;
/// What the others must have there for that to be strange.
const USUAL_DB: f64 = -40.0;
/// Samples of a segment of which the band's power is averaged.
const SEGMENT: usize = 1024;

pub(super) fn findings(recordings: &[Heard]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = mixed(recordings).into_iter().collect();
    let rates: BTreeSet<u64> = recordings.iter().filter_map(|r| r.rate.map(f64::to_bits)).collect();
    for recording in recordings {
        // What contradicts the catalogue is found already.
        let known = recording.entry.is_some_and(|entry| Some(entry.rate_hz) == recording.rate);
        if recording.entry.is_none() || known {
            findings.extend(by_lines(recording, &rates));
        }
    }
    findings.extend(empty_bands(recordings));
    findings
}

/// Rates that differ; those that tell classes apart are a trap.
fn mixed(recordings: &[Heard]) -> Option<Finding> {
    let mut rates: BTreeMap<u64, Vec<&Heard>> = BTreeMap::new();
    let mut of_class: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for recording in recordings {
        let Some(rate) = recording.rate.map(f64::to_bits) else { continue };
        rates.entry(rate).or_default().push(recording); // positive floats are ordered as their bits are
        if let Some(condition) = recording.facts.condition.as_deref() {
            of_class.entry(condition).or_default().insert(rate);
        }
    }
    if rates.len() < 2 {
        return None;
    }
    let counts: Vec<_> =
        rates.iter().map(|(rate, own)| format!("{} at {} Hz", own.len(), f64::from_bits(*rate))).collect();
    let rarest = rates.values().min_by_key(|own| own.len())?;
    let alone = |class: &str| {
        let own = &of_class[class];
        of_class.iter().all(|(other, rates)| *other == class || rates.is_disjoint(own))
    };
    let trap: Vec<&str> = of_class.keys().copied().filter(|class| alone(class)).collect();
    let (severity, told) = if trap.is_empty() {
        (Severity::Note, String::new())
    } else {
        (Severity::Warning, format!("; a class can be told by its rate alone: {}", trap.join(", ")))
    };
    Some(Finding::new(
        severity,
        Subject::Rate,
        format!("sampling rates differ: {}{told}", counts.join(", ")),
        rarest.iter().map(|recording| recording.name.clone()).collect(),
        "train as usual, which resamples all to the lowest; never as they are (--protocol paper)",
    ))
}

/// Whether shaft lines stand where another rate than the stated one would put them, and not where this one does.
fn by_lines(recording: &Heard, rates: &BTreeSet<u64>) -> Option<Finding> {
    let (rate, rpm) = (recording.rate?, recording.facts.rpm.filter(|rpm| *rpm > 0.0)?);
    let spectrum = power_spectrum(&recording.signal);
    let shaft = rpm / 60.0 / rate * (2 * (spectrum.len() - 1)) as f64; // in bins
    let others = rates.iter().map(|other| f64::from_bits(*other) / rate);
    let tried = RATIOS.into_iter().chain(others.filter(|ratio| ![1.0, 2.0, 3.0].contains(ratio)));
    let fitting = tried.filter_map(|ratio| Some((ratio, explains(&spectrum, shaft, ratio)?)));
    let (ratio, level) = fitting.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Finding::new(
        Severity::Warning,
        Subject::Rate,
        format!(
            "at {rate} Hz its spectrum does not fit {rpm} rpm; {} Hz does (shaft lines {level:.0} dB above \
             their surroundings), which suggests that it was sampled at that rate",
            rate * ratio
        ),
        vec![recording.name.clone()],
        "find out its rate and speed, and state both in a dataset.toml",
    ))
}

/// How far the lines stand out in dB, if `ratio` times the stated rate explains the spectrum and the stated rate does
/// not. `shaft` is the shaft's frequency at the stated rate, in bins.
fn explains(spectrum: &[f64], shaft: f64, ratio: f64) -> Option<f64> {
    let other = shaft / ratio;
    if shaft.min(other) < LEAST_SPACING {
        return None;
    }
    // Lines that both rates expect tell nothing.
    let multiple = |line: f64, of: f64| (line / of - (line / of).round()).abs() < 1e-3;
    let level = |of: f64, not: Option<f64>| {
        let lines = (1..=2 * LINES).map(|k| k as f64 * of);
        let telling = lines.filter(|line| not.is_none_or(|not| !multiple(*line, not))).take(LINES);
        let levels: Vec<f64> = telling.filter_map(|line| line_db(spectrum, line)).collect();
        if levels.len() < LEAST_LINES { None } else { median(levels) }
    };
    let own = level(shaft, Some(other));
    let others = level(other, Some(shaft));
    let all = level(other, None)?;
    let fits = all >= STAND_OUT_DB
        && others.is_none_or(|level| level >= STAND_OUT_DB)
        && own.is_none_or(|level| level < ABSENT_DB)
        && (own.is_some() || others.is_some());
    fits.then_some(others.unwrap_or(all))
}

/// How far a line stands out: the largest bin within [`SPEED_TOLERANCE`] over the median around it, in dB.
fn line_db(spectrum: &[f64], line: f64) -> Option<f64> {
    let tolerance = (SPEED_TOLERANCE * line).max(2.0);
    let around = (8.0 * tolerance).max(20.0);
    let bins = |width: f64| spectrum.get((line - width).max(1.0) as usize..=(line + width) as usize);
    let peak = bins(tolerance)?.iter().copied().fold(0.0, f64::max);
    let usual = median(bins(around)?.to_vec())?;
    (peak > 0.0 && usual > 0.0).then(|| 10.0 * (peak / usual).log10())
}

/// Power of the bins from 0 to Nyquist of the first samples, as many as a power of two and [`LONGEST`] allow, under a
/// Hann window and without their mean.
fn power_spectrum(signal: &[f32]) -> Vec<f64> {
    let length = 1 << signal.len().min(LONGEST).ilog2();
    windowed_power(&signal[..length], &mut RealFftPlanner::new())
}

fn windowed_power(signal: &[f32], planner: &mut RealFftPlanner<f64>) -> Vec<f64> {
    let transform = planner.plan_fft_forward(signal.len());
    let mean = signal.iter().map(|&x| f64::from(x)).sum::<f64>() / signal.len() as f64;
    let step = std::f64::consts::TAU / signal.len() as f64;
    let hann = |index: usize| 0.5 - 0.5 * (step * index as f64).cos();
    let mut input: Vec<f64> =
        signal.iter().enumerate().map(|(index, &x)| (f64::from(x) - mean) * hann(index)).collect();
    let mut output = transform.make_output_vec();
    transform.process(&mut input, &mut output).expect("both buffers have the lengths that the plan asks for");
    output.iter().map(|bin| bin.norm_sqr()).collect()
}

/// Recordings whose upper half of the band is empty where the others of the same rate use theirs.
fn empty_bands(recordings: &[Heard]) -> Vec<Finding> {
    let mut planner = RealFftPlanner::new();
    let upper: Vec<Option<f64>> =
        recordings.iter().map(|recording| upper_half_db(&recording.signal, &mut planner)).collect();
    let mut findings = Vec::new();
    for (index, recording) in recordings.iter().enumerate() {
        let (Some(rate), Some(own)) = (recording.rate, upper[index]) else { continue };
        let others: Vec<f64> = (recordings.iter().zip(&upper).enumerate())
            .filter(|(other, (r, _))| *other != index && r.rate == Some(rate))
            .filter_map(|(_, (_, level))| *level)
            .collect();
        let count = others.len();
        if let Some(usual) = median(others)
            && own < EMPTY_DB
            && usual > USUAL_DB
        {
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Rate,
                format!(
                    "nothing above {} Hz ({own:.0} dB of its power, {usual:.0} dB of {}), which suggests that it \
                     was recorded at {} Hz or less and resampled, or filtered",
                    rate / 4.0,
                    counted(count, "other"),
                    rate / 2.0
                ),
                vec![recording.name.clone()],
                "find out how it was recorded; train all with --target-rate at its original rate",
            ));
        }
    }
    findings
}

/// Power above half the Nyquist frequency, in dB of the whole.
fn upper_half_db(signal: &[f32], planner: &mut RealFftPlanner<f64>) -> Option<f64> {
    let mut sum = vec![0.0; SEGMENT / 2 + 1];
    for segment in signal.chunks_exact(SEGMENT) {
        let power = windowed_power(segment, planner);
        sum.iter_mut().zip(power).for_each(|(sum, power)| *sum += power);
    }
    let (whole, upper): (f64, f64) = (sum.iter().sum(), sum[SEGMENT / 4..].iter().sum());
    (whole > 0.0).then(|| 10.0 * (upper / whole).max(1e-30).log10())
}
