// conv2d.subgroup: 2-D convolution as conv1d over bands. A band is a row of outputs' view of the image: at each column the
// `kernel` values beneath each other that the taps see, as channels, with zeros around it. What remains is a convolution
// along the columns, which conv1d computes: forward from the bands, its weight gradient from them, its input gradient
// into theirs.
//
//   bands[n, r, left + q, (j, i)] = x[n, r * stride + j - top, q, i], and 0 beyond the image
//   dx[n, p, q, i] = sum over j, r with r * stride + j - top = p of dbands[n, r, q, (j, i)]; with RELU times
//                    KEPT_SCALE, and 0 where x_kept is not positive
//
// Images are (N, H, W, C): element (n, p, q, i) of x stands at x_start + n * x_sequence + (p * W + q) * C + i, of dx at
// dx_start + n * dx_sequence + p * dx_row + q * C + i. bands is (N, rows, columns, kernel, C), and dbands, which has no
// zeros around it, (N, rows, W, kernel, C). Weights are (kernel width, kernel height, C_in, C_out): conv1d's, with
// kernel height and C_in as its channels. Backward keeps x_kept (the layer's input, as conv1d's).
//
// This variant needs 64-bit integers. It is made for a software adapter, where two elements as one u64 are loaded and
// stored in the time of one: an invocation takes RUN neighbouring channels. Channels and places come in whole runs.

override RELU: bool = false;
override KEPT_SCALE: f32 = 1.0;

struct Shape {
    batch: u32,      // N
    height: u32,     // H
    width: u32,      // W
    channels: u32,   // C
    kernel: u32,     // rows of taps
    stride: u32,     // rows of the image between two rows of outputs
    top: u32,        // rows of zeros that the convolution sees above the image
    rows: u32,       // rows of outputs
    left: u32,       // columns of zeros before a band
    columns: u32,    // columns of a band, zeros included
    x_start: u32,
    x_sequence: u32,
    dx_start: u32,
    dx_row: u32,
    dx_sequence: u32,
    kept_start: u32, // as x, for x_kept
    kept_sequence: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read_write> bands: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read> dbands: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read> x_kept: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec2<u64>>;

const WORKGROUP = 64u;
const RUN = 4u; // channels of an invocation, which share its divisions

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return bitcast<vec4f>(vec4u(low.x, high.x, low.y, high.y));
}

// Four floats as two u64: half the stores.
fn pairs(floats: vec4f) -> vec2<u64> {
    let words = bitcast<vec4u>(floats);
    return vec2<u64>(words.xz) | vec2<u64>(words.yw) << vec2u(32u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let runs = shape.channels / RUN;
    let tap = index / runs;
    let place = tap / shape.kernel;
    let band = place / shape.columns;
    if band >= shape.batch * shape.rows {
        return;
    }
    let first = (index - tap * runs) * RUN;
    let n = band / shape.rows;
    // Above and left of the image these wrap to more than any size.
    let p = (band - n * shape.rows) * shape.stride + (tap - place * shape.kernel) - shape.top;
    let q = place - band * shape.columns - shape.left;
    let inside = p < shape.height && q < shape.width;
    let pixel = n * shape.x_sequence + (p * shape.width + q) * shape.channels;
    let base = shape.x_start + select(0u, pixel, inside);
    let value = select(vec4f(0.0), floats(x[(base + first) / RUN]), inside);
    bands[(tap * shape.channels + first) / RUN] = pairs(value);
}

@compute @workgroup_size(WORKGROUP)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let runs = shape.channels / RUN;
    let pixel = index / runs;
    let row = pixel / shape.width;
    let n = row / shape.height;
    if n >= shape.batch {
        return;
    }
    let first = (index - pixel * runs) * RUN;
    let p = row - n * shape.height;
    let q = pixel - row * shape.width;
    // The rows of outputs that saw this one, and the tap that each saw it with: reach - r * stride.
    let reach = p + shape.top;
    let first_row = select(0u, (reach - shape.kernel) / shape.stride + 1u, reach >= shape.kernel);
    let end_row = min(reach / shape.stride + 1u, shape.rows);
    var sum = vec4f(0.0);
    for (var r = first_row; r < end_row; r++) {
        let tap = ((n * shape.rows + r) * shape.width + q) * shape.kernel + reach - r * shape.stride;
        sum += floats(dbands[(tap * shape.channels + first) / RUN]);
    }
    let i = (p * shape.width + q) * shape.channels + first;
    if RELU {
        let kept = floats(x_kept[(shape.kept_start + n * shape.kept_sequence + i) / RUN]);
        sum = select(vec4f(0.0), sum * KEPT_SCALE, kept > vec4f(0.0));
    }
    let to = shape.dx_start + n * shape.dx_sequence + p * shape.dx_row + q * shape.channels + first;
    dx[to / RUN] = pairs(sum);
}
