//! Operands in textures: what a kernel reads of a slice through a texture, copied there before its launch.
//!
//! Mesa's software adapter reads four neighbouring floats of a texture in a third of the time that it takes from a
//! storage buffer, and copies a slice in less than the time of a launch. So a kernel may declare an operand as
//! `texture_storage_2d<rgba32float, read>` (or `rgba32uint`), four elements a texel and `ROW_TEXELS` texels a row; a plan
//! binds a slice to it as to a storage binding. The texture itself is wider by `SKEW`.
//!
//! A copy ends a pass. Launches share one as long as none of them reads as an operand what another of them writes; the
//! pass begins with the copies for all of them, each in a texture of its own. The largest operand of every pass is
//! copied into the same texture, so is the second largest, and so on: no texture is larger than it must be.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::Gpu;
use super::pipeline::Pipeline;
use super::plan::{Binding, BufferId, Launch, Plan, Slice};
use super::shader::{Access, Entry, Texel};
use crate::{Error, Result};

/// Elements of a texel.
const TEXEL: usize = 4;

/// Texels that stand idle behind each row, a cache line. A product reads a column of a matrix whose rows are often 1 or
/// 2 KiB long: those would all stand in the same few places of a cache, and push out each other.
const SKEW: usize = 4;

/// Bytes of a texel.
const TEXEL_BYTES: u32 = (TEXEL * size_of::<f32>()) as u32;

/// The textures, by what they hold, their texels a row, and their place among a pass's by size.
#[derive(Default)]
pub(super) struct Textures(Mutex<BTreeMap<Place, wgpu::Texture>>);

/// What a texture holds, its texels a row, and how many operands of a pass are larger than the one in it.
type Place = (Texel, usize, usize);

/// What one launch of a plan has to do with textures.
#[derive(Default)]
pub(super) struct Operands {
    /// Those that it reads, by the name of the binding.
    pub(super) views: BTreeMap<&'static str, wgpu::TextureView>,
    /// What is copied before it, for it and for launches behind it.
    pub(super) copies: Vec<TextureCopy>,
}

/// A slice that is read from a texture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operand {
    slice: Slice,
    texel: Texel,
    across: usize,
}

/// A slice to be copied into a texture.
pub(super) struct TextureCopy {
    buffer: wgpu::Buffer,
    /// In bytes.
    offset: u64,
    texels: u32,
    /// Texels a row.
    across: u32,
    texture: wgpu::Texture,
}

/// Elements that `launch` reads from textures: they take up memory once more.
///
/// # Panics
/// If its shader has no such kernel; a test lowers every one.
pub fn copied_elements(launch: &Launch) -> usize {
    let entry = launch.kernel.reflect().unwrap_or_else(|e| panic!("{e}"));
    read(launch, &entry).map(|(_, operand)| operand.slice.len).sum()
}

/// The operands that `launch` reads from textures, by the name of the binding.
fn read<'a>(launch: &'a Launch, entry: &'a Entry) -> impl Iterator<Item = (&'static str, Operand)> + 'a {
    launch.bindings.iter().filter_map(|(name, binding)| match (entry.access(name), binding) {
        (Some(Access::Texture(texel)), Binding::Fixed(slice)) => {
            let across = launch.kernel.file().constant("ROW_TEXELS");
            Some((*name, Operand { slice: *slice, texel, across }))
        }
        _ => None,
    })
}

/// Whether `launch` writes elements of `slice`.
fn writes(launch: &Launch, entry: &Entry, slice: &Slice) -> bool {
    launch.bindings.iter().any(|(name, binding)| match (entry.access(name), binding) {
        (Some(Access::ReadWrite), Binding::Fixed(written)) => {
            written.buffer == slice.buffer
                && written.offset < slice.offset + slice.len
                && slice.offset < written.offset + written.len
        }
        _ => false,
    })
}

/// `launches` cut into passes, none longer than it can be.
fn passes(launches: &[(&Launch, &Entry)]) -> Vec<Range<usize>> {
    let mut passes = Vec::new();
    let mut first = 0;
    for (index, (launch, entry)) in launches.iter().enumerate() {
        let so_far = &launches[first..index];
        if read(launch, entry).any(|(_, operand)| so_far.iter().any(|(l, e)| writes(l, e, &operand.slice))) {
            passes.push(first..index);
            first = index;
        }
    }
    passes.push(first..launches.len());
    passes
}

/// The operands of the launches of a pass, each with its place.
fn placed(pass: &[(&Launch, &Entry)]) -> Vec<(Operand, Place)> {
    let mut operands: Vec<Operand> = Vec::new();
    for (_, operand) in pass.iter().flat_map(|(launch, entry)| read(launch, entry)) {
        if !operands.contains(&operand) {
            operands.push(operand);
        }
    }
    operands.sort_by_key(|operand| Reverse(operand.slice.len));
    let mut larger: BTreeMap<(Texel, usize), usize> = BTreeMap::new();
    let place = |operand: Operand| {
        let count = larger.entry((operand.texel, operand.across)).or_default();
        *count += 1;
        (operand, (operand.texel, operand.across, *count - 1))
    };
    operands.into_iter().map(place).collect()
}

impl Gpu {
    /// Textures and copies for the launches of `plan`, in order; `memory` is the device's buffer behind one of the plan.
    ///
    /// # Errors
    /// An operand that is larger than the adapter's textures, or no memory for one.
    pub(super) fn operands<'b>(
        &self,
        plan: &Plan,
        pipelines: &[Arc<Pipeline>],
        textures: &Textures,
        memory: impl Fn(BufferId) -> &'b wgpu::Buffer,
    ) -> Result<Vec<Operands>> {
        let launches: Vec<(&Launch, &Entry)> =
            plan.launches.iter().zip(pipelines.iter().map(|pipeline| &pipeline.entry)).collect();
        let passes: Vec<_> =
            passes(&launches).into_iter().map(|pass| (pass.clone(), placed(&launches[pass]))).collect();
        // Each texture as large as its largest operand.
        let mut lengths: BTreeMap<Place, usize> = BTreeMap::new();
        for (operand, place) in passes.iter().flat_map(|(_, operands)| operands) {
            let length = lengths.entry(*place).or_default();
            *length = operand.slice.len.max(*length);
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        for (place, length) in lengths {
            self.make_room(length, place, textures)?;
        }
        if let Some(e) = pollster::block_on(scope.pop()) {
            return Err(Error::failed(format!(
                "{}: no memory for the {} bytes of its products' operands; use a smaller --batch ({e})",
                self.info.name,
                textures.bytes()
            )));
        }
        let textures = textures.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Operands> = launches.iter().map(|_| Operands::default()).collect();
        for (pass, operands) in passes {
            for (operand, place) in operands {
                let texture = &textures[&place];
                all[pass.start].copies.push(TextureCopy {
                    buffer: memory(operand.slice.buffer).clone(),
                    offset: (operand.slice.offset * size_of::<f32>()) as u64,
                    texels: operand.slice.len.div_ceil(TEXEL) as u32,
                    across: operand.across as u32,
                    texture: texture.clone(),
                });
                for index in pass.clone() {
                    let (launch, entry) = launches[index];
                    for (name, _) in read(launch, entry).filter(|(_, other)| *other == operand) {
                        all[index].views.insert(name, texture.create_view(&Default::default()));
                    }
                }
            }
        }
        Ok(all)
    }

    /// Sees to it that the texture at `place` takes `len` elements.
    fn make_room(&self, len: usize, place: Place, textures: &Textures) -> Result<()> {
        let (texel, across, _) = place;
        let rows = len.div_ceil(across * TEXEL);
        let limit = self.device.limits().max_texture_dimension_2d as usize;
        if rows > limit {
            return Err(Error::input(format!(
                "an operand of {len} elements: {} takes {} in a texture; use a smaller --batch or --window",
                self.info.name,
                limit * across * TEXEL
            )));
        }
        let mut textures = textures.0.lock().unwrap_or_else(PoisonError::into_inner);
        if textures.get(&place).is_none_or(|texture| (texture.height() as usize) < rows) {
            textures.insert(place, texture(&self.device, texel, [(across + SKEW) as u32, rows as u32]));
        }
        Ok(())
    }
}

/// A texture for operands.
pub(super) fn texture(device: &wgpu::Device, texel: Texel, [width, height]: [u32; 2]) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("operand"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: texel.format(),
        usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

impl Textures {
    /// Bytes of device memory in all.
    pub(super) fn bytes(&self) -> u64 {
        let textures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        textures.values().map(|t| u64::from(t.width() * TEXEL_BYTES) * u64::from(t.height())).sum()
    }
}

impl TextureCopy {
    /// Records the copy: whole rows, then what is left.
    pub(super) fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let across = self.across;
        let (rows, rest) = (self.texels / across, self.texels % across);
        for (row, width, height) in [(0, across, rows), (rows, rest, 1)] {
            if width == 0 || height == 0 {
                continue;
            }
            let layout = wgpu::TexelCopyBufferLayout {
                offset: self.offset + u64::from(row) * u64::from(across * TEXEL_BYTES),
                bytes_per_row: Some(across * TEXEL_BYTES),
                rows_per_image: None,
            };
            let mut to = self.texture.as_image_copy();
            to.origin.y = row;
            encoder.copy_buffer_to_texture(
                wgpu::TexelCopyBufferInfo { buffer: &self.buffer, layout },
                to,
                wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            );
        }
    }
}
