//! Plans into work: buffers, pipelines, bind groups, submissions and readback.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, PoisonError};

use super::adapter::{Gpu, LARGEST_GRID};
use super::pipeline::Pipeline;
use super::plan::{Binding, BufferId, BufferSpec, Kernel, Launch, Plan, RECORD, Slice};
#[cfg(target_os = "linux")]
use super::raw_memory::{self, RawBuffer};
use super::shader::{Access, Entry, TAKEN, Texel};
use crate::{Error, Result};

/// Bytes of an element.
const ELEMENT: u64 = 4;

/// Bindings reach to a multiple of this many elements, the widest that a shader loads at once.
const WIDEST: usize = 8;

/// Elements of a texel.
const TEXEL: usize = 4;

/// The device's buffers of one [`super::plan::Arena`].
pub struct Buffers {
    /// By [`BufferSpec::memory`].
    memories: BTreeMap<usize, Memory>,
    specs: Vec<BufferSpec>,
    /// Bytes of device memory in all.
    bytes: u64,
}

/// The memory that buffers of a plan share.
enum Memory {
    /// A buffer of wgpu's own.
    Buffer(wgpu::Buffer),
    /// One that textures can share.
    #[cfg(target_os = "linux")]
    Raw(RawBuffer),
}

impl Memory {
    fn buffer(&self) -> &wgpu::Buffer {
        match self {
            Self::Buffer(buffer) => buffer,
            #[cfg(target_os = "linux")]
            Self::Raw(raw) => &raw.buffer,
        }
    }
}

struct Dispatch {
    pipeline: Arc<Pipeline>,
    group: wgpu::BindGroup,
    grid: [u32; 2],
    per_step: bool,
}

/// A plan bound to its buffers, ready to be submitted any number of times.
pub struct Compiled {
    dispatches: Vec<Dispatch>,
}

/// Work handed to the device.
#[derive(Clone)]
pub struct Submission(pub(super) wgpu::SubmissionIndex);

impl Buffers {
    /// Bytes of device memory in all.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn memory(&self, id: BufferId) -> &Memory {
        &self.memories[&self.specs[id.0].memory]
    }

    fn buffer(&self, id: BufferId) -> &wgpu::Buffer {
        self.memory(id).buffer()
    }
}

impl Compiled {
    /// Launches in one run.
    pub fn launches(&self) -> usize {
        self.dispatches.len()
    }

    /// Records launch `index`, which reads the record of `step`.
    pub(super) fn dispatch(&self, index: usize, step: usize, pass: &mut wgpu::ComputePass<'_>) {
        let dispatch = &self.dispatches[index];
        let offset = [(step * RECORD) as u32 * ELEMENT as u32];
        pass.set_pipeline(&dispatch.pipeline.pipeline);
        pass.set_bind_group(0, &dispatch.group, if dispatch.per_step { &offset } else { &[] });
        pass.dispatch_workgroups(dispatch.grid[0], dispatch.grid[1], 1);
    }
}

/// `workgroups` folded into x and y, or at most `hands` in x that they are dealt out among.
///
/// # Errors
/// Zero workgroups, or more than fit.
fn grid(launch: &Launch, entry: &Entry, hands: usize) -> Result<[u32; 2]> {
    let groups = launch.workgroups;
    if groups == 0 {
        return Err(Error::failed(format!("{} '{}': nothing to dispatch", launch.kernel, launch.label)));
    }
    if entry.deals() {
        return Ok([groups.min(hands) as u32, 1]);
    }
    let y = groups.div_ceil(LARGEST_GRID);
    if y > LARGEST_GRID {
        return Err(Error::input(format!(
            "{} '{}': {groups} workgroups are more than an adapter takes; use a smaller --batch",
            launch.kernel, launch.label
        )));
    }
    Ok([groups.div_ceil(y) as u32, y as u32])
}

impl Gpu {
    /// Allocates buffers with their initial contents.
    ///
    /// # Errors
    /// If one is larger than the adapter allows or memory runs out.
    pub fn allocate(&self, specs: &[BufferSpec]) -> Result<Buffers> {
        let limit = self.info.storage_binding_bytes.min(self.info.buffer_bytes);
        // A memory is as large as the largest buffer in it.
        let mut largest: BTreeMap<usize, &BufferSpec> = BTreeMap::new();
        for spec in specs {
            let known = largest.entry(spec.memory).or_insert(spec);
            if known.len < spec.len {
                *known = spec;
            }
        }
        let mut wanted = Vec::with_capacity(largest.len());
        for spec in largest.values() {
            let size = spec.len.max(1).next_multiple_of(WIDEST) as u64 * ELEMENT;
            if size > limit {
                return Err(Error::input(format!(
                    "buffer '{}' needs {size} bytes, {} allows {limit}; use a smaller --batch or --window",
                    spec.name, self.info.name
                )));
            }
            wanted.push((spec.name.as_str(), size));
        }
        let (memories, bytes) = self.memories(&wanted).map_err(|e| {
            let bytes: u64 = wanted.iter().map(|(_, size)| size).sum();
            Error::failed(format!(
                "{}: no memory for {bytes} bytes; use a smaller --batch ({e})",
                self.info.name
            ))
        })?;
        for (memory, (spec, (_, size))) in memories.iter().zip(largest.values().zip(&wanted)) {
            if spec.fill != 0 {
                let words = spec.fill.to_le_bytes().repeat(*size as usize / 4);
                self.queue.write_buffer(memory.buffer(), 0, &words);
            }
        }
        self.check()?;
        Ok(Buffers { memories: largest.into_keys().zip(memories).collect(), specs: specs.to_vec(), bytes })
    }

    /// Memories of so many bytes, all zero, and their bytes in all.
    fn memories(&self, wanted: &[(&str, u64)]) -> Result<(Vec<Memory>, u64)> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::UNIFORM
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        #[cfg(target_os = "linux")]
        if self.info.shares_memory {
            let (buffers, bytes) = raw_memory::allocate((&self.device, &self.queue), wanted, usage)?;
            return Ok((buffers.into_iter().map(Memory::Raw).collect(), bytes));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = |&(name, size): &(&str, u64)| {
            let label = Some(name);
            let descriptor = wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false };
            Memory::Buffer(self.device.create_buffer(&descriptor))
        };
        let buffers = wanted.iter().map(buffer).collect();
        match pollster::block_on(scope.pop()) {
            Some(e) => Err(Error::failed(e.to_string())),
            None => Ok((buffers, wanted.iter().map(|(_, size)| size).sum())),
        }
    }

    /// What `launch` reads from textures, by the name of the binding.
    ///
    /// # Errors
    /// An operand that is larger than the adapter's textures, or an adapter whose textures share no memory with buffers.
    fn textures(
        &self,
        launch: &Launch,
        entry: &Entry,
        buffers: &Buffers,
    ) -> Result<BTreeMap<&'static str, wgpu::TextureView>> {
        let mut textures = BTreeMap::new();
        for &(name, binding) in &launch.bindings {
            if let (Some(Access::Texture(texel)), Binding::Fixed(slice)) = (entry.access(name), binding) {
                let width = launch.kernel.file().constant("ROW_TEXELS");
                let texture = self.texture(slice, texel, width, buffers)?;
                textures.insert(name, texture.create_view(&Default::default()));
            }
        }
        Ok(textures)
    }

    /// The elements of `slice` in rows of a texture of so many texels.
    fn texture(&self, slice: Slice, texel: Texel, width: usize, buffers: &Buffers) -> Result<wgpu::Texture> {
        let height = slice.len.div_ceil(width * TEXEL);
        let limit = self.device.limits().max_texture_dimension_2d as usize;
        if height > limit {
            return Err(Error::input(format!(
                "an operand of {} elements: {} takes {} in a texture; use a smaller --batch or --window",
                slice.len,
                self.info.name,
                limit * width * TEXEL
            )));
        }
        match buffers.memory(slice.buffer) {
            #[cfg(target_os = "linux")]
            Memory::Raw(raw) => {
                raw.texture(&self.device, texel, slice.offset as u64 * ELEMENT, [width as u32, height as u32])
            }
            Memory::Buffer(_) => Err(Error::failed(format!(
                "{}: its textures share no memory with buffers; use --variant standard",
                self.info.name
            ))),
        }
    }

    /// Compiles the plan's kernels (each once a device) and binds its buffers.
    ///
    /// # Errors
    /// A binding or a uniform field that the shader lacks, or that the plan does not give; a driver's refusal.
    pub fn compile(&self, plan: &Plan, buffers: &Buffers) -> Result<Compiled> {
        let pipelines: Vec<Arc<Pipeline>> =
            plan.launches.iter().map(|launch| self.pipeline(&launch.kernel)).collect::<Result<_>>()?;
        let shapes = self.shapes(plan, &pipelines)?;
        let mut dispatches = Vec::with_capacity(plan.launches.len());
        for (index, (launch, pipeline)) in plan.launches.iter().zip(pipelines).enumerate() {
            let (group, per_step) = self.bind(launch, &pipeline, buffers, (&shapes, index))?;
            let grid = grid(launch, &pipeline.entry, self.hands)?;
            dispatches.push(Dispatch { pipeline, group, grid, per_step });
        }
        self.check()?;
        Ok(Compiled { dispatches })
    }

    /// The uniform structs `shape` of all launches in one buffer, a record each.
    fn shapes(&self, plan: &Plan, pipelines: &[Arc<Pipeline>]) -> Result<wgpu::Buffer> {
        let mut words = vec![0u32; plan.launches.len().max(1) * RECORD];
        for ((launch, pipeline), record) in plan.launches.iter().zip(pipelines).zip(words.chunks_mut(RECORD))
        {
            let Some(binding) = pipeline.entry.bindings.iter().find(|b| b.name == "shape") else { continue };
            let layout = binding.layout.as_ref().ok_or_else(|| {
                Error::failed(format!("{} '{}': `shape` is not a struct", launch.kernel, launch.label))
            })?;
            layout
                .write(&launch.shape, record)
                .map_err(|e| e.within(format!("{} '{}', uniform `shape`", launch.kernel, launch.label)))?;
        }
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("shapes"),
            size: words.len() as u64 * ELEMENT,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&words));
        Ok(buffer)
    }

    fn bind(
        &self,
        launch: &Launch,
        pipeline: &Pipeline,
        buffers: &Buffers,
        (shapes, index): (&wgpu::Buffer, usize),
    ) -> Result<(wgpu::BindGroup, bool)> {
        let place = || format!("{} '{}'", launch.kernel, launch.label);
        for (name, binding) in &launch.bindings {
            if !pipeline.entry.bindings.iter().any(|b| b.name == *name) {
                return Err(Error::failed(format!("{}: no binding `{name}`", place())));
            }
            let Binding::Fixed(Slice { buffer, offset, len }) = *binding else { continue };
            let spec = &buffers.specs[buffer.0];
            if offset + len > spec.len {
                return Err(Error::failed(format!(
                    "{}: binding `{name}` reaches element {} of buffer '{}' of {}",
                    place(),
                    offset + len,
                    spec.name,
                    spec.len
                )));
            }
        }
        let textures = self.textures(launch, &pipeline.entry, buffers).map_err(|e| e.within(place()))?;
        let mut entries = Vec::new();
        let mut per_step = false;
        for info in &pipeline.entry.bindings {
            let size = |len: usize| NonZeroU64::new(len.next_multiple_of(WIDEST) as u64 * ELEMENT);
            let resource = if let Some(view) = textures.get(info.name.as_str()) {
                wgpu::BindingResource::TextureView(view)
            } else if info.name == TAKEN {
                self.taken.as_entire_binding()
            } else if info.name == "shape" {
                wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: shapes,
                    offset: (index * RECORD) as u64 * ELEMENT,
                    size: size(RECORD),
                })
            } else {
                let (_, binding) =
                    launch.bindings.iter().find(|(name, _)| *name == info.name).ok_or_else(|| {
                        Error::failed(format!("{}: binding `{}` is missing", place(), info.name))
                    })?;
                wgpu::BindingResource::Buffer(match *binding {
                    Binding::Fixed(slice) => wgpu::BufferBinding {
                        buffer: buffers.buffer(slice.buffer),
                        offset: slice.offset as u64 * ELEMENT,
                        size: size(slice.len),
                    },
                    Binding::PerStep(buffer) => {
                        per_step = true;
                        wgpu::BufferBinding { buffer: buffers.buffer(buffer), offset: 0, size: size(RECORD) }
                    }
                })
            };
            entries.push(wgpu::BindGroupEntry { binding: info.number, resource });
        }
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&launch.label),
            layout: &pipeline.layout,
            entries: &entries,
        });
        Ok((group, per_step))
    }

    /// Whether this device has compiled `kernel`.
    pub(super) fn has_pipeline(&self, kernel: &Kernel) -> bool {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&format!("{kernel:?}"))
    }

    /// `kernel`, compiled once a device.
    pub(super) fn pipeline(&self, kernel: &Kernel) -> Result<Arc<Pipeline>> {
        let key = format!("{kernel:?}");
        if let Some(found) = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Pipeline::new(&self.device, kernel)?);
        self.check().map_err(|e| e.within(kernel))?;
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
        Ok(made)
    }

    /// Submits runs of plans in order as one submission; each with the step whose record it reads.
    pub fn submit(&self, runs: &[(&Compiled, usize)]) -> Submission {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for (compiled, step) in runs {
                for index in 0..compiled.launches() {
                    compiled.dispatch(index, *step, &mut pass);
                }
            }
        }
        Submission(self.queue.submit([encoder.finish()]))
    }

    /// Waits until `submission` is done.
    ///
    /// # Errors
    /// What the device reported until then.
    pub fn wait(&self, submission: &Submission) -> Result<()> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission.0.clone()), timeout: None };
        self.device.poll(poll).map_err(|e| Error::failed(format!("{}: {e}", self.info.name)))?;
        self.check()
    }

    /// Writes `words` to the front of a slice, before any work submitted later.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn write(&self, buffers: &Buffers, slice: Slice, words: &[u32]) {
        assert!(words.len() <= slice.len, "{} words into a slice of {}", words.len(), slice.len);
        let offset = slice.offset as u64 * ELEMENT;
        self.queue.write_buffer(buffers.buffer(slice.buffer), offset, bytemuck::cast_slice(words));
    }

    /// Reads slices back; waits for all work submitted before.
    ///
    /// # Errors
    /// What the device reported until then.
    pub fn read(&self, buffers: &Buffers, slices: &[Slice]) -> Result<Vec<Vec<u32>>> {
        let size = slices.iter().map(|slice| slice.len as u64 * ELEMENT).sum::<u64>().max(ELEMENT);
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut at = 0;
        for slice in slices {
            let (from, bytes) = (slice.offset as u64 * ELEMENT, slice.len as u64 * ELEMENT);
            encoder.copy_buffer_to_buffer(buffers.buffer(slice.buffer), from, &staging, at, bytes);
            at += bytes;
        }
        let submission = Submission(self.queue.submit([encoder.finish()]));
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait(&submission)?;
        let view = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|e| Error::failed(format!("{}: readback: {e}", self.info.name)))?;
        let words: &[u32] = bytemuck::cast_slice(&view);
        let mut rest = words;
        Ok(slices
            .iter()
            .map(|slice| {
                let (front, back) = rest.split_at(slice.len);
                rest = back;
                front.to_vec()
            })
            .collect())
    }
}
