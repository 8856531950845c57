//! Every shader in every variant, without an adapter: it validates, fits WebGPU's default limits, translates
//! for Vulkan, Metal and DX12, and agrees with its variants.

use std::collections::{BTreeMap, BTreeSet};

use gpu_bearing::gpu::Kernel;
use gpu_bearing::gpu::shader::{Access, BindingInfo, SHADERS, Shader, TAKEN};
use naga::back::{hlsl, msl, spv};

/// WebGPU's default limits: storage buffers, storage textures and uniform buffers a stage, invocations and bytes of a workgroup.
const STORAGE_BUFFERS: usize = 8;
const STORAGE_TEXTURES: usize = 4;
const UNIFORM_BUFFERS: usize = 12;
const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: usize = 16 << 10;

/// Entries that only some variants have, which do in one launch what others do in two, with the entries whose bindings
/// they share.
const TWO_IN_ONE: [(&str, &[&str]); 3] = [
    ("gradients", &["weight_gradient", "input_gradient"]),
    ("forward_one_channel", &["forward"]),
    ("backward_one_channel", &["backward"]),
];

/// The entries of a file with their overrides at the defaults.
fn kernels(shader: &Shader) -> Vec<Kernel> {
    let module = &shader.module().unwrap_or_else(|e| panic!("{e}")).module;
    let kernel = |entry: &'static naga::EntryPoint| Kernel {
        shader: shader.name,
        variant: shader.variant,
        entry: &entry.name,
        constants: BTreeMap::new(),
    };
    module.entry_points.iter().map(kernel).collect()
}

fn every_kernel() -> impl Iterator<Item = Kernel> {
    SHADERS.iter().flat_map(kernels)
}

#[test]
fn every_file_is_compiled_in_and_has_an_entry() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".wgsl"))
        .collect();
    let compiled_in: BTreeSet<String> = SHADERS.iter().map(Shader::file_name).collect();
    assert_eq!(files, compiled_in);
    for shader in SHADERS {
        assert!(!kernels(shader).is_empty(), "{} has no entry point", shader.file_name());
    }
}

#[test]
fn every_entry_fits_the_default_limits() {
    for kernel in every_kernel() {
        let entry = kernel.reflect().unwrap();
        let uniforms = entry.bindings.iter().filter(|binding| binding.access == Access::Uniform).count();
        let is_texture = |info: &&BindingInfo| matches!(info.access, Access::Texture(_));
        let textures = entry.bindings.iter().filter(is_texture).count();
        let storage = entry.bindings.len() - uniforms - textures;
        assert!(storage <= STORAGE_BUFFERS, "{kernel}: {storage} storage buffers");
        assert!(textures <= STORAGE_TEXTURES, "{kernel}: {textures} storage textures");
        assert!(uniforms <= UNIFORM_BUFFERS, "{kernel}: {uniforms} uniform buffers");
        let invocations: u32 = entry.workgroup_size.iter().product();
        assert!((1..=INVOCATIONS).contains(&invocations), "{kernel}: {invocations} invocations");
        let bytes = entry.workgroup_memory;
        assert!(bytes <= WORKGROUP_BYTES, "{kernel}: {bytes} bytes of workgroup memory");
    }
}

#[test]
fn bindings_stand_in_group_0_each_under_its_own_number() {
    for shader in SHADERS {
        let module = &shader.module().unwrap().module;
        let mut numbers = BTreeMap::new();
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            let file = shader.file_name();
            assert_eq!(binding.group, 0, "{file}: {:?}", variable.name);
            let other = numbers.insert(binding.binding, variable.name.clone());
            assert_eq!(other, None, "{file}: binding {} is taken twice", binding.binding);
        }
    }
}

#[test]
fn every_entry_translates_to_spirv_msl_and_hlsl() {
    for kernel in every_kernel() {
        let resolved = kernel.resolve().unwrap();
        let (module, info) = (&resolved.module, &resolved.info);
        let stage = naga::ShaderStage::Compute;
        let subgroups = kernel.variant.starts_with("subgroup");

        // The versions that wgpu asks for: SPIR-V 1.3 and shader model 6 come with subgroups.
        let options =
            spv::Options { lang_version: if subgroups { (1, 3) } else { (1, 0) }, ..spv::Options::default() };
        let pipeline = spv::PipelineOptions { shader_stage: stage, entry_point: kernel.entry.into() };
        let words = spv::write_vec(module, info, &options, Some(&pipeline))
            .unwrap_or_else(|e| panic!("{kernel}: SPIR-V: {e}"));
        assert_eq!(words[0], 0x0723_0203, "{kernel}: SPIR-V starts with its magic number");

        let options = msl::Options { lang_version: (2, 1), ..msl::Options::default() };
        let pipeline = msl::PipelineOptions {
            entry_point: Some((stage, kernel.entry.into())),
            ..msl::PipelineOptions::default()
        };
        let (text, translated) = msl::write_string(module, info, &options, &pipeline)
            .unwrap_or_else(|e| panic!("{kernel}: MSL: {e}"));
        let name = translated.entry_point_names[0].as_ref().unwrap_or_else(|e| panic!("{kernel}: MSL: {e}"));
        assert!(text.contains(&format!("kernel void {name}")), "{kernel}: MSL lacks the entry");

        let options = hlsl::Options {
            shader_model: if subgroups { hlsl::ShaderModel::V6_0 } else { hlsl::ShaderModel::V5_1 },
            ..hlsl::Options::default()
        };
        let pipeline = hlsl::PipelineOptions { entry_point: Some((stage, kernel.entry.into())) };
        let mut text = String::new();
        let translated = hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(module, info, None)
            .unwrap_or_else(|e| panic!("{kernel}: HLSL: {e}"));
        let name = translated.entry_point_names[0].as_ref().unwrap_or_else(|e| panic!("{kernel}: HLSL: {e}"));
        assert!(text.contains(&format!("void {name}(")), "{kernel}: HLSL lacks the entry");
    }
}

#[test]
fn variants_of_a_shader_have_the_same_entries_and_bindings() {
    for shader in SHADERS.iter().filter(|shader| shader.variant != "standard") {
        let bindings = |shader: &Shader| -> BTreeMap<_, _> {
            let reflected = |kernel: &Kernel| {
                let mut bindings = kernel.reflect().unwrap().bindings;
                // The device gives it, whatever the plan binds.
                bindings.retain(|info| info.name != TAKEN);
                // What one variant reads from a buffer another may read from a texture: a plan binds both alike.
                for info in &mut bindings {
                    if matches!(info.access, Access::Texture(_)) {
                        info.access = Access::Read;
                    }
                }
                bindings
            };
            kernels(shader).iter().map(|kernel| (kernel.entry, reflected(kernel))).collect()
        };
        // A shader that only one kind of adapter gains from has no standard to agree with.
        if let Some(standard) = SHADERS.iter().find(|s| s.name == shader.name && s.variant == "standard") {
            let mut own = bindings(shader);
            for (both, parts) in TWO_IN_ONE {
                let Some(both) = own.remove(both) else { continue };
                let parts = parts.iter().flat_map(|entry| &own[entry]);
                assert!(parts.into_iter().all(|info| both.contains(info)), "{}", shader.file_name());
            }
            assert_eq!(own, bindings(standard), "{} (left)", shader.file_name());
        }
    }
}

#[test]
fn the_step_record_is_laid_out_alike_everywhere() {
    let mut layouts = every_kernel().flat_map(|kernel| {
        let bindings = kernel.reflect().unwrap().bindings;
        let step = bindings.into_iter().find(|binding| binding.name == "step");
        step.map(|binding| (kernel.to_string(), binding.layout.expect("a uniform struct")))
    });
    let (first, layout) = layouts.next().expect("a kernel that reads the step");
    for (kernel, other) in layouts {
        assert_eq!(other, layout, "{kernel} (left), {first} (right)");
    }
}
