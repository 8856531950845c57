//! One case of a kernel: a launch as `nn` lowers it, what its buffers hold before, and what they must hold after.
//!
//! Outputs start out as [`POISON`]; every buffer is followed by a guard that the launch could reach, and all that
//! is no output (inputs, padding, guards) must keep its bits.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::compare::{Element, POISON, Tolerance, Worst, compare};
use crate::gpu::plan::{Arena, Plan, RECORD};
use crate::gpu::{Binding, BufferId, Gpu, Launch, Slice};
use crate::nn::Tensor;
use crate::{Error, Result};

/// Elements after every buffer that nobody may read or write.
const GUARD: usize = 64;

/// Bits of a guard after what is only read: a NaN, which spreads to what is computed from it.
const READ_GUARD: u32 = 0x7fd9_a2d5;

/// Bits of a guard after what is written: a number, since a NaN may keep its bits when it is computed with.
const WRITTEN_GUARD: u32 = 0x7149_f2ca;

/// A case in the table.
pub struct Case {
    /// Shader and entry point, as in `conv1d.forward`.
    pub kernel: &'static str,
    /// The file among the shader's variants.
    pub variant: &'static str,
    /// The sizes in words.
    pub shape: String,
    make: Box<dyn Fn() -> Setup + Send + Sync>,
}

/// The launches of a case, being put together.
#[derive(Debug, Default)]
pub struct Setup {
    /// Where `nn` allocates the launches' buffers.
    pub arena: Arena,
    plan: Plan,
    areas: Vec<(Area, Content)>,
}

/// Some elements of a buffer, in the order of a dense tensor.
#[derive(Debug, Clone)]
pub struct Area {
    buffer: BufferId,
    indices: Vec<usize>,
}

#[derive(Debug)]
enum Content {
    Before(Vec<u32>),
    After(Vec<Element>, Tolerance),
}

impl From<Slice> for Area {
    fn from(slice: Slice) -> Self {
        Self { buffer: slice.buffer, indices: (slice.offset..slice.offset + slice.len).collect() }
    }
}

impl From<&Tensor> for Area {
    /// All but the padding.
    fn from(tensor: &Tensor) -> Self {
        let row = tensor.length * tensor.channels;
        let first = tensor.slice.offset + tensor.start();
        let sequence = |n: usize| first + n * tensor.sequence()..first + n * tensor.sequence() + row;
        Self { buffer: tensor.slice.buffer, indices: (0..tensor.batch).flat_map(sequence).collect() }
    }
}

impl Area {
    /// The elements at these places of this one.
    #[must_use]
    pub fn part(&self, places: impl IntoIterator<Item = usize>) -> Self {
        Self { buffer: self.buffer, indices: places.into_iter().map(|place| self.indices[place]).collect() }
    }
}

impl Setup {
    /// A new tensor with padding rows of zeros.
    pub fn tensor(&mut self, name: &str, sizes: (usize, usize, usize), padding: (usize, usize)) -> Tensor {
        Tensor::allocate(&mut self.arena, name, sizes, padding)
    }

    /// A new tensor that holds `values` (N, L, C).
    pub fn input(
        &mut self,
        name: &str,
        sizes: (usize, usize, usize),
        padding: (usize, usize),
        values: &[f32],
    ) -> Tensor {
        let tensor = self.tensor(name, sizes, padding);
        self.hold(&tensor, &bits(values));
        tensor
    }

    /// A new buffer that holds `words`.
    pub fn words(&mut self, name: &str, words: &[u32]) -> Slice {
        let slice = self.arena.allocate(name, words.len());
        self.hold(slice, words);
        slice
    }

    /// A new buffer that holds `values`.
    pub fn floats(&mut self, name: &str, values: &[f32]) -> Slice {
        self.words(name, &bits(values))
    }

    /// A new tensor in which the launches must leave `values` (N, L, C).
    pub fn output(
        &mut self,
        name: &str,
        sizes: (usize, usize, usize),
        padding: (usize, usize),
        (values, tolerance): (&[f64], Tolerance),
    ) -> Tensor {
        let tensor = self.tensor(name, sizes, padding);
        self.leave(&tensor, &floats(values), tolerance);
        tensor
    }

    /// The step's record; the launches run as step 1, after a step whose record is nonsense.
    pub fn step(&mut self, words: &[u32]) -> BufferId {
        let mut records = vec![u32::MAX; 2 * RECORD];
        records[RECORD..][..words.len()].copy_from_slice(words);
        self.words("step", &records).buffer
    }

    /// These elements hold `words` before.
    pub fn hold(&mut self, area: impl Into<Area>, words: &[u32]) {
        let area = area.into();
        assert_eq!(area.indices.len(), words.len(), "an area and its words");
        self.areas.push((area, Content::Before(words.to_vec())));
    }

    /// The launches write these elements, and leave `elements` there.
    pub fn leave(&mut self, area: impl Into<Area>, elements: &[Element], tolerance: Tolerance) {
        let area = area.into();
        self.hold(area.clone(), &vec![POISON; area.indices.len()]);
        self.turn(area, elements, tolerance);
    }

    /// The launches read these elements too, and turn what they hold into `elements`.
    pub fn turn(&mut self, area: impl Into<Area>, elements: &[Element], tolerance: Tolerance) {
        let area = area.into();
        assert_eq!(area.indices.len(), elements.len(), "an area and its elements");
        self.areas.push((area, Content::After(elements.to_vec(), tolerance)));
    }

    /// Adds a launch.
    pub fn launch(&mut self, launch: Launch) {
        self.plan.launches.push(launch);
    }

    /// Runs the launches and compares every element of every buffer.
    fn run(mut self, gpu: &Gpu) -> Result<Worst> {
        let lengths: Vec<usize> = self.arena.buffers.iter().map(|spec| spec.len).collect();
        for launch in &mut self.plan.launches {
            for (_, binding) in &mut launch.bindings {
                if let Binding::Fixed(slice) = binding
                    && slice.offset + slice.len == lengths[slice.buffer.0]
                {
                    slice.len += GUARD;
                }
            }
        }
        let written: BTreeSet<BufferId> = self
            .areas
            .iter()
            .filter(|(_, content)| matches!(content, Content::After(..)))
            .map(|(area, _)| area.buffer)
            .collect();
        let mut before: Vec<Vec<u32>> = self
            .arena
            .buffers
            .iter_mut()
            .enumerate()
            .map(|(index, spec)| {
                let mut words = vec![spec.fill; spec.len];
                let guard = if written.contains(&BufferId(index)) { WRITTEN_GUARD } else { READ_GUARD };
                words.resize(spec.len + GUARD, guard);
                spec.len += GUARD;
                words
            })
            .collect();
        for (area, content) in &self.areas {
            if let Content::Before(words) = content {
                for (&index, &word) in area.indices.iter().zip(words) {
                    before[area.buffer.0][index] = word;
                }
            }
        }
        let mut after: Vec<(Vec<Element>, Tolerance)> = before
            .iter()
            .map(|words| (words.iter().map(|&word| Element::Bits(word)).collect(), Tolerance::EXACT))
            .collect();
        for (area, content) in &self.areas {
            if let Content::After(elements, tolerance) = content {
                let (expected, allowed) = &mut after[area.buffer.0];
                *allowed = *tolerance;
                for (&index, &element) in area.indices.iter().zip(elements) {
                    expected[index] = element;
                }
            }
        }
        let buffers = gpu.allocate(&self.arena.buffers)?;
        let whole: Vec<Slice> = before
            .iter()
            .enumerate()
            .map(|(index, words)| Slice { buffer: BufferId(index), offset: 0, len: words.len() })
            .collect();
        for (&slice, words) in whole.iter().zip(&before) {
            gpu.write(&buffers, slice, words);
        }
        let compiled = gpu.compile(&self.plan, &buffers)?;
        let submission = gpu.submit(&[(&compiled, 1)]);
        gpu.wait(&submission)?;
        let mut worst = Worst::default();
        let read = gpu.read(&buffers, &whole)?;
        for ((spec, actual), (expected, tolerance)) in self.arena.buffers.iter().zip(&read).zip(&after) {
            let found = compare(actual, expected, *tolerance)
                .map_err(|mismatch| Error::failed(format!("buffer '{}': {mismatch}", spec.name)))?;
            worst = worst.max(found);
        }
        Ok(worst)
    }
}

impl Case {
    /// A case whose launches `make` puts together.
    pub fn new(
        kernel: &'static str,
        variant: &'static str,
        shape: impl Into<String>,
        make: impl Fn() -> Setup + Send + Sync + 'static,
    ) -> Self {
        Self { kernel, variant, shape: shape.into(), make: Box::new(make) }
    }

    /// Runs the case on `gpu`; returns the largest differences within the tolerances.
    ///
    /// # Errors
    /// The first element that is not as it should be, or what the device reports.
    pub fn run(&self, gpu: &Gpu) -> Result<Worst> {
        (self.make)().run(gpu)
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.kernel, self.variant, self.shape)
    }
}

/// Seeded values of both signs.
pub struct Values(ChaCha8Rng);

impl Values {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `len` values uniform in [-largest, largest).
    pub fn signed(&mut self, len: usize, largest: f64) -> Vec<f32> {
        let value = |word: u32| (f64::from(word) / 2f64.powi(31) - 1.0) * largest;
        (0..len).map(|_| value(self.0.next_u32()) as f32).collect()
    }

    /// `len` integers below `bound`.
    pub fn below(&mut self, len: usize, bound: u32) -> Vec<u32> {
        (0..len).map(|_| self.0.next_u32() % bound).collect()
    }
}

/// The bits of floats.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Floats in f64.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Floats in f32.
pub fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// Floats to be met within a tolerance.
pub fn floats(values: &[f64]) -> Vec<Element> {
    values.iter().map(|&value| Element::Float(value)).collect()
}

/// Integers to be met exactly.
pub fn words(values: &[u32]) -> Vec<Element> {
    values.iter().map(|&value| Element::Bits(value)).collect()
}
