//! The table of variants: which row an adapter gets.

use gpu_bearing::gpu::adapter::{AdapterInfo, AdapterType};
use gpu_bearing::nn::tuned;
use gpu_bearing::nn::variants::{ROWS, Row};

pub(crate) fn adapter(kind: AdapterType, subgroup: u32) -> AdapterInfo {
    AdapterInfo {
        index: 0,
        name: "an adapter of no machine".into(),
        kind,
        backend: "Vulkan".into(),
        driver: "a driver".into(),
        driver_info: "1".into(),
        subgroup_min: subgroup,
        subgroup_max: subgroup,
        timestamps: false,
        f16: false,
        int64: true,
        shares_memory: kind == AdapterType::Software,
        storage_binding_bytes: 128 << 20,
        buffer_bytes: 256 << 20,
        uniform_binding_bytes: 64 << 10,
        storage_buffers: 8,
        workgroup_invocations: 256,
        workgroup_bytes: 16 << 10,
    }
}

#[test]
fn an_adapter_gets_the_row_of_its_type() {
    for (kind, subgroup, row) in [
        (AdapterType::Discrete, 32, "tiled"),
        (AdapterType::Discrete, 0, "tiled"),
        (AdapterType::Integrated, 8, "tiled"),
        (AdapterType::Virtual, 64, "tiled"),
        (AdapterType::Software, 8, "subgroup"),
        (AdapterType::Software, 4, "standard"),
        (AdapterType::Other, 32, "standard"),
    ] {
        assert_eq!(Row::of(&adapter(kind, subgroup)).name, row, "{kind:?} with subgroups of {subgroup}");
    }
}

#[test]
fn a_row_can_be_forced_where_the_adapter_has_what_it_needs() {
    let software = adapter(AdapterType::Software, 4);
    for row in ROWS.iter().filter(|row| row.subgroup == 0) {
        assert_eq!(tuned::choose(&software, Some(row.name)), Ok(row.variants()));
    }
    let error = tuned::choose(&software, Some("subgroup")).unwrap_err().to_string();
    assert!(error.contains("subgroups of at least 8") && error.contains("has 4"), "{error}");
    let narrow = AdapterInfo { int64: false, ..adapter(AdapterType::Software, 8) };
    let error = tuned::choose(&narrow, Some("subgroup")).unwrap_err().to_string();
    assert!(error.contains("64-bit integers"), "{error}");
    let apart = AdapterInfo { shares_memory: false, ..adapter(AdapterType::Software, 8) };
    let error = tuned::choose(&apart, Some("subgroup")).unwrap_err().to_string();
    assert!(error.contains("textures that share memory"), "{error}");
    assert_eq!(Row::of(&apart).name, "standard");
    let error = tuned::choose(&software, Some("tile")).unwrap_err().to_string();
    assert_eq!(error, "--variant tile: unknown; there are: tiled, subgroup, standard");
}
