// max_pool2d.subgroup: maximum over windows of `down` rows and `across` columns, strides alike; incomplete last windows are
// dropped.
//
//   y[n, r, s, c] = max over j, k of x[n, r * down + j, s * across + k, c]
//   position[n, r, s, c] = the first j * across + k that attains it
//   dx[n, r * down + j, s * across + k, c] = dy[n, r, s, c] where j * across + k = position[n, r, s, c], otherwise 0
//
// With RELU the gradient also passes through the ReLU below the pool: it is 0 where y is not positive.
// Backward keeps position (and y with RELU). Every element of dx has one owner, the dropped edges included.
//
// Images are (N, H, W, C): element (n, p, q, c) of x stands at x_start + n * x_sequence + (p * W + q) * C + c, of dx at
// dx_start + n * dx_sequence + p * dx_row + q * C + c.
//
// This variant needs 64-bit integers. It is made for a software adapter, where two elements as one u64 are loaded and
// stored in the time of one: an invocation takes RUN neighbouring channels. Channels and places come in whole runs.

override RELU: bool = false;

struct Shape {
    batch: u32,         // N
    height: u32,        // input rows, H
    width: u32,         // input columns, W
    channels: u32,      // C
    down: u32,          // rows of a window
    across: u32,        // columns of a window
    pooled_height: u32, // output rows, H / down
    pooled_width: u32,  // output columns, W / across
    x_start: u32,
    x_sequence: u32,
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_row: u32,
    dx_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read_write> position: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read> y_kept: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read> position_kept: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read> dy: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec2<u64>>;

const WORKGROUP = 64u;
const RUN = 4u; // channels of an invocation

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(words(pairs));
}

fn words(pairs: vec2<u64>) -> vec4u {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return vec4u(low.x, high.x, low.y, high.y);
}

// Four words as two u64: half the stores.
fn pairs(words: vec4u) -> vec2<u64> {
    return vec2<u64>(words.xz) | vec2<u64>(words.yw) << vec2u(32u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = ((group.y * groups.x + group.x) * WORKGROUP + lane) * RUN;
    let window = index / shape.channels;
    let row = window / shape.pooled_width;
    let n = row / shape.pooled_height;
    if n >= shape.batch {
        return;
    }
    let c = index - window * shape.channels;
    let p = (row - n * shape.pooled_height) * shape.down;
    let q = (window - row * shape.pooled_width) * shape.across;
    let base = shape.x_start + n * shape.x_sequence + (p * shape.width + q) * shape.channels + c;
    var best = floats(x[base / RUN]);
    var at = vec4u(0u);
    for (var j = 0u; j < shape.down; j++) {
        for (var k = 0u; k < shape.across; k++) {
            let value = floats(x[(base + (j * shape.width + k) * shape.channels) / RUN]);
            at = select(at, vec4u(j * shape.across + k), value > best);
            best = select(best, value, value > best);
        }
    }
    let i = index - n * shape.pooled_height * shape.pooled_width * shape.channels;
    y[(shape.y_start + n * shape.y_sequence + i) / RUN] = pairs(bitcast<vec4u>(best));
    position[index / RUN] = pairs(at);
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    // An invocation owns one window of RUN channels; the dropped edges are windows without a maximum.
    let index = ((group.y * groups.x + group.x) * WORKGROUP + lane) * RUN;
    let rows = (shape.height + shape.down - 1u) / shape.down;
    let columns = (shape.width + shape.across - 1u) / shape.across;
    let window = index / shape.channels;
    let row = window / columns;
    let n = row / rows;
    if n >= shape.batch {
        return;
    }
    let c = index - window * shape.channels;
    let r = row - n * rows;
    let s = window - row * columns;
    var value = vec4f(0.0);
    var at = vec4u(0u);
    if r < shape.pooled_height && s < shape.pooled_width {
        let i = (r * shape.pooled_width + s) * shape.channels + c;
        let kept = n * shape.pooled_height * shape.pooled_width * shape.channels + i;
        at = words(position_kept[kept / RUN]);
        value = floats(dy[(shape.dy_start + n * shape.dy_sequence + i) / RUN]);
        if RELU {
            let y = floats(y_kept[(shape.y_start + n * shape.y_sequence + i) / RUN]);
            value = select(vec4f(0.0), value, y > vec4f(0.0));
        }
    }
    let p = r * shape.down;
    let q = s * shape.across;
    let base = shape.dx_start + n * shape.dx_sequence + p * shape.dx_row + q * shape.channels + c;
    for (var j = 0u; j < min(shape.down, shape.height - p); j++) {
        for (var k = 0u; k < min(shape.across, shape.width - q); k++) {
            let passed = select(vec4f(0.0), value, vec4u(j * shape.across + k) == at);
            dx[(base + j * shape.dx_row + k * shape.channels) / RUN] = pairs(bitcast<vec4u>(passed));
        }
    }
}
