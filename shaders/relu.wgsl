// relu: y = max(x, 0); dx = dy where y > 0, otherwise 0. Backward keeps y.
//
// Tensors are (N, L, C) with padding rows around each sequence: element (n, t, c) of a tensor stands at
// start + n * sequence + t * C + c.

struct Shape {
    batch: u32,      // N
    row: u32,        // L * C: elements of one sequence, padding aside
    x_start: u32,
    x_sequence: u32,
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> y_kept: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if index >= shape.batch * shape.row {
        return;
    }
    let n = index / shape.row;
    let i = index % shape.row;
    y[shape.y_start + n * shape.y_sequence + i] = max(x[shape.x_start + n * shape.x_sequence + i], 0.0);
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if index >= shape.batch * shape.row {
        return;
    }
    let n = index / shape.row;
    let i = index % shape.row;
    let passes = y_kept[shape.y_start + n * shape.y_sequence + i] > 0.0;
    dx[shape.dx_start + n * shape.dx_sequence + i] =
        select(0.0, dy[shape.dy_start + n * shape.dy_sequence + i], passes);
}
