// conv1d.subgroup: 1-D convolution as a matrix product, for every product of the network.
//
// In channel-last layout (N, L, C) the input of one output step is a contiguous run of kernel * C_in floats, so
// convolution is a product whose left operand has rows `x_step` = stride * C_in apart. A dense layer at every
// time step and the input projection of an LSTM are convolutions with kernel 1. With m = (n, t):
//
//   forward:          y[m, o] = b[o] + sum over k < depth of x[m * x_step + k] * w[k, o],  then ReLU with RELU
//   input_gradient:   dx[n, p, i] = sum over tap, o with p + left - tap = s * stride
//                                   of dy[n, s, o] * w[tap, i, o],  0 where x_kept is not positive with RELU
//   weight_gradient:  dw[k, o] = sum over m of x[m * x_step + k] * dy[m, o];  db[o] = sum over m of dy[m, o]
//
// w is (kernel, C_in, C_out), so k = tap * C_in + i and depth = kernel * C_in. Padding is zero rows around each
// sequence of x and dy. The input gradient of stride s is s interleaved products (phases), each over the taps
// that meet its positions. The weight gradient is cut along m into `splits` owners, added up by gradient_sum.
// Backward keeps x (the layer's input; with RELU it is the output of the ReLU below).
//
// This variant needs subgroups of at least WORKGROUP. LANES lanes side by side own ROWS x (LANES * COLUMNS) outputs
// in registers; narrow matrices take fewer lanes a row and more rows a workgroup. Each lane loads a LANES-th of a
// run of the left operand and shares it by a shuffle, which on a software adapter costs a tenth of a load.

override RELU: bool = false;
override LANES: u32 = 8u; // 1, 2, 4 or 8: lanes that share the rows of a tile

struct Shape {
    batch: u32,       // N
    length: u32,      // input steps, L
    steps: u32,       // output steps
    depth: u32,       // kernel * C_in
    channels: u32,    // C_in
    filters: u32,     // C_out
    kernel: u32,
    stride: u32,
    left: u32,        // zero rows that the convolution reads before the first step
    x_start: u32,     // element of x at which the first window of the first sequence begins
    x_sequence: u32,  // elements from one sequence of x to the next
    x_step: u32,      // stride * C_in
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    kept_start: u32,    // as dx, for x_kept
    kept_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
    splits: u32,        // owners of the weight gradient's sum
    dw_split: u32,      // elements from one owner's dw to the next
    db_split: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> x_kept: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read_write> dw: array<f32>;
@group(0) @binding(9) var<storage, read_write> db: array<f32>;

const WORKGROUP = 8u;
const ROWS = 16u;
const COLUMNS = 4u;

// Columns past the last are computed from the last and not stored.
fn column_indices(column: u32, columns: u32) -> vec4u {
    return min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(columns - 1u));
}

// Row m = (n, t) becomes the next one, the last of `rows` stays: it is computed again and not stored.
fn advance(m: ptr<function, u32>, n: ptr<function, u32>, t: ptr<function, u32>, rows: u32, steps: u32) {
    if *m + 1u < rows {
        *m += 1u;
        *t += 1u;
        if *t == steps {
            *t = 0u;
            *n += 1u;
        }
    }
}

// sum[r] += (left[r] of lane q) * right
fn multiply_add(sum: ptr<function, array<vec4f, ROWS>>, left: ptr<function, array<f32, ROWS>>, q: u32, right: vec4f) {
    (*sum)[0] = fma(vec4f(subgroupShuffle((*left)[0], q)), right, (*sum)[0]);
    (*sum)[1] = fma(vec4f(subgroupShuffle((*left)[1], q)), right, (*sum)[1]);
    (*sum)[2] = fma(vec4f(subgroupShuffle((*left)[2], q)), right, (*sum)[2]);
    (*sum)[3] = fma(vec4f(subgroupShuffle((*left)[3], q)), right, (*sum)[3]);
    (*sum)[4] = fma(vec4f(subgroupShuffle((*left)[4], q)), right, (*sum)[4]);
    (*sum)[5] = fma(vec4f(subgroupShuffle((*left)[5], q)), right, (*sum)[5]);
    (*sum)[6] = fma(vec4f(subgroupShuffle((*left)[6], q)), right, (*sum)[6]);
    (*sum)[7] = fma(vec4f(subgroupShuffle((*left)[7], q)), right, (*sum)[7]);
    (*sum)[8] = fma(vec4f(subgroupShuffle((*left)[8], q)), right, (*sum)[8]);
    (*sum)[9] = fma(vec4f(subgroupShuffle((*left)[9], q)), right, (*sum)[9]);
    (*sum)[10] = fma(vec4f(subgroupShuffle((*left)[10], q)), right, (*sum)[10]);
    (*sum)[11] = fma(vec4f(subgroupShuffle((*left)[11], q)), right, (*sum)[11]);
    (*sum)[12] = fma(vec4f(subgroupShuffle((*left)[12], q)), right, (*sum)[12]);
    (*sum)[13] = fma(vec4f(subgroupShuffle((*left)[13], q)), right, (*sum)[13]);
    (*sum)[14] = fma(vec4f(subgroupShuffle((*left)[14], q)), right, (*sum)[14]);
    (*sum)[15] = fma(vec4f(subgroupShuffle((*left)[15], q)), right, (*sum)[15]);
}

// sum[r] += (left[r / LANES] of the tile's lane r % LANES) * right
fn multiply_add_rows(
    sum: ptr<function, array<vec4f, ROWS>>,
    left: ptr<function, array<f32, ROWS>>,
    first: u32,
    right: vec4f,
) {
    (*sum)[0] = fma(vec4f(subgroupShuffle((*left)[0u / LANES], first + 0u % LANES)), right, (*sum)[0]);
    (*sum)[1] = fma(vec4f(subgroupShuffle((*left)[1u / LANES], first + 1u % LANES)), right, (*sum)[1]);
    (*sum)[2] = fma(vec4f(subgroupShuffle((*left)[2u / LANES], first + 2u % LANES)), right, (*sum)[2]);
    (*sum)[3] = fma(vec4f(subgroupShuffle((*left)[3u / LANES], first + 3u % LANES)), right, (*sum)[3]);
    (*sum)[4] = fma(vec4f(subgroupShuffle((*left)[4u / LANES], first + 4u % LANES)), right, (*sum)[4]);
    (*sum)[5] = fma(vec4f(subgroupShuffle((*left)[5u / LANES], first + 5u % LANES)), right, (*sum)[5]);
    (*sum)[6] = fma(vec4f(subgroupShuffle((*left)[6u / LANES], first + 6u % LANES)), right, (*sum)[6]);
    (*sum)[7] = fma(vec4f(subgroupShuffle((*left)[7u / LANES], first + 7u % LANES)), right, (*sum)[7]);
    (*sum)[8] = fma(vec4f(subgroupShuffle((*left)[8u / LANES], first + 8u % LANES)), right, (*sum)[8]);
    (*sum)[9] = fma(vec4f(subgroupShuffle((*left)[9u / LANES], first + 9u % LANES)), right, (*sum)[9]);
    (*sum)[10] = fma(vec4f(subgroupShuffle((*left)[10u / LANES], first + 10u % LANES)), right, (*sum)[10]);
    (*sum)[11] = fma(vec4f(subgroupShuffle((*left)[11u / LANES], first + 11u % LANES)), right, (*sum)[11]);
    (*sum)[12] = fma(vec4f(subgroupShuffle((*left)[12u / LANES], first + 12u % LANES)), right, (*sum)[12]);
    (*sum)[13] = fma(vec4f(subgroupShuffle((*left)[13u / LANES], first + 13u % LANES)), right, (*sum)[13]);
    (*sum)[14] = fma(vec4f(subgroupShuffle((*left)[14u / LANES], first + 14u % LANES)), right, (*sum)[14]);
    (*sum)[15] = fma(vec4f(subgroupShuffle((*left)[15u / LANES], first + 15u % LANES)), right, (*sum)[15]);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let tiles = (shape.filters + LANES * COLUMNS - 1u) / (LANES * COLUMNS);
    let rows = shape.batch * shape.steps;
    let part = lane % LANES;
    let first = lane - part;
    // Rows past the last are computed from the last and not stored: every lane takes part in the shuffles.
    let row = (index / tiles * (WORKGROUP / LANES) + first / LANES) * ROWS;
    let column = (index % tiles * LANES + part) * COLUMNS;
    let columns = column_indices(column, shape.filters);
    var at: array<u32, ROWS>;
    var m = min(row, rows - 1u);
    var n = m / shape.steps;
    var t = m % shape.steps;
    at[0] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[1] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[2] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[3] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[4] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[5] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[6] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[7] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[8] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[9] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[10] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[11] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[12] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[13] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[14] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    at[15] = shape.x_start + n * shape.x_sequence + t * shape.x_step;
    advance(&m, &n, &t, rows, shape.steps);
    let bias = vec4f(b[columns.x], b[columns.y], b[columns.z], b[columns.w]);
    var sum: array<vec4f, ROWS>;
    sum[0] = bias;
    sum[1] = bias;
    sum[2] = bias;
    sum[3] = bias;
    sum[4] = bias;
    sum[5] = bias;
    sum[6] = bias;
    sum[7] = bias;
    sum[8] = bias;
    sum[9] = bias;
    sum[10] = bias;
    sum[11] = bias;
    sum[12] = bias;
    sum[13] = bias;
    sum[14] = bias;
    sum[15] = bias;
    var left: array<f32, ROWS>;
    for (var k = 0u; k < shape.depth; k += LANES) {
        // A lane past the end of the run holds zeros.
        let inside = k + part < shape.depth;
        let run = min(k + part, shape.depth - 1u);
        left[0] = select(0.0, x[at[0] + run], inside);
        left[1] = select(0.0, x[at[1] + run], inside);
        left[2] = select(0.0, x[at[2] + run], inside);
        left[3] = select(0.0, x[at[3] + run], inside);
        left[4] = select(0.0, x[at[4] + run], inside);
        left[5] = select(0.0, x[at[5] + run], inside);
        left[6] = select(0.0, x[at[6] + run], inside);
        left[7] = select(0.0, x[at[7] + run], inside);
        left[8] = select(0.0, x[at[8] + run], inside);
        left[9] = select(0.0, x[at[9] + run], inside);
        left[10] = select(0.0, x[at[10] + run], inside);
        left[11] = select(0.0, x[at[11] + run], inside);
        left[12] = select(0.0, x[at[12] + run], inside);
        left[13] = select(0.0, x[at[13] + run], inside);
        left[14] = select(0.0, x[at[14] + run], inside);
        left[15] = select(0.0, x[at[15] + run], inside);
        for (var q = 0u; q < LANES; q++) {
            let source = columns + min(k + q, shape.depth - 1u) * shape.filters;
            multiply_add(&sum, &left, first + q, vec4f(w[source.x], w[source.y], w[source.z], w[source.w]));
        }
    }
    m = min(row, rows - 1u);
    n = m / shape.steps;
    t = m % shape.steps;
    for (var r = 0u; r < ROWS; r++) {
        if row + r < rows {
            let to = shape.y_start + n * shape.y_sequence + t * shape.filters;
            for (var j = 0u; j < COLUMNS; j++) {
                if column + j < shape.filters {
                    y[to + column + j] = select(sum[r][j], max(sum[r][j], 0.0), RELU);
                }
            }
        }
        advance(&m, &n, &t, rows, shape.steps);
    }
}

@compute @workgroup_size(WORKGROUP)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let tiles = (shape.channels + LANES * COLUMNS - 1u) / (LANES * COLUMNS);
    // A phase's positions are p = q * stride + phase; phases have equally many tiles of rows.
    let positions = (shape.length + shape.stride - 1u) / shape.stride;
    let rows = shape.batch * positions;
    let tile_rows = ROWS * WORKGROUP / LANES;
    let row_tiles = (rows + tile_rows - 1u) / tile_rows;
    let phase = index / tiles / row_tiles;
    if phase >= shape.stride {
        return;
    }
    let part = lane % LANES;
    let first = lane - part;
    let row = index / tiles % row_tiles * tile_rows + first / LANES * ROWS;
    let column = (index % tiles * LANES + part) * COLUMNS;
    let columns = column_indices(column, shape.channels);
    // The phase meets taps first_tap, first_tap + stride, ...; later taps meet earlier steps of dy.
    let first_tap = (phase + shape.left) % shape.stride;
    let latest = (phase + shape.left) / shape.stride;
    let taps = (shape.kernel + shape.stride - 1u - first_tap) / shape.stride;
    var at: array<u32, ROWS>;
    var m = min(row, rows - 1u);
    var n = m / positions;
    var t = m % positions;
    at[0] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[1] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[2] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[3] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[4] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[5] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[6] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[7] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[8] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[9] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[10] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[11] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[12] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[13] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[14] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    at[15] = shape.dy_start + n * shape.dy_sequence + (t + latest) * shape.filters;
    advance(&m, &n, &t, rows, positions);
    var sum: array<vec4f, ROWS>;
    sum[0] = vec4f(0.0);
    sum[1] = vec4f(0.0);
    sum[2] = vec4f(0.0);
    sum[3] = vec4f(0.0);
    sum[4] = vec4f(0.0);
    sum[5] = vec4f(0.0);
    sum[6] = vec4f(0.0);
    sum[7] = vec4f(0.0);
    sum[8] = vec4f(0.0);
    sum[9] = vec4f(0.0);
    sum[10] = vec4f(0.0);
    sum[11] = vec4f(0.0);
    sum[12] = vec4f(0.0);
    sum[13] = vec4f(0.0);
    sum[14] = vec4f(0.0);
    sum[15] = vec4f(0.0);
    var left: array<f32, ROWS>;
    for (var tap = 0u; tap < taps; tap++) {
        let back = tap * shape.filters;
        let base = (columns + (first_tap + tap * shape.stride) * shape.channels) * shape.filters;
        for (var o = 0u; o < shape.filters; o += LANES) {
            let inside = o + part < shape.filters;
            let run = min(o + part, shape.filters - 1u);
            left[0] = select(0.0, dy[at[0] - back + run], inside);
            left[1] = select(0.0, dy[at[1] - back + run], inside);
            left[2] = select(0.0, dy[at[2] - back + run], inside);
            left[3] = select(0.0, dy[at[3] - back + run], inside);
            left[4] = select(0.0, dy[at[4] - back + run], inside);
            left[5] = select(0.0, dy[at[5] - back + run], inside);
            left[6] = select(0.0, dy[at[6] - back + run], inside);
            left[7] = select(0.0, dy[at[7] - back + run], inside);
            left[8] = select(0.0, dy[at[8] - back + run], inside);
            left[9] = select(0.0, dy[at[9] - back + run], inside);
            left[10] = select(0.0, dy[at[10] - back + run], inside);
            left[11] = select(0.0, dy[at[11] - back + run], inside);
            left[12] = select(0.0, dy[at[12] - back + run], inside);
            left[13] = select(0.0, dy[at[13] - back + run], inside);
            left[14] = select(0.0, dy[at[14] - back + run], inside);
            left[15] = select(0.0, dy[at[15] - back + run], inside);
            for (var q = 0u; q < LANES; q++) {
                let source = base + min(o + q, shape.filters - 1u);
                multiply_add(&sum, &left, first + q, vec4f(w[source.x], w[source.y], w[source.z], w[source.w]));
            }
        }
    }
    m = min(row, rows - 1u);
    n = m / positions;
    t = m % positions;
    for (var r = 0u; r < ROWS; r++) {
        let p = t * shape.stride + phase;
        if row + r < rows && p < shape.length {
            for (var j = 0u; j < COLUMNS; j++) {
                let i = p * shape.channels + column + j;
                if column + j < shape.channels {
                    var value = sum[r][j];
                    if RELU {
                        value = select(0.0, value, x_kept[shape.kept_start + n * shape.kept_sequence + i] > 0.0);
                    }
                    dx[shape.dx_start + n * shape.dx_sequence + i] = value;
                }
            }
        }
        advance(&m, &n, &t, rows, positions);
    }
}

@compute @workgroup_size(WORKGROUP)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let tiles = (shape.filters + LANES * COLUMNS - 1u) / (LANES * COLUMNS);
    let tile_rows = ROWS * WORKGROUP / LANES;
    let row_tiles = (shape.depth + tile_rows - 1u) / tile_rows;
    let split = index / tiles / row_tiles;
    if split >= shape.splits {
        return;
    }
    let part = lane % LANES;
    let first = lane - part;
    let row = index / tiles % row_tiles * tile_rows + first / LANES * ROWS;
    let column = (index % tiles * LANES + part) * COLUMNS;
    let columns = column_indices(column, shape.filters);
    let total = shape.batch * shape.steps;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var left: array<f32, ROWS>;
    var sum: array<vec4f, ROWS>;
    sum[0] = vec4f(0.0);
    sum[1] = vec4f(0.0);
    sum[2] = vec4f(0.0);
    sum[3] = vec4f(0.0);
    sum[4] = vec4f(0.0);
    sum[5] = vec4f(0.0);
    sum[6] = vec4f(0.0);
    sum[7] = vec4f(0.0);
    sum[8] = vec4f(0.0);
    sum[9] = vec4f(0.0);
    sum[10] = vec4f(0.0);
    sum[11] = vec4f(0.0);
    sum[12] = vec4f(0.0);
    sum[13] = vec4f(0.0);
    sum[14] = vec4f(0.0);
    sum[15] = vec4f(0.0);
    var bias = vec4f(0.0);
    var m = begin;
    var n = m / shape.steps;
    var t = m % shape.steps;
    while m < end {
        let source = columns + shape.dy_start + n * shape.dy_sequence + t * shape.filters;
        let gradient = vec4f(dy[source.x], dy[source.y], dy[source.z], dy[source.w]);
        let at = shape.x_start + n * shape.x_sequence + t * shape.x_step;
        for (var i = 0u; i < ROWS / LANES; i++) {
            left[i] = x[at + min(row + i * LANES + part, shape.depth - 1u)];
        }
        multiply_add_rows(&sum, &left, first, gradient);
        bias += gradient;
        advance(&m, &n, &t, total + 1u, shape.steps);
    }
    for (var j = 0u; j < COLUMNS; j++) {
        if column + j < shape.filters {
            for (var r = 0u; r < ROWS; r++) {
                if row + r < shape.depth {
                    dw[split * shape.dw_split + (row + r) * shape.filters + column + j] = sum[r][j];
                }
            }
            if row == 0u {
                db[split * shape.db_split + column + j] = bias[j];
            }
        }
    }
}
