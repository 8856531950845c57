//! A plan: the launches of a step as plain data. It can be printed, counted and written as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// A device buffer by its place in the list of [`BufferSpec`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BufferId(pub usize);

/// A device buffer to allocate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BufferSpec {
    /// Names the buffer in errors and printed plans.
    pub name: String,
    /// Length in elements of 4 bytes.
    pub len: usize,
    /// Bit pattern of every element at the start.
    pub fill: u32,
    /// Whether it holds nothing from one run of a plan to the next, and a run writes each of its elements before it
    /// reads it: then what the memory held before does not matter.
    pub scratch: bool,
    /// Buffers of the same memory share it; at first each has its own.
    pub memory: usize,
}

/// A run of elements of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// The buffer.
    pub buffer: BufferId,
    /// First element; a multiple of 64 (256 bytes), the strictest alignment of a binding.
    pub offset: usize,
    /// Elements.
    pub len: usize,
}

/// What a binding of a kernel reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Binding {
    /// The same elements at every step.
    Fixed(Slice),
    /// One record of [`RECORD`] elements a step: step s reads elements `RECORD * s ..` of the buffer.
    PerStep(BufferId),
}

impl Binding {
    /// The buffer behind it.
    pub fn buffer(&self) -> BufferId {
        match *self {
            Self::Fixed(slice) => slice.buffer,
            Self::PerStep(buffer) => buffer,
        }
    }
}

/// Elements between the records of a [`Binding::PerStep`] buffer: 256 bytes, the strictest alignment of a binding.
pub const RECORD: usize = 64;

/// Buffers start, and bindings into them begin, at multiples of this many elements (256 bytes).
pub const ALIGNMENT: usize = 64;

/// `len` rounded up to [`ALIGNMENT`].
pub fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}

/// A field of a uniform struct.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A `u32` field.
    U32(u32),
    /// An `f32` field.
    F32(f32),
}

impl Value {
    /// The bits that the shader reads.
    pub fn bits(self) -> u32 {
        match self {
            Self::U32(value) => value,
            Self::F32(value) => value.to_bits(),
        }
    }
}

/// An entry point of a shader with its pipeline-overridable constants: one pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kernel {
    /// The shader, as in `conv1d`.
    pub shader: &'static str,
    /// The file among the shader's variants, as `standard` or `subgroup`.
    pub variant: &'static str,
    /// The entry point, as in `forward`.
    pub entry: &'static str,
    /// Overrides by name.
    pub constants: BTreeMap<&'static str, f64>,
}

/// One dispatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Launch {
    /// What it is for: the layer's name.
    pub label: String,
    /// What runs.
    pub kernel: Kernel,
    /// Storage bindings by name, also where the shader reads one from a texture; a uniform struct `step` is bound here
    /// too, per step.
    pub bindings: Vec<(&'static str, Binding)>,
    /// Fields of the uniform struct `shape`.
    pub shape: Vec<(&'static str, Value)>,
    /// Workgroups in all; the executor folds them into x and y, or gives the tile of each to fewer, where the shader
    /// deals tiles out.
    pub workgroups: usize,
    /// Barriers that each workgroup passes, one after the other: at most this many.
    pub barriers: usize,
    /// Floating-point operations (a multiply-add counts two), padding aside.
    pub flop: u64,
    /// Bytes that must move at least: every operand read once, every result written once.
    pub bytes: u64,
}

/// Launches in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The launches.
    pub launches: Vec<Launch>,
}

/// The buffers of a network, collected while it is lowered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Arena {
    /// One entry a buffer; a [`BufferId`] counts these.
    pub buffers: Vec<BufferSpec>,
}

impl Arena {
    /// A new buffer of `len` elements, all zero.
    pub fn allocate(&mut self, name: impl Into<String>, len: usize) -> Slice {
        self.allocate_filled(name, len, 0)
    }

    /// A new buffer whose elements start with the bits `fill`.
    pub fn allocate_filled(&mut self, name: impl Into<String>, len: usize, fill: u32) -> Slice {
        let memory = self.buffers.len();
        self.buffers.push(BufferSpec { name: name.into(), len, fill, scratch: false, memory });
        Slice { buffer: BufferId(memory), offset: 0, len }
    }

    /// A new buffer of `len` elements that is scratch: [`BufferSpec::scratch`] says what that asks of a plan.
    pub fn allocate_scratch(&mut self, name: impl Into<String>, len: usize) -> Slice {
        let slice = self.allocate(name, len);
        self.buffers[slice.buffer.0].scratch = true;
        slice
    }
}

impl Slice {
    /// `len` elements from `offset` on, counted from this slice's start.
    ///
    /// # Panics
    /// If they do not lie inside.
    #[must_use]
    pub fn part(self, offset: usize, len: usize) -> Self {
        assert!(offset + len <= self.len, "part {offset}+{len} of a slice of {}", self.len);
        Self { buffer: self.buffer, offset: self.offset + offset, len }
    }
}

/// As [`fields`], with zero for those of `names` that are not among the `values`: the launch does not use them.
pub fn fields_with(
    mut values: Vec<(&'static str, usize)>,
    names: &[&'static str],
) -> Vec<(&'static str, Value)> {
    for name in names {
        if !values.iter().any(|(given, _)| given == name) {
            values.push((name, 0));
        }
    }
    fields(&values)
}

/// `u32` fields of a uniform struct from sizes; a size past 32 bits is refused when the network is lowered.
pub fn fields(values: &[(&'static str, usize)]) -> Vec<(&'static str, Value)> {
    values
        .iter()
        .map(|&(name, value)| {
            (name, Value::U32(u32::try_from(value).expect("tensors are smaller than 2^32 elements")))
        })
        .collect()
}
