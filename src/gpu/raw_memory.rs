//! Memory of a Vulkan device past wgpu: buffers, and textures that stand for a part of one.
//!
//! Mesa's software adapter reads four neighbouring floats of a texture in a third of the time that it takes from a storage
//! buffer. So a kernel may declare an operand as `texture_storage_2d<rgba32float, read>` (or `rgba32uint`), four elements
//! a texel and `ROW_TEXELS` texels a row; a plan binds a slice to it as to a storage binding. There such a texture is
//! nothing but rows, one behind the other, and what is bound shares its memory with the buffer: nothing is copied.
//!
//! Vulkan would have a barrier between a launch that writes the buffer and one that reads the texture, of which wgpu, who
//! knows nothing of what they share, puts none. That adapter ends each launch before it begins the next, and reads what
//! it has written: it needs none. [`super::adapter::AdapterInfo::shares_memory`] says where all of this holds.

#![allow(unsafe_code)]

use std::sync::Arc;

use ash::vk;
use wgpu::hal::TextureDescriptor;
use wgpu::hal::api::Vulkan;
use wgpu::hal::vulkan::{Buffer, TextureMemory};

use super::memory::{self, Place};
use super::shader::Texel;
use crate::{Error, Result};

/// Every Vulkan device allocates as many bytes at once.
const MOST: u64 = 1 << 30;

/// Bytes behind the last buffer: the driver ends a texture with whole rows, in fours, the longest of 16 KiB.
const SLACK: u64 = 64 << 10;

/// Bytes of a texel.
const TEXEL: u64 = 16;

/// One allocation.
struct Memory {
    raw: vk::DeviceMemory,
    bytes: u64,
    device: ash::Device,
}

/// A buffer with the memory behind it.
pub(super) struct RawBuffer {
    pub(super) buffer: wgpu::Buffer,
    memory: Arc<Memory>,
    offset: u64,
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the last of its buffers and textures is gone, and wgpu drops none that is in use.
        unsafe { self.device.free_memory(self.raw, None) }
    }
}

/// Buffers of so many bytes, all zero, in as few allocations as can be; and their bytes in all.
///
/// # Errors
/// What the driver reports.
pub(super) fn allocate(
    (device, queue): (&wgpu::Device, &wgpu::Queue),
    wanted: &[(&str, u64)],
    usage: wgpu::BufferUsages,
) -> Result<(Vec<RawBuffer>, u64)> {
    let sizes: Vec<u64> = wanted.iter().map(|(_, size)| *size).collect();
    let (places, lengths) = memory::places(&sizes, MOST - SLACK);
    let memories: Vec<Arc<Memory>> =
        lengths.iter().map(|length| Memory::allocate(device, length + SLACK)).collect::<Result<_>>()?;
    let mut buffers = Vec::with_capacity(wanted.len());
    let mut encoder = device.create_command_encoder(&Default::default());
    for ((name, size), Place { allocation, offset }) in wanted.iter().zip(places) {
        let buffer = memories[allocation].buffer(device, (name, *size), offset, usage)?;
        encoder.clear_buffer(&buffer, 0, None);
        buffers.push(RawBuffer { buffer, memory: Arc::clone(&memories[allocation]), offset });
    }
    queue.submit([encoder.finish()]);
    Ok((buffers, memories.iter().map(|memory| memory.bytes).sum()))
}

impl Memory {
    fn allocate(device: &wgpu::Device, bytes: u64) -> Result<Arc<Self>> {
        // SAFETY: the handle is used to allocate, and never destroyed here.
        let raw_device = unsafe { device.as_hal::<Vulkan>() }
            .map(|device| device.raw_device().clone())
            .ok_or_else(|| Error::failed("memory of a Vulkan device was asked of another one"))?;
        // This driver has one type of memory.
        let info = vk::MemoryAllocateInfo::default().allocation_size(bytes).memory_type_index(0);
        // SAFETY: a valid description; the device outlives what it has allocated.
        let raw = unsafe { raw_device.allocate_memory(&info, None) }.map_err(refused)?;
        Ok(Arc::new(Self { raw, bytes, device: raw_device }))
    }

    fn buffer(
        self: &Arc<Self>,
        device: &wgpu::Device,
        (name, size): (&str, u64),
        offset: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer> {
        let raw_usage = vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::UNIFORM_BUFFER
            | vk::BufferUsageFlags::TRANSFER_SRC
            | vk::BufferUsageFlags::TRANSFER_DST;
        let info = vk::BufferCreateInfo::default().size(size).usage(raw_usage);
        // SAFETY: the buffer lies inside the memory and is destroyed once, when wgpu is done with it; until then the
        // memory stays.
        unsafe {
            let raw = self.device.create_buffer(&info, None).map_err(refused)?;
            let memory = Arc::clone(self);
            let destroy = Box::new(move || memory.device.destroy_buffer(raw, None));
            let buffer = Buffer::from_raw_externally_owned(raw, destroy);
            self.device.bind_buffer_memory(raw, self.raw, offset).map_err(refused)?;
            let descriptor =
                wgpu::BufferDescriptor { label: Some(name), size, usage, mapped_at_creation: false };
            Ok(device.create_buffer_from_hal::<Vulkan>(buffer, &descriptor))
        }
    }
}

impl RawBuffer {
    /// The elements from byte `begin` of the buffer on as rows of a texture: width and height in texels.
    ///
    /// # Errors
    /// A driver that lays textures out in another way, or what it reports.
    pub(super) fn texture(
        &self,
        device: &wgpu::Device,
        texel: Texel,
        begin: u64,
        [width, height]: [u32; 2],
    ) -> Result<wgpu::Texture> {
        let format = match texel {
            Texel::Float => vk::Format::R32G32B32A32_SFLOAT,
            Texel::Uint => vk::Format::R32G32B32A32_UINT,
        };
        let info = vk::ImageCreateInfo::default()
            .image_type(vk::ImageType::TYPE_2D)
            .format(format)
            .extent(vk::Extent3D { width, height, depth: 1 })
            .mip_levels(1)
            .array_layers(1)
            .samples(vk::SampleCountFlags::TYPE_1)
            .tiling(vk::ImageTiling::LINEAR)
            .usage(vk::ImageUsageFlags::STORAGE);
        let whole = vk::ImageSubresource::default().aspect_mask(vk::ImageAspectFlags::COLOR);
        let descriptor = texel.texture([width, height]);
        let state = wgpu::TextureUses::STORAGE_READ_ONLY;
        let raw_descriptor = TextureDescriptor {
            label: None,
            size: descriptor.size,
            mip_level_count: descriptor.mip_level_count,
            sample_count: descriptor.sample_count,
            dimension: descriptor.dimension,
            format: descriptor.format,
            usage: state,
            memory_flags: wgpu::hal::MemoryFlags::empty(),
            view_formats: Vec::new(),
        };
        let offset = self.offset + begin;
        let memory = Arc::clone(&self.memory);
        // SAFETY: as for a buffer. The image is only read, this driver has one layout for all uses, and what the
        // memory holds was written through the buffer.
        unsafe {
            let raw = memory.device.create_image(&info, None).map_err(refused)?;
            let layout = memory.device.get_image_subresource_layout(raw, whole);
            let needed = memory.device.get_image_memory_requirements(raw);
            let fits = (layout.offset, layout.row_pitch) == (0, u64::from(width) * TEXEL)
                && offset.is_multiple_of(needed.alignment)
                && offset + needed.size <= memory.bytes;
            let bound = if fits {
                memory.device.bind_image_memory(raw, memory.raw, offset).map_err(refused)
            } else {
                Err(Error::failed("the driver lays textures out in a way of its own: use --variant standard"))
            };
            let destroy = Box::new(move || memory.device.destroy_image(raw, None));
            let hal = device.as_hal::<Vulkan>().expect("the memory is of a Vulkan device");
            let texture = hal.texture_from_raw(raw, &raw_descriptor, Some(destroy), TextureMemory::External);
            drop(hal);
            bound.map(|()| device.create_texture_from_hal::<Vulkan>(texture, &descriptor, state))
        }
    }
}

fn refused(cause: vk::Result) -> Error {
    Error::failed(format!("the driver refuses memory: {cause}"))
}
