//! A kernel compiled for a device, with the layout that its bindings need.

use super::plan::Kernel;
use super::shader::{Access, Entry};
use crate::Result;

/// A compiled kernel.
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) entry: Entry,
}

impl Pipeline {
    /// Compiles `kernel`. The layout is explicit, from reflection: an automatic one would drop bindings that
    /// overrides switch off.
    ///
    /// # Errors
    /// What naga says of the shader; what the driver says is reported by the device.
    pub(super) fn new(device: &wgpu::Device, kernel: &Kernel) -> Result<Self> {
        let entry = kernel.reflect()?;
        let buffer = |ty, has_dynamic_offset| wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset,
            min_binding_size: None,
        };
        let layout_entries: Vec<wgpu::BindGroupLayoutEntry> = entry
            .bindings
            .iter()
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding: binding.number,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: match binding.access {
                    Access::Uniform => buffer(wgpu::BufferBindingType::Uniform, binding.name == "step"),
                    Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }, false),
                    Access::ReadWrite => buffer(wgpu::BufferBindingType::Storage { read_only: false }, false),
                    Access::Texture(texel) => wgpu::BindingType::StorageTexture {
                        access: wgpu::StorageTextureAccess::ReadOnly,
                        format: texel.format(),
                        view_dimension: wgpu::TextureViewDimension::D2,
                    },
                },
                count: None,
            })
            .collect();
        let label = kernel.to_string();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &layout_entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let module = module(device, &label, kernel.file().source);
        let constants: Vec<(&str, f64)> = kernel.constants.iter().map(|(n, v)| (*n, *v)).collect();
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Ok(Self { pipeline, layout, entry })
    }
}

/// Compiles one of this program's shaders under all of wgpu's `ShaderRuntimeChecks` but one: that a loop ends. It counts
/// the turns of every loop and looks at the count in each, which costs the software adapter a tenth of a product.
#[allow(unsafe_code)]
fn module(device: &wgpu::Device, label: &str, source: &str) -> wgpu::ShaderModule {
    let descriptor =
        wgpu::ShaderModuleDescriptor { label: Some(label), source: wgpu::ShaderSource::Wgsl(source.into()) };
    let checks =
        wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
    // SAFETY: every loop of every shader compiled in counts by a step, which no launch sets to 0, towards a bound that
    // stands still (tests/cpu/loops.rs).
    unsafe { device.create_shader_module_trusted(descriptor, checks) }
}
