//! Adapters: listing, choosing and opening one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use serde::Serialize;

use super::pipeline::Pipeline;
use super::shader::TAKEN;
use crate::{Error, Result};

/// The largest number of workgroups in one dimension of a dispatch, on every adapter.
pub(super) const LARGEST_GRID: usize = 65_535;

/// Workgroups that take tiles, by core of a software adapter: one for each thread that `main.rs` asks the driver for. One
/// that begins when no tile is left goes through the kernel for nothing.
const HANDS_A_CORE: usize = 3;

/// What kind of device an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterType {
    /// A graphics card of its own.
    Discrete,
    /// Shares memory with the processor.
    Integrated,
    /// Passed through by a virtual machine.
    Virtual,
    /// The driver does not say.
    Other,
    /// A software driver: the processor runs the shaders.
    Software,
}

/// What the user may want to know of an adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterInfo {
    /// Place in the list; `--adapter` takes it.
    pub index: usize,
    /// The device's name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: AdapterType,
    /// Vulkan, Metal or Dx12.
    pub backend: String,
    /// The driver's name.
    pub driver: String,
    /// The driver's own words on its version.
    pub driver_info: String,
    /// Smallest subgroup, in invocations; 0 without the subgroup feature.
    pub subgroup_min: u32,
    /// Largest subgroup, in invocations; 0 without the subgroup feature.
    pub subgroup_max: u32,
    /// Whether kernels can be timed by timestamps.
    pub timestamps: bool,
    /// Whether shaders can compute in f16.
    pub f16: bool,
    /// Whether shaders can use 64-bit integers.
    pub int64: bool,
    /// Whether a texture can share the memory of a buffer, its rows one behind the other, and a launch reads from it what
    /// one before it wrote to the buffer: so it is with Mesa's software adapter.
    pub shares_memory: bool,
    /// Largest storage binding in bytes.
    pub storage_binding_bytes: u64,
    /// Largest buffer in bytes.
    pub buffer_bytes: u64,
    /// Largest uniform binding in bytes.
    pub uniform_binding_bytes: u64,
    /// Storage buffers a shader may use.
    pub storage_buffers: u32,
    /// Invocations a workgroup may have.
    pub workgroup_invocations: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
}

/// An open device.
pub struct Gpu {
    /// The adapter it belongs to.
    pub info: AdapterInfo,
    adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// What [`super::shader::TAKEN`] stands for in every launch: they run one after the other.
    pub(super) taken: wgpu::Buffer,
    /// Most workgroups among which a launch's tiles are dealt out: enough for every thread of a software driver, which
    /// cuts a launch into equal shares; elsewhere as many as a grid has, since those at work together are the hardware's
    /// choice.
    pub(super) hands: usize,
    pub(super) pipelines: Mutex<HashMap<String, Arc<Pipeline>>>,
    pub(super) failure: Arc<Mutex<Option<String>>>,
}

/// What to install where no adapter is found.
pub const NO_ADAPTER: &str = "no GPU adapter found (Vulkan, Metal or DX12). On Linux, `./gpu-bearing` installs Mesa's \
                          software adapter; by hand: the package mesa-vulkan-drivers";

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    wgpu::Instance::new(descriptor)
}

/// All adapters, the one that would be picked first.
///
/// Discrete before integrated before software, since drivers themselves often offer the slower one first; of
/// one device's two backends, Vulkan before DX12.
fn adapters() -> Vec<wgpu::Adapter> {
    let mut adapters = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| {
        let info = adapter.get_info();
        (kind_of(info.device_type), info.backend == wgpu::Backend::Dx12)
    });
    adapters
}

fn kind_of(device_type: wgpu::DeviceType) -> AdapterType {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterType::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterType::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterType::Virtual,
        wgpu::DeviceType::Cpu => AdapterType::Software,
        wgpu::DeviceType::Other => AdapterType::Other,
    }
}

fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let features = adapter.features();
    let subgroups = features.contains(wgpu::Features::SUBGROUP);
    AdapterInfo {
        index,
        kind: kind_of(info.device_type),
        shares_memory: cfg!(target_os = "linux")
            && info.backend == wgpu::Backend::Vulkan
            && info.driver == "llvmpipe",
        name: info.name,
        backend: format!("{:?}", info.backend),
        driver: info.driver,
        driver_info: info.driver_info,
        subgroup_min: if subgroups { info.subgroup_min_size } else { 0 },
        subgroup_max: if subgroups { info.subgroup_max_size } else { 0 },
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        f16: features.contains(wgpu::Features::SHADER_F16),
        int64: features.contains(wgpu::Features::SHADER_INT64),
        storage_binding_bytes: limits.max_storage_buffer_binding_size,
        buffer_bytes: limits.max_buffer_size,
        uniform_binding_bytes: limits.max_uniform_buffer_binding_size,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
        workgroup_invocations: limits.max_compute_invocations_per_workgroup,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
    }
}

/// Every adapter of this machine; the first is the one that is picked without `--adapter`.
pub fn list() -> Vec<AdapterInfo> {
    adapters().iter().enumerate().map(|(index, adapter)| describe(index, adapter)).collect()
}

impl AdapterInfo {
    /// Whether this is a software driver: the processor runs the shaders.
    pub fn is_software(&self) -> bool {
        self.kind == AdapterType::Software
    }

    /// The Mesa release behind the driver, as (25, 0), where the driver names one.
    pub fn mesa(&self) -> Option<(u32, u32)> {
        let version = self.driver_info.split("Mesa ").nth(1)?;
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl std::fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            AdapterType::Discrete => "discrete GPU",
            AdapterType::Integrated => "integrated GPU",
            AdapterType::Virtual => "virtual GPU",
            AdapterType::Other => "GPU",
            AdapterType::Software => "software adapter",
        };
        write!(f, "{} ({kind}, {}, {})", self.name, self.backend, self.driver_info)
    }
}

impl Gpu {
    /// Opens the adapter that `selector` names, by its index in [`list`] or a part of its name; without one
    /// the first of the list.
    ///
    /// # Errors
    /// No adapter, none that fits (the error lists them), or the driver refuses.
    pub fn open(selector: Option<&str>) -> Result<Self> {
        let adapters = adapters();
        let infos: Vec<AdapterInfo> = adapters.iter().enumerate().map(|(i, a)| describe(i, a)).collect();
        if infos.is_empty() {
            return Err(Error::failed(NO_ADAPTER));
        }
        let index = match selector {
            None => 0,
            Some(selector) => choose(&infos, selector)?,
        };
        Self::on(&adapters[index], &infos[index])
    }

    /// Opens the same adapter once more: a device with a queue of its own.
    ///
    /// # Errors
    /// If the driver refuses.
    pub(super) fn reopen(&self) -> Result<Self> {
        Self::on(&self.adapter, &self.info)
    }

    fn on(adapter: &wgpu::Adapter, info: &AdapterInfo) -> Result<Self> {
        let wanted =
            wgpu::Features::SUBGROUP | wgpu::Features::SHADER_INT64 | wgpu::Features::TIMESTAMP_QUERY;
        let features = adapter.features() & wanted;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("gpu-bearing"),
            required_features: features,
            required_limits: adapter.limits(),
            ..Default::default()
        }))
        .map_err(|e| Error::failed(format!("{info}: cannot be opened: {e}")))?;
        let failure = Arc::new(Mutex::new(None));
        let record = {
            let failure = Arc::clone(&failure);
            move |message: String| {
                failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(message);
            }
        };
        let lost = record.clone();
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| record(e.to_string())));
        device.set_device_lost_callback(move |reason, message| {
            // A device that this process itself drops is not a failure.
            if reason != wgpu::DeviceLostReason::Destroyed {
                lost(format!("the device was lost: {message}"));
            }
        });
        let (info, adapter) = (info.clone(), adapter.clone());
        let taken = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(TAKEN),
            size: size_of::<u32>() as u64,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let hands = match available_parallelism() {
            Ok(cores) if info.is_software() => HANDS_A_CORE * cores.get(),
            _ => LARGEST_GRID,
        };
        Ok(Self { info, adapter, device, queue, taken, hands, pipelines: Mutex::default(), failure })
    }

    /// The first error that the device reported since the last call, if any.
    ///
    /// # Errors
    /// That error.
    pub(super) fn check(&self) -> Result<()> {
        match self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            None => Ok(()),
            Some(message) => Err(Error::failed(format!("{}: {message}", self.info.name))),
        }
    }
}

fn choose(infos: &[AdapterInfo], selector: &str) -> Result<usize> {
    let wanted = selector.to_lowercase();
    let index = selector.parse::<usize>().ok().filter(|index| *index < infos.len());
    // A number that is no index may be part of a name, such as a card's 4090.
    let named = || infos.iter().position(|info| info.name.to_lowercase().contains(&wanted));
    index.or_else(named).ok_or_else(|| {
        let names: Vec<String> = infos.iter().map(|info| format!("\n  {} {info}", info.index)).collect();
        Error::input(format!("--adapter {selector}: no such adapter; there are:{}", names.concat()))
    })
}
