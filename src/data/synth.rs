//! The synthetic sample: vibration of a 6205 bearing in six conditions, from the physics.
//!
//! A rolling element that passes a spall strikes it; the strikes repeat at the fault's frequency, give or take
//! the slip of the rolling elements, and each one makes the housing ring. A spall strikes as hard as the load
//! that it carries: one in the outer ring stays in the load zone, one in the inner ring passes through it once
//! a shaft turn, one on a ball once a cage turn. On top stand the shaft's harmonics and noise (McFadden and
//! Smith 1984; Randall and Antoni 2011).
//!
//! Every platform gives the same bytes: transcendental functions come from `libm`, all else is plain f64
//! arithmetic in a fixed order, and random numbers are counted, not timed.

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use rand_chacha::ChaCha8Rng;

use super::Facts;
use super::seed::{Purpose, normal, stream, uniform};
use crate::write::replace;
use crate::{Error, Result};

/// The seed of the recordings in `data/sample`.
pub const SEED: u64 = 6205;

/// Sampling rate in Hz.
pub const RATE: u32 = 12_000;

/// Samples a recording: 2 s.
const SAMPLES: usize = 24_000;

/// Acceleration at the 16-bit full scale, in g.
const FULL_SCALE: f64 = 8.0;

/// Fault frequencies of the 6205 as multiples of shaft speed: a spall in the outer ring, in the inner ring,
/// the cage, and a ball's spin; a spall on a ball strikes both rings in each spin.
const BPFO: f64 = 3.5848;
const BPFI: f64 = 5.4152;
const FTF: f64 = 0.39828;
const BALL_SPIN: f64 = 4.7135 / 2.0;

/// The six bearings of a condition: fault diameter in inch and strength of a strike in g.
const SEVERITIES: [(f64, f64); 6] =
    [(0.007, 0.80), (0.010, 0.88), (0.013, 0.96), (0.016, 1.04), (0.019, 1.12), (0.022, 1.20)];

/// What is wrong with a bearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Normal,
    Ball,
    InnerRace,
    OuterRace,
    InnerAndOuterRace,
    Looseness,
}

impl Condition {
    const ALL: [Self; 6] = [
        Self::Normal,
        Self::Ball,
        Self::InnerRace,
        Self::OuterRace,
        Self::InnerAndOuterRace,
        Self::Looseness,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Ball => "ball",
            Self::InnerRace => "inner race",
            Self::OuterRace => "outer race",
            Self::InnerAndOuterRace => "inner and outer race",
            Self::Looseness => "looseness",
        }
    }

    fn has_spall(self) -> bool {
        !matches!(self, Self::Normal | Self::Looseness)
    }
}

/// One recording of the sample, before its samples are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The file's path below the folder.
    pub name: String,
    /// Condition, bearing, rpm, load and fault size.
    pub facts: Facts,
    condition: Condition,
    index: usize,
    rng: ChaCha8Rng,
}

/// The sample's recordings: six conditions, six bearings each; 2 s at 12 kHz.
pub fn plans(seed: u64) -> Vec<Plan> {
    let mut plans = Vec::new();
    for condition in Condition::ALL {
        for index in 0..SEVERITIES.len() {
            let mut rng = stream(seed, Purpose::Synth, plans.len() as u64);
            let load = (index % 4) as f64;
            // A motor's slip grows with its load; whole turns a minute, as a name plate would say.
            let rpm = libm::round(1797.0 - 22.0 * load - 60.0 * uniform(&mut rng));
            let folder = condition.name().replace(' ', "-");
            plans.push(Plan {
                name: format!("{folder}/{}.wav", index + 1),
                facts: Facts {
                    condition: Some(condition.name().to_owned()),
                    bearing: Some(format!("{folder} {}", index + 1)),
                    rpm: Some(rpm),
                    load: Some(load),
                    fault_size: condition.has_spall().then_some(SEVERITIES[index].0),
                    ..Facts::default()
                },
                condition,
                index,
                rng,
            });
        }
    }
    plans
}

/// Writes the sample: WAV files (16 bit, full scale 8 g) and their `dataset.toml`.
///
/// # Errors
/// If `dir` has something in it or cannot be made, or a file cannot be written.
pub fn write(dir: &Path, seed: u64) -> Result<()> {
    fs::create_dir_all(dir).map_err(|cause| Error::write(dir, &cause))?;
    let mut entries = fs::read_dir(dir).map_err(|cause| Error::read(dir, &cause))?;
    if entries.next().is_some() {
        return Err(Error::input(format!(
            "{}: is not empty, and the sample would mix with what is in it: choose another folder",
            dir.display()
        )));
    }
    let mut listing = String::from("# Synthetic recordings, written by `gpu-bearing data synth`.\n");
    for plan in plans(seed) {
        let path = dir.join(&plan.name);
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|cause| Error::write(folder, &cause))?;
        replace(&path, &wav(&plan.samples())?)?;
        listing.push_str(&plan.listed());
    }
    replace(&dir.join("dataset.toml"), listing.as_bytes())
}

fn wav(samples: &[i16]) -> Result<Vec<u8>> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut encode = || -> hound::Result<()> {
        let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
        for &sample in samples {
            writer.write_sample(sample)?;
        }
        writer.finalize()
    };
    encode().map_err(|cause| Error::failed(format!("WAV of {} samples: {cause}", samples.len())))?;
    Ok(bytes.into_inner())
}

impl Plan {
    /// The recording's entry in `dataset.toml`.
    fn listed(&self) -> String {
        let mut entry = format!("\n[[recording]]\nfile = \"{}\"\n", self.name);
        let facts = &self.facts;
        for (key, value) in [("condition", &facts.condition), ("bearing", &facts.bearing)] {
            if let Some(value) = value {
                let _ = writeln!(entry, "{key} = \"{value}\"");
            }
        }
        for (key, value) in [("rpm", facts.rpm), ("load", facts.load), ("fault_size", facts.fault_size)] {
            if let Some(value) = value {
                let _ = writeln!(entry, "{key} = {value}");
            }
        }
        entry
    }

    /// Computes the recording.
    pub fn samples(&self) -> Vec<i16> {
        let mut rng = self.rng.clone();
        let rng = &mut rng;
        let shaft = self.facts.rpm.unwrap_or_default() / 60.0;
        let machine = Machine::drawn(rng);
        let sources = self.sources(shaft, rng);

        let mut signal = machine.shaft_harmonics(shaft, self.condition, rng);
        for sample in &mut signal {
            *sample += machine.noise * normal(rng);
        }
        for (m, mode) in machine.modes.iter().enumerate() {
            let mut force: Vec<f64> = (0..SAMPLES).map(|_| machine.rumble * normal(rng)).collect();
            for source in &sources {
                for (sum, strike) in force.iter_mut().zip(&source.strikes) {
                    *sum += source.path[m] * strike;
                }
            }
            mode.ring(&force, &mut signal);
        }
        signal
            .iter()
            .map(|g| {
                let level = libm::round(machine.gain * g / FULL_SCALE * 32_768.0);
                level.clamp(-32_768.0, 32_767.0) as i16
            })
            .collect()
    }

    /// What strikes, how hard, and how well it reaches each mode of the housing.
    fn sources(&self, shaft: f64, rng: &mut ChaCha8Rng) -> Vec<Source> {
        let strength = SEVERITIES[self.index].1 * (0.95 + 0.1 * uniform(rng));
        let zone = LoadZone { extent: 0.35 + 0.15 * uniform(rng) };
        let phase = uniform(rng);
        // The process loads the shaft in waves of about a second; a spall strikes softly where they ebb.
        let (wave, wave_phase) = (0.8 + 0.6 * uniform(rng), uniform(rng));
        let load = |t: f64| 0.85 + 0.15 * libm::sin(TAU * (wave * t + wave_phase));
        let mut source = |path: [f64; 3], frequency: f64, force: &dyn Fn(usize, f64) -> f64| Source {
            path: path.map(|gain| gain * strength * (0.9 + 0.2 * uniform(rng))),
            strikes: strikes(frequency * shaft, rng, &|k, t| load(t) * force(k, t)),
        };
        // The outer ring sits in the housing; from the inner ring and the balls, which turn, the way is longer
        // and dampens what is quick.
        let outer: [f64; 3] = [0.3, 0.75, 1.35];
        let inner: [f64; 3] = [0.6, 2.2, 0.4];
        let ball: [f64; 3] = [2.15, 0.7, 0.4];
        let foot: [f64; 3] = [2.0, 0.3, 0.1];
        let in_zone = |turns: f64| zone.load(turns + phase);
        match self.condition {
            Condition::Normal => vec![],
            Condition::Ball => vec![source(ball, 2.0 * BALL_SPIN, &|k, t| {
                // A spin strikes the outer ring and, farther away, the inner one.
                let ring = if k % 2 == 0 { 1.0 } else { 0.7 };
                ring * (0.3 + 0.7 * in_zone(FTF * shaft * t))
            })],
            Condition::InnerRace => vec![source(inner, BPFI, &|_, t| 0.1 + 0.9 * in_zone(shaft * t))],
            Condition::OuterRace => vec![source(outer, BPFO, &|_, _| 1.0)],
            Condition::InnerAndOuterRace => vec![
                source(inner, BPFI, &|_, t| 0.1 + 0.9 * in_zone(shaft * t)),
                source(outer, BPFO, &|_, _| 1.0),
            ],
            // The shaft lifts within its clearance and falls back once a turn.
            Condition::Looseness => vec![source(foot, 1.0, &|_, _| 1.2)],
        }
    }
}

/// Something that strikes again and again.
struct Source {
    /// How well a strike reaches each mode of the housing, in g.
    path: [f64; 3],
    /// The strikes' relative strength at every sample.
    strikes: Vec<f64>,
}

/// Strikes about `frequency` times a second: rolling elements slip, by a per cent as a whole and from one
/// strike to the next, so that strikes never stay in step with the shaft.
fn strikes(frequency: f64, rng: &mut ChaCha8Rng, force: &dyn Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut strikes = vec![0.0; SAMPLES];
    let interval = 1.0 / (frequency * (1.0 - 0.01 * uniform(rng)));
    let mut t = interval * uniform(rng);
    for count in 0.. {
        let position = t * f64::from(RATE);
        let sample = position as usize;
        if sample + 1 >= SAMPLES {
            break;
        }
        // Between two samples, each takes its share.
        let share = position - sample as f64;
        let hit = force(count, t) * (1.0 + 0.15 * normal(rng)).max(0.0);
        strikes[sample] += (1.0 - share) * hit;
        strikes[sample + 1] += share * hit;
        t += interval * (1.0 + 0.01 * normal(rng).clamp(-3.0, 3.0));
    }
    strikes
}

/// The load around a bearing under a radial force (Stribeck): q = (1 - (1 - cos a) / (2 e))^1.5, 1 in the
/// direction of the force, 0 outside the zone.
struct LoadZone {
    extent: f64,
}

impl LoadZone {
    /// The share of the highest load at an angle in turns.
    fn load(&self, turns: f64) -> f64 {
        let q = (1.0 - (1.0 - libm::cos(TAU * turns)) / (2.0 * self.extent)).max(0.0);
        q * libm::sqrt(q)
    }
}

/// A resonance of housing and sensor.
struct Mode {
    /// In Hz.
    frequency: f64,
    /// As a share of critical damping.
    damping: f64,
}

impl Mode {
    /// Adds the response to `force`: a strike of strength 1 rings as `exp(-d w t) sin(w sqrt(1 - d^2) t)`,
    /// sampled, by a recursion with two poles.
    fn ring(&self, force: &[f64], signal: &mut [f64]) {
        let w = TAU * self.frequency / f64::from(RATE);
        let angle = w * libm::sqrt(1.0 - self.damping * self.damping);
        let radius = libm::exp(-self.damping * w);
        let (a1, a2) = (2.0 * radius * libm::cos(angle), radius * radius);
        let b = radius * libm::sin(angle);
        let (mut y1, mut y2, mut x1) = (0.0, 0.0, 0.0);
        for (x, out) in force.iter().zip(signal) {
            let y = a1 * y1 - a2 * y2 + b * x1;
            *out += y;
            (y2, y1, x1) = (y1, y, *x);
        }
    }
}

/// The machine around a bearing; no two are alike.
struct Machine {
    modes: [Mode; 3],
    /// Broadband noise in g.
    noise: f64,
    /// Noise that makes the housing ring, in g.
    rumble: f64,
    /// The shaft's first harmonic in g.
    unbalance: f64,
    /// The sensor's mounting.
    gain: f64,
}

impl Machine {
    fn drawn(rng: &mut ChaCha8Rng) -> Self {
        let mut between = |low: f64, high: f64| low + (high - low) * uniform(rng);
        Self {
            modes: [
                Mode { frequency: between(1000.0, 1100.0), damping: between(0.05, 0.07) },
                Mode { frequency: between(2700.0, 2900.0), damping: between(0.04, 0.055) },
                Mode { frequency: between(4150.0, 4450.0), damping: between(0.03, 0.045) },
            ],
            noise: between(0.07, 0.11),
            rumble: between(0.04, 0.056),
            unbalance: between(0.05, 0.10),
            gain: between(0.85, 1.15),
        }
    }

    fn shaft_harmonics(&self, shaft: f64, condition: Condition, rng: &mut ChaCha8Rng) -> Vec<f64> {
        // (multiple of shaft speed, share of the unbalance); a loose fit rattles at halves and many multiples.
        let loose =
            [(0.5, 0.8), (1.0, 1.5), (1.5, 0.6), (2.0, 1.2), (3.0, 1.0), (4.0, 0.7), (5.0, 0.5), (6.0, 0.4)];
        let tight = [(1.0, 1.0), (2.0, 0.5), (3.0, 0.2)];
        let lines: &[(f64, f64)] = if condition == Condition::Looseness { &loose } else { &tight };
        let mut signal = vec![0.0; SAMPLES];
        for (multiple, share) in lines {
            let phase = uniform(rng);
            for (n, out) in signal.iter_mut().enumerate() {
                let turns = multiple * shaft * n as f64 / f64::from(RATE) + phase;
                *out += self.unbalance * share * libm::sin(TAU * turns);
            }
        }
        signal
    }
}
