// softmax_cross_entropy: class probabilities, loss and prediction of each row; `train` also the gradient of the
// batch's loss, in the same launch.
//
//   p[r, c] = exp(x[r, c] - max_c x[r, c]) / sum_c exp(x[r, c] - max_c x[r, c])
//   loss[r] = log(sum_c exp(x[r, c] - max)) - (x[r, label_r] - max);  predicted[r] = first argmax_c x[r, c]
//   log_sum_exp[r] = max + log(sum_c exp(x[r, c] - max))
//   dx[r, c] = (p[r, c] sum_k y[r, k] - y[r, c]) / total_weight   for r < rows, 0 for the unused rows of a short batch
//   y[r, c] = [c = label_r], or with SHAPED class_weights_c ((1 - SMOOTHING) [c = label_r] + SMOOTHING / classes)
//
// That is the gradient of the batch's loss as PyTorch's CrossEntropyLoss has it with class weights and label smoothing:
// -sum_(r, c) y[r, c] log p[r, c] / total_weight, where the host sends total_weight = sum_r class_weights_(label_r), or
// rows. The losses that are written stay plain, so that training and validation can be compared.
//
// p, loss, predicted and log_sum_exp stand at the epoch's position step.first + r, so that one readback serves an epoch.

override SHAPED: bool = false;
override SMOOTHING: f32 = 0.0;

struct Shape {
    batch: u32,   // N
    classes: u32, // C
}

struct Step {
    first: u32,
    rows: u32,
    counter_low: u32,
    counter_high: u32,
    step_size: f32,
    second_scale: f32,
    decay: f32,
    total_weight: f32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> p: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> predicted: array<u32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read> class_weights: array<f32>; // of each class; read only with SHAPED
@group(0) @binding(9) var<storage, read_write> log_sum_exp: array<f32>;

const WORKGROUP = 32u;

// The results of a row in use.
fn classify(row: u32) {
    let base = row * shape.classes;
    var largest = x[base];
    var best = 0u;
    for (var c = 1u; c < shape.classes; c++) {
        if x[base + c] > largest {
            largest = x[base + c];
            best = c;
        }
    }
    var sum = 0.0;
    for (var c = 0u; c < shape.classes; c++) {
        sum += exp(x[base + c] - largest);
    }
    let slot = step.first + row;
    for (var c = 0u; c < shape.classes; c++) {
        p[slot * shape.classes + c] = exp(x[base + c] - largest) / sum;
    }
    let logarithm = log(sum);
    loss[slot] = logarithm - (x[base + labels[row]] - largest);
    log_sum_exp[slot] = largest + logarithm;
    predicted[slot] = best;
}

// y of a row with this label.
fn goal(c: u32, label: u32) -> f32 {
    let one = select(0.0, 1.0, c == label);
    if SHAPED {
        return class_weights[c] * ((1.0 - SMOOTHING) * one + SMOOTHING / f32(shape.classes));
    }
    return one;
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if row < min(step.rows, shape.batch) {
        classify(row);
    }
}

@compute @workgroup_size(WORKGROUP)
fn train(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if row >= shape.batch {
        return;
    }
    let used = row < step.rows;
    if used {
        classify(row);
    }
    var goals = 1.0;
    if SHAPED {
        goals = 0.0;
        for (var c = 0u; c < shape.classes; c++) {
            goals += goal(c, labels[row]);
        }
    }
    for (var c = 0u; c < shape.classes; c++) {
        var value = 0.0;
        if used {
            let probability = p[(step.first + row) * shape.classes + c];
            value = (probability * goals - goal(c, labels[row])) / step.total_weight;
        }
        dx[row * shape.classes + c] = value;
    }
}
