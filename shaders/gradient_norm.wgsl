// gradient_norm: the factor that clips gradients by their global norm, as PyTorch's clip_grad_norm_ does.
//
//   squares[j] = sum of g[i]^2 over i = j, j + owners, j + 2 owners, ...
//   clip[0] = min(1, limit / (sqrt(sum of squares) + 1e-6)),  clip[1] = the norm
//
// Two launches: `squares` (many owners), then `scale` (one workgroup). Both sums have a fixed order.

struct Shape {
    count: u32,  // gradients
    owners: u32, // partial sums, a multiple of WORKGROUP
    limit: f32,  // largest norm allowed
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> squares_out: array<f32>;
@group(0) @binding(3) var<storage, read> squares_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> clip: array<f32>;

const WORKGROUP = 64u;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn squares(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let owner = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if owner >= shape.owners {
        return;
    }
    var sum = 0.0;
    for (var i = owner; i < shape.count; i += shape.owners) {
        sum += g[i] * g[i];
    }
    squares_out[owner] = sum;
}

@compute @workgroup_size(WORKGROUP)
fn scale(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < shape.owners; i += WORKGROUP) {
        sum += squares_in[i];
    }
    sums[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var i = 0u; i < WORKGROUP; i++) {
            total += sums[i];
        }
        let norm = sqrt(total);
        clip[0] = min(1.0, shape.limit / (norm + 1e-6));
        clip[1] = norm;
    }
}
