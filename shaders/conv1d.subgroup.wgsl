// conv1d.subgroup: 1-D convolution as a matrix product, for every product of the network.
//
// In channel-last layout (N, L, C) the input of one output step is a contiguous run of kernel * C_in floats, so
// convolution is a product whose left operand has rows `x_step` = stride * C_in apart. A dense layer at every
// time step and the input projection of an LSTM are convolutions with kernel 1. With m = (n, t):
//
//   forward:          y[m, o] = b[o] + sum over k < depth of x[m * x_step + k] * w[k, o],  then ReLU with RELU,
//                     then, with POOL above 1, the max-pool of that size (max_pool1d, which see)
//   input_gradient:   dx[n, p, i] = sum over tap, o with p + left - tap = s * stride
//                                   of dy[n, s, o] * w[tap, i, o]; with RELU times
//                      KEPT_SCALE, and 0 where x_kept is not positive
//   weight_gradient:  dw[k, o] = sum over m of x[m * x_step + k] * dy[m, o];  db[o] = sum over m of dy[m, o]
//
// w is (kernel, C_in, C_out), so k = tap * C_in + i and depth = kernel * C_in. Padding is zero rows around each
// sequence of x and dy. The input gradient of stride s is s interleaved products (phases), each over the taps
// that meet its positions. The weight gradient is cut along m into `splits` owners, added up by gradient_sum.
// Backward keeps x (the layer's input; with RELU it is the output of the ReLU below, or of a dropout after that
// ReLU: what it has dropped is not positive either, and what it has kept it has multiplied by KEPT_SCALE).
// With a pool the rows m of forward are those of whole windows, so none straddles two sequences, and only y and
// position (N, steps / POOL, C_out) are written, the latter with KEEP_POSITION.
//
// This variant needs subgroups of WORKGROUP invocations and 64-bit integers. It is made for a software adapter of eight
// lanes, where a load of four floats from a texture costs as much as thirty multiply-adds, from a buffer three times as
// much, a store of two floats as one u64 no more than that of one, and every variable that lives through a loop is
// copied at each turn. So a subgroup holds a tile of ROWS x (LANES * COLUMNS) sums, loads RUN neighbours of both operands
// at once from textures and shares the left one by shuffles, and takes RUN products to each sum in one turn, row after
// row, so that a row's sums and the right operand stay in registers. The higher a tile, the fewer loads a product: half
// the height was a tenth slower. It asks for filters in whole runs, input_gradient for channels too. A longer run has
// fewer copies, but leaves no registers for the right operand, and was no faster. Loops that index the sums are short
// enough for the compiler to unroll: what it does not unroll it keeps in memory, four times as slow.
//
// The adapter cuts a launch into equal shares, one a thread, and waits for the last. So there it gets few subgroups, and each
// takes the next tile when it is done with one: a core that a neighbour slows down takes fewer. Which subgroup computes a
// tile does not change its bits. And it waits for one launch before it begins the next, so `gradients`, which no other
// variant has, is weight_gradient and input_gradient of one product in one launch.

override RELU: bool = false;
override KEPT_SCALE: f32 = 1.0;
override POOL: u32 = 1u; // 1 (none), 2, 4 or 8
override KEEP_POSITION: bool = false;
override LANES: u32 = 8u;       // 4 or 8: lanes side by side along the columns; with 4 a lane has half of the tile's rows
override SHIFTED: bool = false; // whether runs of x begin elsewhere than at multiples of RUN, or depth ends within one
override RUNS: u32 = 8u;        // of rows in a tile of weight_gradient: 1, 4 or 8

struct Shape {
    batch: u32,       // N
    length: u32,      // input steps, L
    steps: u32,       // output steps; of forward those in whole windows of the pool
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
@group(0) @binding(1) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var w: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(5) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var<storage, read> x_kept: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec2<u64>>;
@group(0) @binding(8) var<storage, read_write> dw: array<vec2<u64>>;
@group(0) @binding(9) var<storage, read_write> db: array<vec2<u64>>;
@group(0) @binding(10) var<storage, read_write> position: array<vec2<u64>>;
@group(0) @binding(11) var<storage, read_write> taken: atomic<u32>; // tiles of the launch; 0 before and after it

const WORKGROUP = 8u;
const ROWS = 32u; // of a tile, those of weight_gradient aside; a lane has as many sums of COLUMNS, or half of them
const COLUMNS = 4u;
const RUN = 4u;
const ROW_TEXELS = 1024u; // texels in a row of a texture

// The next tile; `tiles` or more where none is left. Each of the launch's subgroups asks once in vain, and the last to do so
// leaves the count as it was found.
fn take(tiles: u32, subgroups: u32, lane: u32) -> u32 {
    var tile = 0u;
    if lane == 0u {
        tile = atomicAdd(&taken, 1u);
        if tile + 1u == tiles + subgroups {
            atomicStore(&taken, 0u);
        }
    }
    return subgroupBroadcastFirst(tile);
}

// Where the RUN elements of an operand from `at` on stand in its texture; runs begin at multiples of RUN.
fn texel(at: u32) -> vec2u {
    return vec2u(at / RUN % ROW_TEXELS, at / RUN / ROW_TEXELS);
}

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return bitcast<vec4f>(vec4u(low.x, high.x, low.y, high.y));
}

// The RUN elements of x from `at` on; zeros behind the first `count`.
fn run_of_x(at: u32, count: u32) -> vec4f {
    let front = textureLoad(x, texel(at));
    if !SHIFTED {
        return front;
    }
    let back = textureLoad(x, texel(at + RUN));
    let two = (at & 2u) != 0u;
    let a = select(front, vec4f(front.zw, back.xy), two);
    let b = select(back, back.zwzw, two);
    let run = select(a, vec4f(a.yzw, b.x), (at & 1u) != 0u);
    return select(vec4f(0.0), run, vec4u(0u, 1u, 2u, 3u) < vec4u(count));
}

// Columns `source` to `source` + RUN - 1 of row k of w; behind the last row, where x counts nothing, those of the last.
fn run_of_w(k: u32, source: u32) -> vec4f {
    let row = select(k, min(k, shape.depth - 1u), SHIFTED);
    return textureLoad(w, texel(row * shape.filters + source));
}

// sum + the products of lane `lane`'s run with the rows of `right`
fn along(sum: vec4f, left: vec4f, lane: u32, right: array<vec4f, RUN>) -> vec4f {
    var s = sum;
    s += subgroupShuffle(left.x, lane) * right[0];
    s += subgroupShuffle(left.y, lane) * right[1];
    s += subgroupShuffle(left.z, lane) * right[2];
    s += subgroupShuffle(left.w, lane) * right[3];
    return s;
}

// sum + the products of `left` of RUN lanes from `first` on with the rows of `right`
fn across(sum: vec4f, left: f32, first: u32, right: array<vec4f, RUN>) -> vec4f {
    var s = sum;
    s += subgroupShuffle(left, first) * right[0];
    s += subgroupShuffle(left, first + 1u) * right[1];
    s += subgroupShuffle(left, first + 2u) * right[2];
    s += subgroupShuffle(left, first + 3u) * right[3];
    return s;
}

// 0, which the compiler cannot know.
fn hidden_zero() -> u32 {
    return shape.batch >> 31u;
}

// The first of the LANES lanes side by side that `lane` is among; hidden, since of a shuffle from a lane that it knows the
// compiler makes two instructions.
fn first_lane(lane: u32) -> u32 {
    return lane - lane % LANES + hidden_zero();
}

// Half of a lane's sums. A loop over the halves, which the compiler does not unroll if it cannot know that they are two, has
// half of the code for the stores, which takes longer to compile than all products.
fn half_of(sum: ptr<function, array<vec4f, ROWS>>, half: u32) -> array<vec4f, ROWS / 2u> {
    var some: array<vec4f, ROWS / 2u>;
    for (var r = 0u; r < 2u * LANES; r++) {
        some[r] = select((*sum)[r], (*sum)[2u * LANES + r], half == 1u);
    }
    return some;
}

// Lane l holds the runs of rows l, l + WORKGROUP, ... of a tile; row r of a lane's outputs is one of them.
fn row_of(r: u32, first: u32) -> u32 {
    return r / LANES * WORKGROUP + first + r % LANES;
}

// Four loops: one would be too long to be unrolled.
fn multiply_add(
    sum: ptr<function, array<vec4f, ROWS>>,
    left: ptr<function, array<vec4f, ROWS / WORKGROUP>>,
    first: u32,
    right: ptr<function, array<vec4f, RUN>>,
) {
    for (var r = 0u; r < LANES; r++) {
        (*sum)[r] = along((*sum)[r], (*left)[0], first + r, *right);
    }
    for (var r = 0u; r < LANES; r++) {
        (*sum)[LANES + r] = along((*sum)[LANES + r], (*left)[1], first + r, *right);
    }
    for (var r = 0u; r < LANES; r++) {
        (*sum)[2u * LANES + r] = along((*sum)[2u * LANES + r], (*left)[2], first + r, *right);
    }
    for (var r = 0u; r < LANES; r++) {
        (*sum)[3u * LANES + r] = along((*sum)[3u * LANES + r], (*left)[3], first + r, *right);
    }
}

// Where the window of output m begins in x; of an output past the last, that of the last.
fn window(m: u32) -> u32 {
    let inside = min(m, shape.batch * shape.steps - 1u);
    let n = inside / shape.steps;
    return shape.x_start + n * shape.x_sequence + (inside - n * shape.steps) * shape.x_step;
}

// Where output m, or the window of the pool that it lies in, stands in y.
fn place(m: u32) -> u32 {
    let n = m / shape.steps;
    return shape.y_start + n * shape.y_sequence + (m - n * shape.steps) / POOL * shape.filters;
}

// The maxima of some rows, column by column, and the first row that attains each.
struct Peak {
    value: vec4f,
    at: vec4u,
}

fn higher(peak: Peak, value: vec4f, at: vec4u) -> Peak {
    let rises = value > peak.value;
    return Peak(select(peak.value, value, rises), select(peak.at, at, rises));
}

fn finished(sum: vec4f) -> vec4f {
    return select(sum, max(sum, vec4f(0.0)), RELU);
}

// Four words as two u64: half the stores.
fn pairs(words: vec4u) -> vec2<u64> {
    return vec2<u64>(words.xz) | vec2<u64>(words.yw) << vec2u(32u);
}

// Stores what begins with row r of a lane's outputs: the row itself, or a window of the pool.
fn finish(sum: ptr<function, array<vec4f, ROWS>>, r: u32, row: u32, column: u32, to: vec4u, lane: u32) {
    let own = min(POOL, LANES);
    var peak = Peak(finished((*sum)[r]), vec4u(0u));
    if own > 1u {
        peak = higher(peak, finished((*sum)[r + 1u]), vec4u(1u));
    }
    if own > 2u {
        peak = higher(peak, finished((*sum)[r + 2u]), vec4u(2u));
        peak = higher(peak, finished((*sum)[r + 3u]), vec4u(3u));
    }
    if own > 4u {
        peak = higher(peak, finished((*sum)[r + 4u]), vec4u(4u));
        peak = higher(peak, finished((*sum)[r + 5u]), vec4u(5u));
        peak = higher(peak, finished((*sum)[r + 6u]), vec4u(6u));
        peak = higher(peak, finished((*sum)[r + 7u]), vec4u(7u));
    }
    let first = lane - lane % LANES;
    var stored = row + row_of(r, first) < shape.batch * shape.steps && column < shape.filters;
    if POOL > LANES {
        // The other half of the lanes holds the window's lower half.
        let lower = subgroupShuffle(peak.value, lane ^ LANES);
        peak = higher(peak, lower, subgroupShuffle(peak.at, lane ^ LANES) + LANES);
        stored = stored && first == 0u;
    }
    let start = subgroupShuffle(to[r / LANES], first + r % LANES);
    if stored {
        y[(start + column) / 4u] = pairs(bitcast<vec4u>(peak.value));
        if KEEP_POSITION {
            position[((row + row_of(r, first)) / POOL * shape.filters + column) / 4u] = pairs(peak.at);
        }
    }
}

// Tiles side by side, that cover `columns`.
fn tiles_across(columns: u32) -> u32 {
    return (columns + LANES * COLUMNS - 1u) / (LANES * COLUMNS);
}

// Tiles one below the other of `height` rows each, that cover `rows`.
fn tiles_down(rows: u32, height: u32) -> u32 {
    return (rows + height - 1u) / height;
}

fn forward_tile(tile: u32, lane: u32) {
    let in_row = tiles_across(shape.filters);
    let part = lane % LANES;
    let first = first_lane(lane);
    let row = tile / in_row * ROWS;
    let column = (tile % in_row * LANES + part) * COLUMNS;
    // Columns past the last are computed from the last and not stored: every lane takes part in the shuffles.
    let source = min(column, shape.filters - COLUMNS);
    let at = vec4u(window(row + lane), window(row + lane + 8u), window(row + lane + 16u), window(row + lane + 24u));
    let bias = vec4f(b[source], b[source + 1u], b[source + 2u], b[source + 3u]);
    var sum: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        sum[r] = bias;
    }
    var left: array<vec4f, ROWS / WORKGROUP>;
    var right: array<vec4f, RUN>;
    for (var k = 0u; k < shape.depth; k += RUN) {
        left[0] = run_of_x(at.x + k, shape.depth - k);
        left[1] = run_of_x(at.y + k, shape.depth - k);
        left[2] = run_of_x(at.z + k, shape.depth - k);
        left[3] = run_of_x(at.w + k, shape.depth - k);
        right[0] = run_of_w(k + 0u, source);
        right[1] = run_of_w(k + 1u, source);
        right[2] = run_of_w(k + 2u, source);
        right[3] = run_of_w(k + 3u, source);
        multiply_add(&sum, &left, first, &right);
    }
    let to = vec4u(place(row + lane), place(row + lane + 8u), place(row + lane + 16u), place(row + lane + 24u));
    let own = min(POOL, LANES); // rows of a window
    for (var r = 0u; r < 4u * LANES; r += own) {
        finish(&sum, r, row, column, to, lane);
    }
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(num_workgroups) subgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
    let tiles = tiles_across(shape.filters) * tiles_down(shape.batch * shape.steps, ROWS);
    for (var turn = 0u; turn < tiles + 1u; turn++) {
        let tile = take(tiles, subgroups.x, lane);
        if tile >= tiles {
            break;
        }
        forward_tile(tile, lane);
    }
}

// Positions of a phase, p = q * stride + phase; phases have equally many tiles.
fn phase_positions() -> u32 {
    return (shape.length + shape.stride - 1u) / shape.stride;
}

const NOWHERE = 0xffffffffu;

// Stores a row of dx, through the ReLU below; `to` and `kept` are where it stands there and in x_kept.
fn store_dx(sum: vec4f, column: u32, to: u32, kept: u32) {
    if to != NOWHERE && column < shape.channels {
        var value = sum;
        if RELU {
            value = select(vec4f(0.0), value * KEPT_SCALE, floats(x_kept[(kept + column) / RUN]) > vec4f(0.0));
        }
        dx[(to + column) / RUN] = pairs(bitcast<vec4u>(value));
    }
}

fn input_gradient_tile(tile: u32, lane: u32) {
    let in_row = tiles_across(shape.channels);
    let positions = phase_positions();
    let rows = shape.batch * positions;
    let down = tiles_down(rows, ROWS);
    let phase = tile / in_row / down;
    let part = lane % LANES;
    let first = first_lane(lane);
    let row = tile / in_row % down * ROWS;
    let column = (tile % in_row * LANES + part) * COLUMNS;
    let columns = min(column, shape.channels - COLUMNS) + vec4u(0u, 1u, 2u, 3u);
    // The phase meets taps first_tap, first_tap + stride, ...; later taps meet earlier steps of dy.
    let first_tap = (phase + shape.left) % shape.stride;
    let latest = (phase + shape.left) / shape.stride;
    let taps = (shape.kernel + shape.stride - 1u - first_tap) / shape.stride;
    let m = min(vec4u(row + lane) + vec4u(0u, 8u, 16u, 24u), vec4u(rows - 1u));
    let at = shape.dy_start + m / positions * shape.dy_sequence + (m % positions + latest) * shape.filters;
    var sum: array<vec4f, ROWS>;
    var left: array<vec4f, ROWS / WORKGROUP>;
    var right: array<vec4f, RUN>;
    for (var tap = 0u; tap < taps; tap++) {
        let base = (columns + (first_tap + tap * shape.stride) * shape.channels) * shape.filters;
        for (var o = 0u; o < shape.filters; o += RUN) {
            let from_o = at - tap * shape.filters + o;
            left[0] = textureLoad(dy, texel(from_o.x));
            left[1] = textureLoad(dy, texel(from_o.y));
            left[2] = textureLoad(dy, texel(from_o.z));
            left[3] = textureLoad(dy, texel(from_o.w));
            let w0 = textureLoad(w, texel(base.x + o));
            let w1 = textureLoad(w, texel(base.y + o));
            let w2 = textureLoad(w, texel(base.z + o));
            let w3 = textureLoad(w, texel(base.w + o));
            right[0] = vec4f(w0.x, w1.x, w2.x, w3.x);
            right[1] = vec4f(w0.y, w1.y, w2.y, w3.y);
            right[2] = vec4f(w0.z, w1.z, w2.z, w3.z);
            right[3] = vec4f(w0.w, w1.w, w2.w, w3.w);
            multiply_add(&sum, &left, first, &right);
        }
    }
    let halves = 2u + hidden_zero();
    for (var half = 0u; half < halves; half++) {
        let some = half_of(&sum, half);
        // Where the rows that this lane has loaded stand; nowhere past the last.
        let own = row + half * (ROWS / 2u) + lane + vec2u(0u, WORKGROUP);
        let n = own / positions;
        let p = own % positions * shape.stride + phase;
        let inside = (own < vec2u(rows)) & (p < vec2u(shape.length));
        let to = select(vec2u(NOWHERE), shape.dx_start + n * shape.dx_sequence + p * shape.channels, inside);
        let kept = shape.kept_start + n * shape.kept_sequence + p * shape.channels;
        for (var r = 0u; r < 2u * LANES; r++) {
            let holder = first + r % LANES;
            store_dx(some[r], column, subgroupShuffle(to[r / LANES], holder), subgroupShuffle(kept[r / LANES], holder));
        }
    }
}

fn input_gradient_tiles() -> u32 {
    return tiles_across(shape.channels) * tiles_down(shape.batch * phase_positions(), ROWS) * shape.stride;
}

@compute @workgroup_size(WORKGROUP)
fn input_gradient(@builtin(num_workgroups) subgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
    let tiles = input_gradient_tiles();
    for (var turn = 0u; turn < tiles + 1u; turn++) {
        let tile = take(tiles, subgroups.x, lane);
        if tile >= tiles {
            break;
        }
        input_gradient_tile(tile, lane);
    }
}

// Rows of a tile that a lane loads in weight_gradient.
fn loaded_rows() -> u32 {
    return max(RUNS * RUN / LANES, 1u) * RUN;
}

// The sum of a lane and of the one of the other half that has the same columns: with LANES of 4 the halves have summed over
// different outputs.
fn both(sum: vec4f, lane: u32) -> vec4f {
    return sum + subgroupShuffle(sum, lane ^ 4u);
}

// The rows of run `run` of a tile after RUN more outputs.
fn weight_gradient_run(
    sum: ptr<function, array<vec4f, ROWS>>,
    run: u32,
    left: ptr<function, array<vec4f, ROWS / WORKGROUP>>,
    first: u32,
    right: ptr<function, array<vec4f, RUN>>,
) {
    if run < RUNS {
        let r = run * RUN;
        let of_run = (*left)[r % loaded_rows() / RUN];
        let lanes = first + r / loaded_rows() * RUN;
        (*sum)[r] = across((*sum)[r], of_run.x, lanes, *right);
        (*sum)[r + 1u] = across((*sum)[r + 1u], of_run.y, lanes, *right);
        (*sum)[r + 2u] = across((*sum)[r + 2u], of_run.z, lanes, *right);
        (*sum)[r + 3u] = across((*sum)[r + 3u], of_run.w, lanes, *right);
    }
}

fn weight_gradient_tile(tile: u32, lane: u32) {
    let in_row = tiles_across(shape.filters);
    let down = tiles_down(shape.depth, RUNS * RUN);
    // Outputs m of a turn: with LANES of 4 each half of the subgroup takes a run.
    let turn = RUN * WORKGROUP / LANES;
    let split = tile / in_row / down;
    let part = lane % LANES;
    let first = first_lane(lane);
    let row = tile / in_row % down * (RUNS * RUN);
    let column = (tile % in_row * LANES + part) * COLUMNS;
    let source = min(column, shape.filters - COLUMNS);
    let last = (shape.depth - 1u) / RUN * RUN;
    let loaded = min(row + part / RUN * loaded_rows() + vec4u(0u, RUN, 2u * RUN, 3u * RUN), vec4u(last));
    let total = shape.batch * shape.steps;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var sum: array<vec4f, ROWS>;
    var left: array<vec4f, ROWS / WORKGROUP>;
    var right: array<vec4f, RUN>;
    var bias = vec4f(0.0);
    for (var m = begin; m < end; m += turn) {
        let own = min(m + lane % turn, end - 1u);
        let n = own / shape.steps;
        let t = own - n * shape.steps;
        let at = shape.x_start + n * shape.x_sequence + t * shape.x_step + loaded;
        left[0] = run_of_x(at.x, RUN);
        if loaded_rows() > RUN {
            left[1] = run_of_x(at.y, RUN);
        }
        if loaded_rows() > 2u * RUN {
            left[2] = run_of_x(at.z, RUN);
            left[3] = run_of_x(at.w, RUN);
        }
        let place = shape.dy_start + n * shape.dy_sequence + t * shape.filters;
        right[0] = textureLoad(dy, texel(subgroupShuffle(place, first) + source));
        right[1] = textureLoad(dy, texel(subgroupShuffle(place, first + 1u) + source));
        right[2] = textureLoad(dy, texel(subgroupShuffle(place, first + 2u) + source));
        right[3] = textureLoad(dy, texel(subgroupShuffle(place, first + 3u) + source));
        // Outputs past the end count nothing.
        right[0] = select(vec4f(0.0), right[0], m + first < end);
        right[1] = select(vec4f(0.0), right[1], m + first + 1u < end);
        right[2] = select(vec4f(0.0), right[2], m + first + 2u < end);
        right[3] = select(vec4f(0.0), right[3], m + first + 3u < end);
        weight_gradient_run(&sum, 0u, &left, first, &right);
        weight_gradient_run(&sum, 1u, &left, first, &right);
        weight_gradient_run(&sum, 2u, &left, first, &right);
        weight_gradient_run(&sum, 3u, &left, first, &right);
        weight_gradient_run(&sum, 4u, &left, first, &right);
        weight_gradient_run(&sum, 5u, &left, first, &right);
        weight_gradient_run(&sum, 6u, &left, first, &right);
        weight_gradient_run(&sum, 7u, &left, first, &right);
        bias += right[0] + right[1] + right[2] + right[3];
    }
    if LANES == 4u {
        bias = both(bias, lane);
    }
    let to = (split * shape.dw_split + row * shape.filters + column) / RUN;
    let halves = max(RUNS * RUN / (2u * LANES), 1u) + hidden_zero();
    for (var half = 0u; half < halves; half++) {
        let some = half_of(&sum, half);
        for (var i = 0u; i < 2u * LANES; i++) {
            var whole = some[i];
            if LANES == 4u {
                whole = both(whole, lane);
            }
            let r = half * (2u * LANES) + i;
            if lane == part && column < shape.filters && r < RUNS * RUN && row + r < shape.depth {
                dw[to + r * shape.filters / RUN] = pairs(bitcast<vec4u>(whole));
            }
        }
    }
    if lane == part && column < shape.filters && row == 0u {
        db[(split * shape.db_split + column) / RUN] = pairs(bitcast<vec4u>(bias));
    }
}

fn weight_gradient_tiles() -> u32 {
    return tiles_across(shape.filters) * tiles_down(shape.depth, RUNS * RUN) * shape.splits;
}

@compute @workgroup_size(WORKGROUP)
fn weight_gradient(@builtin(num_workgroups) subgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
    let tiles = weight_gradient_tiles();
    for (var turn = 0u; turn < tiles + 1u; turn++) {
        let tile = take(tiles, subgroups.x, lane);
        if tile >= tiles {
            break;
        }
        weight_gradient_tile(tile, lane);
    }
}

// The tiles of weight_gradient, then those of input_gradient: two loops, since the adapter passes through both sides of an
// `if` for every tile.
@compute @workgroup_size(WORKGROUP)
fn gradients(@builtin(num_workgroups) subgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
    let of_weights = weight_gradient_tiles();
    let tiles = of_weights + input_gradient_tiles();
    var tile = take(tiles, subgroups.x, lane);
    for (var turn = 0u; turn < of_weights; turn++) {
        if tile >= of_weights {
            break;
        }
        weight_gradient_tile(tile, lane);
        tile = take(tiles, subgroups.x, lane);
    }
    for (var turn = of_weights; turn < tiles; turn++) {
        if tile >= tiles {
            break;
        }
        input_gradient_tile(tile - of_weights, lane);
        tile = take(tiles, subgroups.x, lane);
    }
}
