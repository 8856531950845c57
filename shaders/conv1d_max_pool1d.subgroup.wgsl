// conv1d_max_pool1d.subgroup: the gradients of a convolution from those of the max-pool behind it.
//
// Of the SIZE steps that a window of the pool sees, one passes its gradient on. So a gradient of the pool's output,
// y (N, T, C_out), stands for one of the convolution's, at step s = SIZE * t + position[n, t, o], and the sums of
// conv1d (which see) shrink to an eighth:
//
//   input_gradient:   dx[n, p, i] = sum over t, o, tap with s + tap - left = p of dy[n, t, o] * w[tap, i, o],
//                     with INPUT_RELU times KEPT_SCALE, and 0 where x_kept is not positive
//   weight_gradient:  dw[tap, i, o] = sum over n, t of x[n, s + tap - left, i] * dy[n, t, o];  db[o] = sum of dy
//
// With RELU, dy counts only where y is positive: the convolution ends in a ReLU. The weight gradient is cut along
// (n, t) into `splits` owners, added up by gradient_sum. Backward keeps x, y and position.
//
// This variant needs subgroups of LANES invocations, 64-bit integers and stride 1, and as many lanes as a window has
// steps, LANES = SIZE, none fewer than taps: then lanes are neighbouring steps, a window's eight taps
// reach into two groups of LANES steps, and the place of its maximum becomes a rotation of lanes. Channels and
// filters come in whole runs of RUN.

override RELU: bool = false;
override INPUT_RELU: bool = false;
override KEPT_SCALE: f32 = 1.0; // as in conv1d

struct Shape {
    batch: u32,       // N
    length: u32,      // input steps of the convolution, L
    pooled: u32,      // steps of y, T
    channels: u32,    // C_in
    filters: u32,     // C_out
    kernel: u32,
    left: u32,        // zero rows that the convolution reads before the first step
    rows: u32,        // rows of a sequence that it reads, padding included
    x_start: u32,     // element of x at which the first window of the first sequence begins
    x_sequence: u32,  // elements from one sequence of x to the next
    y_start: u32,
    y_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    kept_start: u32,    // as dx, for x_kept
    kept_sequence: u32,
    splits: u32,        // owners of the weight gradient's sum
    dw_split: u32,      // elements from one owner's dw to the next
    db_split: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read> y_kept: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read> position_kept: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read> dy: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read> x_kept: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read_write> dw: array<f32>;
@group(0) @binding(9) var<storage, read_write> db: array<f32>;

const LANES = 8u;
const RUN = 8u;
const WINDOWS = 7u; // groups of steps that a subgroup owns in input_gradient
const STRIP = 4u;   // windows that it takes at once in weight_gradient

// Two words of each u64, the lower half first.
fn words(pairs: vec2<u64>) -> vec4u {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return vec4u(low.x, high.x, low.y, high.y);
}

// Four neighbouring filters of a window: their gradients, and where their maxima stood.
struct Peaks {
    gradient: vec4f,
    position: vec4u,
}

// Those of window t of sequence n, zero where there is no such window.
fn peaks(n: u32, t: u32, o: u32, exists: bool) -> Peaks {
    let at = select(0u, t * shape.filters, exists) + o;
    let gradient = bitcast<vec4f>(words(dy[(shape.dy_start + n * shape.dy_sequence + at) / 4u]));
    let position = words(position_kept[(n * shape.pooled * shape.filters + at) / 4u]);
    var counts = vec4<bool>(exists);
    if RELU {
        let y = bitcast<vec4f>(words(y_kept[(shape.y_start + n * shape.y_sequence + at) / 4u]));
        counts = counts & (y > vec4f(0.0));
    }
    return Peaks(select(vec4f(0.0), gradient, counts), position);
}

// sum + each weight, turned to the steps that `turn` names, times the gradient
fn scatter(sum: array<f32, RUN>, weights: array<f32, RUN>, turn: u32, gradient: f32) -> array<f32, RUN> {
    return array<f32, RUN>(
        sum[0] + subgroupShuffle(weights[0], turn) * gradient,
        sum[1] + subgroupShuffle(weights[1], turn) * gradient,
        sum[2] + subgroupShuffle(weights[2], turn) * gradient,
        sum[3] + subgroupShuffle(weights[3], turn) * gradient,
        sum[4] + subgroupShuffle(weights[4], turn) * gradient,
        sum[5] + subgroupShuffle(weights[5], turn) * gradient,
        sum[6] + subgroupShuffle(weights[6], turn) * gradient,
        sum[7] + subgroupShuffle(weights[7], turn) * gradient,
    );
}

// sum + the inputs that a maximum saw, tap by lane, times its gradient
fn correlate(
    sum: array<f32, RUN>,
    near: array<f32, RUN>,
    far: array<f32, RUN>,
    position: u32,
    gradient: f32,
    lane: u32,
) -> array<f32, RUN> {
    let turn = (lane + position) % LANES;
    let inside = lane + position < LANES;
    return array<f32, RUN>(
        sum[0] + select(subgroupShuffle(far[0], turn), subgroupShuffle(near[0], turn), inside) * gradient,
        sum[1] + select(subgroupShuffle(far[1], turn), subgroupShuffle(near[1], turn), inside) * gradient,
        sum[2] + select(subgroupShuffle(far[2], turn), subgroupShuffle(near[2], turn), inside) * gradient,
        sum[3] + select(subgroupShuffle(far[3], turn), subgroupShuffle(near[3], turn), inside) * gradient,
        sum[4] + select(subgroupShuffle(far[4], turn), subgroupShuffle(near[4], turn), inside) * gradient,
        sum[5] + select(subgroupShuffle(far[5], turn), subgroupShuffle(near[5], turn), inside) * gradient,
        sum[6] + select(subgroupShuffle(far[6], turn), subgroupShuffle(near[6], turn), inside) * gradient,
        sum[7] + select(subgroupShuffle(far[7], turn), subgroupShuffle(near[7], turn), inside) * gradient,
    );
}

// The sums of group j after four filters: of window j the lanes before the maximum's place, of window j + 1, which
// begins with the group, those from it on.
fn scatter_filters(
    sum: array<f32, RUN>,
    weights: ptr<function, array<array<f32, RUN>, 4>>,
    peak: Peaks,
    j: u32,
    lane: u32,
) -> array<f32, RUN> {
    var s = sum;
    let p = subgroupShuffle(peak.position, j);
    let g = select(vec4f(0.0), subgroupShuffle(peak.gradient, j), vec4u(lane) < p);
    let q = subgroupShuffle(peak.position, j + 1u);
    let h = select(subgroupShuffle(peak.gradient, j + 1u), vec4f(0.0), vec4u(lane) < q);
    let before = (vec4u(lane) - p) % LANES;
    let behind = (vec4u(lane) - q) % LANES;
    s = scatter(s, (*weights)[0], before.x, g.x);
    s = scatter(s, (*weights)[0], behind.x, h.x);
    s = scatter(s, (*weights)[1], before.y, g.y);
    s = scatter(s, (*weights)[1], behind.y, h.y);
    s = scatter(s, (*weights)[2], before.z, g.z);
    s = scatter(s, (*weights)[2], behind.z, h.z);
    s = scatter(s, (*weights)[3], before.w, g.w);
    s = scatter(s, (*weights)[3], behind.w, h.w);
    return s;
}

// Four filters' weights of one input channel, tap by lane; lanes past the last tap hold zeros.
fn weights_of(lane: u32, channel: u32, o: u32) -> vec4f {
    let tap = min(lane, shape.kernel - 1u);
    let four = bitcast<vec4f>(words(w[((tap * shape.channels + channel) * shape.filters + o) / 4u]));
    return select(vec4f(0.0), four, lane < shape.kernel);
}

@compute @workgroup_size(LANES)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // A subgroup owns WINDOWS groups of LANES steps, counted from `left` before the first, in RUN channels.
    let index = group.y * groups.x + group.x;
    let blocks = shape.channels / RUN;
    let strips = (shape.length + shape.left + WINDOWS * LANES - 1u) / (WINDOWS * LANES);
    let n = min(index / blocks / strips, shape.batch - 1u);
    let channel = index % blocks * RUN;
    let first = index / blocks % strips * WINDOWS;
    // The first group also meets the window before it.
    let t = first + lane - 1u;
    let exists = t < shape.pooled;
    var sums: array<array<f32, RUN>, WINDOWS>;
    var weights: array<array<f32, RUN>, 4>;
    for (var o = 0u; o < shape.filters; o += 4u) {
        let peak = peaks(n, t, o, exists);
        let w0 = weights_of(lane, channel, o);
        let w1 = weights_of(lane, channel + 1u, o);
        let w2 = weights_of(lane, channel + 2u, o);
        let w3 = weights_of(lane, channel + 3u, o);
        let w4 = weights_of(lane, channel + 4u, o);
        let w5 = weights_of(lane, channel + 5u, o);
        let w6 = weights_of(lane, channel + 6u, o);
        let w7 = weights_of(lane, channel + 7u, o);
        weights[0] = array<f32, RUN>(w0.x, w1.x, w2.x, w3.x, w4.x, w5.x, w6.x, w7.x);
        weights[1] = array<f32, RUN>(w0.y, w1.y, w2.y, w3.y, w4.y, w5.y, w6.y, w7.y);
        weights[2] = array<f32, RUN>(w0.z, w1.z, w2.z, w3.z, w4.z, w5.z, w6.z, w7.z);
        weights[3] = array<f32, RUN>(w0.w, w1.w, w2.w, w3.w, w4.w, w5.w, w6.w, w7.w);
        sums[0] = scatter_filters(sums[0], &weights, peak, 0u, lane);
        sums[1] = scatter_filters(sums[1], &weights, peak, 1u, lane);
        sums[2] = scatter_filters(sums[2], &weights, peak, 2u, lane);
        sums[3] = scatter_filters(sums[3], &weights, peak, 3u, lane);
        sums[4] = scatter_filters(sums[4], &weights, peak, 4u, lane);
        sums[5] = scatter_filters(sums[5], &weights, peak, 5u, lane);
        sums[6] = scatter_filters(sums[6], &weights, peak, 6u, lane);
    }
    for (var j = 0u; j < WINDOWS; j++) {
        let p = (first + j) * LANES + lane - shape.left;
        if p < shape.length {
            for (var c = 0u; c < RUN; c++) {
                let i = p * shape.channels + channel + c;
                var value = sums[j][c];
                if INPUT_RELU {
                    let passes = x_kept[shape.kept_start + n * shape.kept_sequence + i] > 0.0;
                    value = select(0.0, value * KEPT_SCALE, passes);
                }
                dx[shape.dx_start + n * shape.dx_sequence + i] = value;
            }
        }
    }
}

// RUN channels of a row of the sequence at `at`; a row past the last, which no tap meets, is that one.
fn run_of_x(at: u32, row: u32) -> array<f32, RUN> {
    let run = x[(at + min(row, shape.rows - 1u) * shape.channels) / RUN];
    let a = bitcast<vec4f>(words(run.xy));
    let b = bitcast<vec4f>(words(run.zw));
    return array<f32, RUN>(a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
}

// The sums of one filter after a strip of windows, whose maxima STRIP lanes from `first` on hold.
fn correlate_strip(
    sum: array<f32, RUN>,
    x: ptr<function, array<array<f32, RUN>, STRIP + 1u>>,
    positions: u32,
    gradients: f32,
    first: u32,
    lane: u32,
) -> array<f32, RUN> {
    var s = sum;
    s = correlate(s, (*x)[0], (*x)[1], subgroupShuffle(positions, first + 0u), subgroupShuffle(gradients, first + 0u), lane);
    s = correlate(s, (*x)[1], (*x)[2], subgroupShuffle(positions, first + 1u), subgroupShuffle(gradients, first + 1u), lane);
    s = correlate(s, (*x)[2], (*x)[3], subgroupShuffle(positions, first + 2u), subgroupShuffle(gradients, first + 2u), lane);
    s = correlate(s, (*x)[3], (*x)[4], subgroupShuffle(positions, first + 3u), subgroupShuffle(gradients, first + 3u), lane);
    return s;
}

@compute @workgroup_size(LANES)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // A subgroup owns all taps, by lane, of RUN channels and RUN filters.
    let index = group.y * groups.x + group.x;
    let filter_blocks = shape.filters / RUN;
    let blocks = filter_blocks * (shape.channels / RUN);
    let split = index / blocks;
    let o = index % filter_blocks * RUN;
    let channel = index % blocks / filter_blocks * RUN;
    let strips = (shape.pooled + STRIP - 1u) / STRIP;
    let total = shape.batch * strips;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var sums: array<array<f32, RUN>, RUN>;
    var runs: array<array<f32, RUN>, STRIP + 1u>;
    var bias = vec4f(0.0);
    for (var strip = begin; strip < end; strip++) {
        let n = strip / strips;
        let first = (strip - n * strips) * STRIP;
        let t = first + lane % STRIP;
        let peak = peaks(n, t, o + lane / STRIP * 4u, t < shape.pooled);
        bias += peak.gradient;
        let at = shape.x_start + n * shape.x_sequence + channel;
        let step = first * LANES + lane;
        runs[0] = run_of_x(at, step + 0u * LANES);
        runs[1] = run_of_x(at, step + 1u * LANES);
        runs[2] = run_of_x(at, step + 2u * LANES);
        runs[3] = run_of_x(at, step + 3u * LANES);
        runs[4] = run_of_x(at, step + 4u * LANES);
        let p = peak.position;
        let g = peak.gradient;
        sums[0] = correlate_strip(sums[0], &runs, p.x, g.x, 0u, lane);
        sums[1] = correlate_strip(sums[1], &runs, p.y, g.y, 0u, lane);
        sums[2] = correlate_strip(sums[2], &runs, p.z, g.z, 0u, lane);
        sums[3] = correlate_strip(sums[3], &runs, p.w, g.w, 0u, lane);
        sums[4] = correlate_strip(sums[4], &runs, p.x, g.x, 4u, lane);
        sums[5] = correlate_strip(sums[5], &runs, p.y, g.y, 4u, lane);
        sums[6] = correlate_strip(sums[6], &runs, p.z, g.z, 4u, lane);
        sums[7] = correlate_strip(sums[7], &runs, p.w, g.w, 4u, lane);
    }
    if split < shape.splits {
        if lane < shape.kernel {
            for (var f = 0u; f < RUN; f++) {
                for (var c = 0u; c < RUN; c++) {
                    let to = (lane * shape.channels + channel + c) * shape.filters + o + f;
                    dw[split * shape.dw_split + to] = sums[f][c];
                }
            }
        }
        // A lane has summed every STRIP-th window.
        bias += subgroupShuffle(bias, lane ^ 1u);
        bias += subgroupShuffle(bias, lane ^ 2u);
        if channel == 0u && lane % STRIP == 0u {
            let to = split * shape.db_split + o + lane;
            db[to] = bias.x;
            db[to + 1u] = bias.y;
            db[to + 2u] = bias.z;
            db[to + 3u] = bias.w;
        }
    }
}
