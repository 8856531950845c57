//! The WGSL files and what naga reflects from them: the host binds by name and types no number twice.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use super::plan::{Kernel, Value};
use crate::{Error, Result};

/// One WGSL file: a shader in one variant.
#[derive(Debug, Clone, Copy)]
pub struct Shader {
    /// The shader's name, as in `conv1d`.
    pub name: &'static str,
    /// `standard`, `small` and `tiled` run everywhere; `subgroup` and `subgroup_wide` where the variants' row `subgroup`
    /// does.
    pub variant: &'static str,
    /// The WGSL text.
    pub source: &'static str,
}

macro_rules! shader {
    ($name:literal) => {
        Shader {
            name: $name,
            variant: "standard",
            source: include_str!(concat!("../../shaders/", $name, ".wgsl")),
        }
    };
    ($name:literal, $variant:literal) => {
        Shader {
            name: $name,
            variant: $variant,
            source: include_str!(concat!("../../shaders/", $name, ".", $variant, ".wgsl")),
        }
    };
}

/// Every shader in every variant.
pub const SHADERS: &[Shader] = &[
    shader!("adam"),
    shader!("adam", "subgroup"),
    shader!("average_pool1d"),
    shader!("conv1d"),
    shader!("conv1d", "small"),
    shader!("conv1d", "subgroup"),
    shader!("conv1d", "tiled"),
    shader!("conv1d_max_pool1d", "subgroup"),
    shader!("conv2d"),
    shader!("conv2d", "subgroup"),
    shader!("dropout"),
    shader!("gather"),
    shader!("gradient_norm"),
    shader!("gradient_sum"),
    shader!("lstm"),
    shader!("lstm", "subgroup"),
    shader!("lstm", "subgroup_wide"),
    shader!("max_pool1d"),
    shader!("max_pool1d", "subgroup"),
    shader!("max_pool2d"),
    shader!("max_pool2d", "subgroup"),
    shader!("relu"),
    shader!("roof"),
    shader!("softmax_cross_entropy"),
];

/// The binding at which an entry point counts the tiles that its workgroups have taken: an `atomic<u32>`, 0 before and after
/// each launch. The device gives it.
pub const TAKEN: &str = "taken";

/// How an entry point uses a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var<uniform>`.
    Uniform,
    /// `texture_storage_2d<.., read>` of four elements a texel.
    Texture(Texel),
}

/// Four elements of a texture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Texel {
    /// `rgba32float`.
    Float,
    /// `rgba32uint`.
    Uint,
}

/// A binding that an entry point uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingInfo {
    /// The variable's name.
    pub name: String,
    /// `@binding` in group 0.
    pub number: u32,
    /// How it is used.
    pub access: Access,
    /// For a uniform struct: its fields with their offset in bytes, and its size in bytes.
    pub layout: Option<Layout>,
}

/// The layout of a uniform struct of 4-byte fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Fields by name: offset in bytes and whether it is an `f32`.
    pub fields: BTreeMap<String, (usize, bool)>,
    /// Size in bytes.
    pub size: usize,
}

/// What the host must know of an entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Bindings in use, by number.
    pub bindings: Vec<BindingInfo>,
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_memory: usize,
}

/// A parsed and validated module.
pub struct Module {
    /// The module.
    pub module: naga::Module,
    /// Its validation.
    pub info: ModuleInfo,
}

impl Layout {
    /// Writes `values` at their fields' places into `record`.
    ///
    /// # Errors
    /// A field that is missing, unknown or of the other type.
    pub fn write(&self, values: &[(&'static str, Value)], record: &mut [u32]) -> Result<()> {
        for (name, value) in values {
            let Some(&(offset, float)) = self.fields.get(*name) else {
                return Err(Error::failed(format!("no field `{name}`")));
            };
            if float != matches!(value, Value::F32(_)) {
                return Err(Error::failed(format!("field `{name}` is of the other type")));
            }
            record[offset / 4] = value.bits();
        }
        match self.fields.keys().find(|field| !values.iter().any(|(name, _)| name == field)) {
            Some(missing) => Err(Error::failed(format!("field `{missing}` is missing"))),
            None => Ok(()),
        }
    }
}

impl Shader {
    /// The file of shader `name` in `variant`.
    ///
    /// # Panics
    /// If there is none: names are written in `nn`, and a test lowers every kernel.
    pub fn find(name: &str, variant: &str) -> &'static Shader {
        SHADERS
            .iter()
            .find(|shader| shader.name == name && shader.variant == variant)
            .unwrap_or_else(|| panic!("no shader {name} in variant {variant}"))
    }

    /// The file's name below `shaders/`.
    pub fn file_name(&self) -> String {
        match self.variant {
            "standard" => format!("{}.wgsl", self.name),
            variant => format!("{}.{variant}.wgsl", self.name),
        }
    }

    /// Parses and validates the text.
    ///
    /// # Errors
    /// With naga's message and the place in the file.
    pub fn parse(&self) -> Result<Module> {
        let name = self.file_name();
        let module = naga::front::wgsl::parse_str(self.source)
            .map_err(|e| Error::failed(e.emit_to_string_with_path(self.source, &name)))?;
        let capabilities =
            Capabilities::SUBGROUP | Capabilities::SUBGROUP_BARRIER | Capabilities::SHADER_INT64;
        let info = Validator::new(ValidationFlags::all(), capabilities)
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all())
            .validate(&module)
            .map_err(|e| Error::failed(e.emit_to_string_with_path(self.source, &name)))?;
        Ok(Module { module, info })
    }

    /// The parsed module; every file is parsed once a process.
    ///
    /// # Errors
    /// As [`Shader::parse`].
    pub fn module(&self) -> Result<&'static Module> {
        static MODULES: LazyLock<Vec<Result<Module>>> =
            LazyLock::new(|| SHADERS.iter().map(Shader::parse).collect());
        let index = SHADERS.iter().position(|s| s.name == self.name && s.variant == self.variant);
        let index = index.ok_or_else(|| Error::failed(format!("{}: unknown shader", self.file_name())))?;
        MODULES[index].as_ref().map_err(Clone::clone)
    }

    /// The value of a `const` of type `u32`, such as a tile size.
    ///
    /// # Panics
    /// If the file has no such constant: the names are written beside the layer that uses them.
    pub fn constant(&self, name: &str) -> usize {
        let module = &self.module().unwrap_or_else(|e| panic!("{e}")).module;
        let (_, constant) = module
            .constants
            .iter()
            .find(|(_, constant)| constant.name.as_deref() == Some(name))
            .unwrap_or_else(|| panic!("{} has no constant {name}", self.file_name()));
        match module.global_expressions[constant.init] {
            naga::Expression::Literal(naga::Literal::U32(value)) => value as usize,
            _ => panic!("{}: constant {name} is not a u32", self.file_name()),
        }
    }
}

impl Entry {
    /// How the binding `name` is used, where there is one.
    pub fn access(&self, name: &str) -> Option<Access> {
        self.bindings.iter().find(|binding| binding.name == name).map(|binding| binding.access)
    }

    /// Whether its workgroups take tile after tile, as many as there are, instead of one each: then it declares
    /// [`TAKEN`].
    pub fn deals(&self) -> bool {
        self.access(TAKEN).is_some()
    }
}

impl Kernel {
    /// The file this kernel is an entry of.
    pub fn file(&self) -> &'static Shader {
        Shader::find(self.shader, self.variant)
    }

    /// The module with this kernel's overrides resolved, only its entry point left.
    ///
    /// # Errors
    /// If an override is unknown or a resolved size is invalid.
    pub fn resolve(&self) -> Result<Module> {
        let parsed = self.file().module()?;
        let stage = Some((naga::ShaderStage::Compute, self.entry));
        let constants = self.constants.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let (module, info) = naga::back::pipeline_constants::process_overrides(
            &parsed.module,
            &parsed.info,
            stage,
            &constants,
        )
        .map_err(|e| Error::failed(format!("{self}: {e}")))?;
        Ok(Module { module: module.into_owned(), info: info.into_owned() })
    }

    /// Bindings, sizes and layouts of the entry point.
    ///
    /// # Errors
    /// If the shader has no such entry point, or see [`Kernel::resolve`].
    pub fn reflect(&self) -> Result<Entry> {
        let parsed = self.file().module()?;
        if !parsed.module.entry_points.iter().any(|entry| entry.name == self.entry) {
            return Err(Error::failed(format!("{self}: no such entry point")));
        }
        // Which bindings an entry uses is asked of the file, not of the resolved module: a binding that
        // overrides switch off must still be in the layout.
        let index = parsed.module.entry_points.iter().position(|e| e.name == self.entry).unwrap_or_default();
        let usage = parsed.info.get_entry_point(index);
        let mut bindings = Vec::new();
        for (handle, variable) in parsed.module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            if usage[handle].is_empty() {
                continue;
            }
            let access = match variable.space {
                naga::AddressSpace::Handle => {
                    let texel = texel(&parsed.module.types[variable.ty].inner);
                    Access::Texture(texel.ok_or_else(|| {
                        Error::failed(format!("{self}: a texture of neither rgba32float nor rgba32uint"))
                    })?)
                }
                naga::AddressSpace::Uniform => Access::Uniform,
                naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                    Access::ReadWrite
                }
                _ => Access::Read,
            };
            let layout = match &parsed.module.types[variable.ty].inner {
                naga::TypeInner::Struct { members, span } if access == Access::Uniform => Some(Layout {
                    fields: members
                        .iter()
                        .map(|member| {
                            let float = matches!(
                                parsed.module.types[member.ty].inner,
                                naga::TypeInner::Scalar(naga::Scalar { kind: naga::ScalarKind::Float, .. })
                            );
                            (member.name.clone().unwrap_or_default(), (member.offset as usize, float))
                        })
                        .collect(),
                    size: *span as usize,
                }),
                _ => None,
            };
            bindings.push(BindingInfo {
                name: variable.name.clone().unwrap_or_default(),
                number: binding.binding,
                access,
                layout,
            });
        }
        bindings.sort_by_key(|binding| binding.number);
        let resolved = self.resolve()?;
        let entry = &resolved.module.entry_points[0];
        let usage = resolved.info.get_entry_point(0);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(resolved.module.to_ctx()).map_err(|e| Error::failed(format!("{self}: {e}")))?;
        let workgroup_memory = resolved
            .module
            .global_variables
            .iter()
            .filter(|(handle, variable)| {
                variable.space == naga::AddressSpace::WorkGroup && !usage[*handle].is_empty()
            })
            .map(|(_, variable)| layouter[variable.ty].size as usize)
            .sum();
        Ok(Entry { bindings, workgroup_size: entry.workgroup_size, workgroup_memory })
    }
}

/// What a handle holds, if it is a texture of four elements a texel.
fn texel(handle: &naga::TypeInner) -> Option<Texel> {
    let naga::TypeInner::Image { class: naga::ImageClass::Storage { format, .. }, .. } = handle else {
        return None;
    };
    match format {
        naga::StorageFormat::Rgba32Float => Some(Texel::Float),
        naga::StorageFormat::Rgba32Uint => Some(Texel::Uint),
        _ => None,
    }
}

impl Texel {
    pub(super) fn format(self) -> wgpu::TextureFormat {
        match self {
            Self::Float => wgpu::TextureFormat::Rgba32Float,
            Self::Uint => wgpu::TextureFormat::Rgba32Uint,
        }
    }

    /// A texture of so many of them, width and height, for shaders to read.
    pub(super) fn texture(self, [width, height]: [u32; 2]) -> wgpu::TextureDescriptor<'static> {
        wgpu::TextureDescriptor {
            label: Some("operand"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.format(),
            usage: wgpu::TextureUsages::STORAGE_BINDING,
            view_formats: &[],
        }
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.shader, self.entry)?;
        if self.variant != "standard" {
            write!(f, " ({})", self.variant)?;
        }
        Ok(())
    }
}
