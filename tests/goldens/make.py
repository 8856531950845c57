"""Makes the golden files beside it with PyTorch: python tests/goldens/make.py

Needs torch, numpy and safetensors. What it writes is committed; run it again only to change a case.

kernels.safetensors            every kernel alone: inputs, outputs, upstream gradients, gradients
cnn-lstm.pytorch.safetensors   a state dict of data/models/cnn-lstm.toml with six classes
cnn-lstm.logits.safetensors    four windows and the logits that state dict gives for them
small.pytorch.safetensors      a state dict of small.toml with three classes
small.step.safetensors         a batch, its loss and every gradient of small.toml
image.pytorch.safetensors      a state dict of image.toml with six classes
image.step.safetensors         a batch, its logits, loss and every gradient of image.toml
schedules.json                 learning rates by schedule
ten_steps.json                 the losses of training cnn-lstm.pytorch.safetensors

Tensors are called <case>.<name>. Activations are (N, L, C) or (N, H, W, C), weights have the device's layout: the
convolution's (kernel, in, out) or (kernel width, kernel height, in, out), the dense layer's (in, out), the LSTM's (in, 4H) and (H, 4H) with the
gates i, f, g, o and one bias. Integers are I32. The JSON in the metadata entry `cases` holds each
case's operation and scalars. Kernels are computed in f64 from f32 inputs and rounded once, so that the
goldens' own error does not count; every upstream gradient is random and signed.
"""

import json
import pathlib
import tomllib

import numpy
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler as schedule

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)

tensors, cases = {}, {}


def signed(*shape, scale=1.0):
    """Random signed values that f32 holds exactly, as f64."""
    return (scale * torch.randn(*shape)).float().double()


def leaf(values):
    return values.clone().requires_grad_()


def keep(case, scalars, **named):
    assert case not in cases
    cases[case] = scalars
    for name, value in named.items():
        kind = torch.int32 if value.dtype in (torch.int32, torch.int64) else torch.float32
        tensors[f"{case}.{name}"] = value.detach().to(kind).contiguous()


def same_padding(length, kernel, stride):
    """Keras' 'same': the odd zero stands on the right."""
    out = -(-length // stride)
    total = max((out - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def convolve(x, weight, bias, stride, padding):
    """x (N, L, C), weight (out, in, kernel) -> (N, L', out)."""
    left, right = same_padding(x.shape[1], weight.shape[2], stride) if padding == "same" else (0, 0)
    x = functional.pad(x.transpose(1, 2), (left, right))
    return functional.conv1d(x, weight, bias, stride=stride).transpose(1, 2)


def conv1d(case, n, length, channels, filters, kernel, stride, padding):
    x, w, b = leaf(signed(n, length, channels)), leaf(signed(kernel, channels, filters)), leaf(signed(filters))
    y = convolve(x, w.permute(2, 1, 0), b, stride, padding)
    dy = signed(*y.shape)
    y.backward(dy)
    keep(
        case,
        {"op": "conv1d", "stride": stride, "padding": padding},
        x=x, w=w, b=b, y=y, dy=dy, dx=x.grad, dw=w.grad, db=b.grad,
    )


def convolve_image(x, weight, bias, stride, padding):
    """x (N, H, W, C), weight (out, in, height, width) -> (N, H', W', out)."""
    down, across = (
        same_padding(x.shape[axis], weight.shape[axis + 1], stride[axis - 1]) if padding == "same" else (0, 0)
        for axis in (1, 2)
    )
    x = functional.pad(x.permute(0, 3, 1, 2), (*across, *down))
    return functional.conv2d(x, weight, bias, stride=stride).permute(0, 2, 3, 1)


def conv2d(case, sizes, filters, kernel, stride, padding):
    x, w, b = leaf(signed(*sizes)), leaf(signed(*kernel[::-1], sizes[3], filters)), leaf(signed(filters))
    y = convolve_image(x, w.permute(3, 2, 1, 0), b, stride, padding)
    dy = signed(*y.shape)
    y.backward(dy)
    keep(
        case,
        {"op": "conv2d", "stride": stride, "padding": padding},
        x=x, w=w, b=b, y=y, dy=dy, dx=x.grad, dw=w.grad, db=b.grad,
    )


def dense(case, n, length, channels, units):
    x, w, b = leaf(signed(n, length, channels)), leaf(signed(channels, units)), leaf(signed(units))
    y = functional.linear(x, w.T, b)
    dy = signed(*y.shape)
    y.backward(dy)
    keep(case, {"op": "dense"}, x=x, w=w, b=b, y=y, dy=dy, dx=x.grad, dw=w.grad, db=b.grad)


def relu(case, *shape):
    x = signed(*shape)
    x.view(-1)[::5] = 0.0  # the gradient at 0 is 0
    x = leaf(x)
    y = functional.relu(x)
    dy = signed(*y.shape)
    y.backward(dy)
    keep(case, {"op": "relu"}, x=x, y=y, dy=dy, dx=x.grad)


def max_pool1d(case, n, length, channels, size, ties):
    x = leaf(torch.randint(-2, 2, (n, length, channels)).double() if ties else signed(n, length, channels))
    y, index = functional.max_pool1d(x.transpose(1, 2), size, return_indices=True)
    y, index = y.transpose(1, 2), index.transpose(1, 2)
    position = index - size * torch.arange(y.shape[1])[None, :, None]
    windows = x.detach()[:, : y.shape[1] * size].reshape(n, y.shape[1], size, channels)
    assert torch.equal(position, (windows == y.detach()[:, :, None]).int().argmax(2)), "the first wins"
    dy = signed(*y.shape)
    y.backward(dy)
    keep(case, {"op": "max_pool1d", "size": size}, x=x, y=y, position=position, dy=dy, dx=x.grad)


def average_pool1d(case, n, length, channels, size):
    x = leaf(signed(n, length, channels))
    y = functional.avg_pool1d(x.transpose(1, 2), size).transpose(1, 2)
    dy = signed(*y.shape)
    y.backward(dy)
    keep(case, {"op": "average_pool1d", "size": size}, x=x, y=y, dy=dy, dx=x.grad)


def max_pool2d(case, sizes, size, ties):
    n, height, width, channels = sizes
    x = leaf(torch.randint(-2, 2, sizes).double() if ties else signed(*sizes))
    y, index = functional.max_pool2d(x.permute(0, 3, 1, 2), size, return_indices=True)
    y, index = y.permute(0, 2, 3, 1), index.permute(0, 2, 3, 1)
    down = index // width - size[0] * torch.arange(y.shape[1])[None, :, None, None]
    across = index % width - size[1] * torch.arange(y.shape[2])[None, None, :, None]
    dy = signed(*y.shape)
    y.backward(dy)
    position = down * size[1] + across
    keep(case, {"op": "max_pool2d", "size": size}, x=x, y=y, position=position, dy=dy, dx=x.grad)


def global_pool(case, op, n, length, channels):
    """Keras' GlobalAveragePooling and GlobalMaxPooling, of 1 or 2 dimensions."""
    x = leaf(signed(n, length, channels))
    pool = functional.adaptive_avg_pool1d if op == "global_average_pool" else functional.adaptive_max_pool1d
    y = pool(x.transpose(1, 2), 1).transpose(1, 2)
    dy = signed(*y.shape)
    y.backward(dy)
    position = {} if op == "global_average_pool" else {"position": x.argmax(1, keepdim=True)}
    keep(case, {"op": op}, x=x, y=y, dy=dy, dx=x.grad, **position)


def lstm(case, n, steps, channels, hidden, sequence=True, reverse=False, lengths=None):
    """y is (N, T, H), zero beyond a sequence's length, or its last step (N, H); hn and cn are the
    state after the last step that was walked: time 0 where the direction is reversed."""
    layer = nn.LSTM(channels, hidden, batch_first=True, dtype=torch.float64)
    for parameter in layer.parameters():
        parameter.data = signed(*parameter.shape, scale=0.5)
    layer.bias_hh_l0.data.zero_()
    x, h0, c0 = leaf(signed(n, steps, channels)), leaf(signed(n, hidden, scale=0.5)), leaf(signed(n, hidden))
    outputs, states, cells = [], [], []
    for row in range(n):
        length = lengths[row] if lengths else steps
        walk = x[row : row + 1, :length]
        y, (h, c) = layer(walk.flip(1) if reverse else walk, (h0[None, row : row + 1], c0[None, row : row + 1]))
        outputs.append(functional.pad(y.flip(1) if reverse else y, (0, 0, 0, steps - length)))
        states.append(h[0])
        cells.append(c[0])
    y, hn, cn = torch.cat(outputs), torch.cat(states), torch.cat(cells)
    if lengths and not reverse:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        other, (h, _) = layer(packed, (h0[None], c0[None]))
        other, _ = nn.utils.rnn.pad_packed_sequence(other, batch_first=True, total_length=steps)
        assert torch.allclose(other, y, atol=1e-12) and torch.allclose(h[0], hn, atol=1e-12)
    y = y if sequence else hn
    dy, dhn, dcn = signed(*y.shape), signed(n, hidden), signed(n, hidden)
    ((y * dy).sum() + (hn * dhn).sum() + (cn * dcn).sum()).backward()
    keep(
        case,
        {"op": "lstm", "sequence": sequence, "reverse": reverse},
        x=x, w_ih=layer.weight_ih_l0.T, w_hh=layer.weight_hh_l0.T, b=layer.bias_ih_l0, h0=h0, c0=c0,
        lengths=torch.tensor(lengths or [steps] * n),
        y=y, hn=hn, cn=cn, dy=dy, dhn=dhn, dcn=dcn,
        dx=x.grad, dw_ih=layer.weight_ih_l0.grad.T, dw_hh=layer.weight_hh_l0.grad.T,
        db=layer.bias_ih_l0.grad, dh0=h0.grad, dc0=c0.grad,
    )  # fmt: skip


def softmax_cross_entropy(case, n, rows, classes, scale, smoothing=0.0, weighted=False):
    """The mean is over the first `rows` rows, with class weights and label smoothing; loss and p stand for all, and
    the loss without them."""
    logits, labels = leaf(signed(n, classes, scale=scale).clamp(-80, 80)), torch.randint(classes, (n,))
    weight = (0.5 + torch.rand(classes)).float().double() if weighted else torch.ones(classes).double()
    loss = functional.cross_entropy(logits, labels, reduction="none")
    mean = nn.CrossEntropyLoss(weight, label_smoothing=smoothing)(logits[:rows], labels[:rows])
    mean.backward()
    correct = int((logits.argmax(1) == labels)[:rows].sum())
    scalars = {"op": "softmax_cross_entropy", "rows": rows, "mean_loss": mean.item(), "correct": correct}
    named = {}
    if smoothing or weighted:
        scalars["smoothing"], named["weight"] = smoothing, weight
    keep(case, scalars, logits=logits, labels=labels, loss=loss, p=logits.softmax(1), dlogits=logits.grad, **named)


def adam(case, step, scale, weight_decay=0.0):
    """The step'th step of torch.optim.Adam: p1, m1, v1 from p, g, m, v. With weight decay of AdamW, where the first 64
    parameters decay and the others, like biases, do not."""
    n = 75
    p, g = leaf(signed(n)), signed(n, scale=scale)
    m, v = signed(n, scale=scale), signed(n, scale=scale).square().float().double()
    if step == 1:
        m, v = torch.zeros(n).double(), torch.zeros(n).double()
    g[::10] = 0.0
    scalars = {"op": "adam", "step": step, "learning_rate": 1e-3, "epsilon": 1e-7, "beta1": 0.9, "beta2": 0.999}
    optimizer = torch.optim.Adam([p], lr=1e-3, eps=1e-7, betas=(0.9, 0.999))
    optimizer.state[p] = {"step": torch.tensor(float(step - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    before, p.grad = p.detach().clone(), g
    optimizer.step()
    state = optimizer.state[p]
    if weight_decay:
        scalars["weight_decay"] = weight_decay
        first = leaf(before[:64])
        decaying = torch.optim.AdamW([first], lr=1e-3, eps=1e-7, betas=(0.9, 0.999), weight_decay=weight_decay)
        past = {"exp_avg": m[:64].clone(), "exp_avg_sq": v[:64].clone()}
        decaying.state[first] = {"step": torch.tensor(float(step - 1)), **past}
        first.grad = g[:64]
        decaying.step()
        p.data[:64] = first.data
    keep(case, scalars, p=before, g=g, m=m, v=v, p1=p, m1=state["exp_avg"], v1=state["exp_avg_sq"])


def clip_by_norm(case, max_norm):
    parts = [leaf(signed(5, 7)), leaf(signed(66)), leaf(signed(1))]
    gradients = [signed(*part.shape) for part in parts]
    for part, gradient in zip(parts, gradients):
        part.grad = gradient.clone()
    norm = nn.utils.clip_grad_norm_(parts, max_norm)
    keep(
        case,
        {"op": "clip_by_norm", "max_norm": max_norm, "norm": norm.item()},
        **{f"g{i}": gradient for i, gradient in enumerate(gradients)},
        **{f"clipped{i}": part.grad for i, part in enumerate(parts)},
    )


def kernels():
    torch.manual_seed(1)
    for case in [
        ("conv1d_same_k1", 2, 5, 3, 4, 1, 1, "same"),
        ("conv1d_same_k3", 2, 7, 3, 5, 3, 1, "same"),
        ("conv1d_same_k4", 3, 10, 2, 3, 4, 1, "same"),
        ("conv1d_same_k16_one_channel", 2, 23, 1, 6, 16, 1, "same"),
        ("conv1d_same_k7_longer_than_the_input", 2, 4, 3, 5, 7, 1, "same"),
        ("conv1d_same_k3_s2_odd", 2, 9, 3, 5, 3, 2, "same"),
        ("conv1d_same_k3_s2_even", 2, 10, 3, 5, 3, 2, "same"),
        ("conv1d_same_k5_s3", 2, 11, 3, 4, 5, 3, "same"),
        ("conv1d_same_k2_s3", 2, 10, 3, 4, 2, 3, "same"),
        ("conv1d_same_tiles", 3, 37, 19, 33, 3, 1, "same"),
        ("conv1d_same_s2_tiles", 2, 69, 17, 66, 4, 2, "same"),
        ("conv1d_valid_k3", 2, 7, 3, 5, 3, 1, "valid"),
        ("conv1d_valid_k5_one_output", 2, 5, 3, 4, 5, 1, "valid"),
        ("conv1d_valid_k4_s2", 2, 11, 5, 3, 4, 2, "valid"),
        ("conv1d_valid_k5_s3", 3, 15, 2, 7, 5, 3, "valid"),
        ("conv1d_valid_k2_s3", 2, 10, 3, 4, 2, 3, "valid"),
    ]:
        conv1d(*case)
    dense("dense_3_5_7", 2, 3, 5, 7)
    dense("dense_one_step", 5, 1, 16, 6)
    dense("dense_tiles", 5, 6, 33, 65)
    relu("relu", 3, 11, 7)
    for size in (1, 2, 3, 8):
        max_pool1d(f"max_pool1d_{size}", 2, 19, 5, size, False)
        max_pool1d(f"max_pool1d_{size}_ties", 2, 19, 5, size, True)
    for size in (1, 2, 3, 8):
        average_pool1d(f"average_pool1d_{size}", 2, 19, 5, size)
    lstm("lstm_sequence", 3, 7, 5, 6)
    lstm("lstm_last", 3, 7, 5, 6, sequence=False)
    lstm("lstm_one_step", 2, 1, 3, 5)
    lstm("lstm_h1", 2, 4, 1, 1)
    lstm("lstm_h33", 5, 9, 4, 33)
    lstm("lstm_reverse", 3, 7, 5, 6, reverse=True)
    lstm("lstm_reverse_last", 3, 7, 5, 6, sequence=False, reverse=True)
    lstm("lstm_lengths", 4, 7, 3, 5, lengths=[4, 7, 1, 6])
    lstm("lstm_lengths_last", 4, 7, 3, 5, sequence=False, lengths=[4, 7, 1, 6])
    lstm("lstm_lengths_reverse", 4, 7, 3, 5, reverse=True, lengths=[4, 7, 1, 6])
    softmax_cross_entropy("softmax_cross_entropy", 7, 7, 6, 2.0)
    softmax_cross_entropy("softmax_cross_entropy_rows", 9, 5, 6, 2.0)
    softmax_cross_entropy("softmax_cross_entropy_large", 8, 8, 5, 80.0)
    softmax_cross_entropy("softmax_cross_entropy_two_classes", 3, 2, 2, 1.0)
    adam("adam_step_1", 1, 1.0)
    adam("adam_step_1_tiny_gradients", 1, 1e-6)
    adam("adam_step_2", 2, 1e-2)
    adam("adam_step_100000", 100_000, 1e-2)
    clip_by_norm("clip_by_norm", 1.0)
    clip_by_norm("clip_by_norm_below", 1000.0)
    for case in [
        ("conv2d_same_4x4_one_channel", (2, 6, 7, 1), 4, (4, 4), (1, 1), "same"),
        ("conv2d_same_3x3", (2, 5, 4, 3), 5, (3, 3), (1, 1), "same"),
        ("conv2d_same_2x3", (3, 4, 6, 4), 8, (2, 3), (1, 1), "same"),
        ("conv2d_same_5x2_higher_than_the_image", (2, 3, 5, 2), 3, (5, 2), (1, 1), "same"),
        ("conv2d_same_3x2_s2x3", (2, 7, 8, 3), 5, (3, 2), (2, 3), "same"),
        ("conv2d_same_2x2_s3x1", (2, 7, 5, 5), 4, (2, 2), (3, 1), "same"),
        ("conv2d_same_1x1", (2, 3, 4, 6), 7, (1, 1), (1, 1), "same"),
        ("conv2d_valid_3x4", (2, 6, 7, 3), 4, (3, 4), (1, 1), "valid"),
        ("conv2d_valid_3x2_s2x1", (2, 8, 5, 4), 8, (3, 2), (2, 1), "valid"),
        ("conv2d_valid_one_output", (2, 3, 5, 4), 3, (3, 5), (1, 1), "valid"),
    ]:
        conv2d(*case)
    for size in ((1, 1), (2, 2), (3, 2)):
        name = "max_pool2d_{}x{}".format(*size)
        max_pool2d(name, (2, 7, 9, 5), size, False)
        max_pool2d(f"{name}_ties", (2, 7, 9, 5), size, True)
    for op in ("global_average_pool", "global_max_pool"):
        global_pool(op, op, 3, 20, 5)
    softmax_cross_entropy("cross_entropy_smoothing", 7, 7, 6, 2.0, smoothing=0.1)
    softmax_cross_entropy("cross_entropy_weights", 9, 5, 6, 2.0, weighted=True)
    softmax_cross_entropy("cross_entropy_smoothing_weights", 8, 8, 5, 3.0, smoothing=0.3, weighted=True)
    adam("adamw_step_1", 1, 1.0, weight_decay=0.01)
    adam("adamw_step_1000", 1000, 1e-2, weight_decay=0.1)
    save_file(tensors, HERE / "kernels.safetensors", {"cases": json.dumps(cases)})


class Chain(nn.Module):
    """A model file of one chain, dropout left out, with PyTorch's own layers under the file's names."""

    def __init__(self, path, classes):
        super().__init__()
        description = tomllib.loads(path.read_text())
        self.layers = description["layer"]
        # A window goes through the layers as they are made, for their input channels.
        x = torch.zeros(1, description["input"]["window"], description["input"]["channels"])
        for layer in self.layers:
            channels = x.shape[-1]
            match layer["type"]:
                case "conv1d":
                    module = nn.Conv1d(channels, layer["filters"], layer["kernel"], layer.get("stride", 1))
                case "conv2d":
                    module = nn.Conv2d(channels, layer["filters"], layer["kernel"], layer.get("stride", 1))
                case "dense":
                    units = classes if layer["units"] == "classes" else layer["units"]
                    module = nn.Linear(channels, units)
                case "lstm":
                    module = nn.LSTM(channels, layer["units"], batch_first=True)
                case _:
                    module = None
            if module:
                self.add_module(layer["name"], module)
            with torch.no_grad():
                x = self.after(layer, x)
        # Biases that are not zero, both of an LSTM's too: a reader that drops one gives other logits.
        for name, parameter in self.named_parameters():
            if "bias" in name:
                nn.init.uniform_(parameter, -0.1, 0.1)
            elif "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)

    def after(self, layer, x):
        """What a layer makes of x, (N, L, C) or (N, H, W, C)."""
        module = getattr(self, layer["name"], None)
        match layer["type"]:
            case "conv1d":
                padding = layer.get("padding", "same")
                x = convolve(x, module.weight, module.bias, layer.get("stride", 1), padding)
            case "conv2d":
                stride, padding = layer.get("stride", [1, 1]), layer.get("padding", "same")
                x = convolve_image(x, module.weight, module.bias, stride, padding)
            case "dense":
                x = module(x)
            case "relu":
                x = functional.relu(x)
            case "max_pool1d":
                x = functional.max_pool1d(x.transpose(1, 2), layer["size"]).transpose(1, 2)
            case "average_pool1d":
                x = functional.avg_pool1d(x.transpose(1, 2), layer["size"]).transpose(1, 2)
            case "max_pool2d":
                x = functional.max_pool2d(x.permute(0, 3, 1, 2), layer["size"]).permute(0, 2, 3, 1)
            case "global_average_pool":
                x = x.flatten(1, -2).mean(1, keepdim=True)
            case "global_max_pool":
                x = x.flatten(1, -2).amax(1, keepdim=True)
            case "reshape":
                x = x.reshape(-1, *layer["shape"])
            case "flatten":
                x = x.flatten(1)[:, None]
            case "lstm":
                x, _ = module(x)
                x = x if layer["sequence"] else x[:, -1:]
        return functional.relu(x) if layer.get("activation") == "relu" else x

    def forward(self, x):
        for layer in self.layers:
            x = self.after(layer, x)
        return x[:, 0]


def batch(step, rows, window=400, channels=1, classes=6):
    """Rows of one batch by a rule that any language computes exactly, and their labels.

    Row r of step s (both from 0) starts a generator at 32 s + r. For every value, time by time and
    channel by channel, it advances, state = (1664525 state + 1013904223) mod 2^32, and gives the noise
    (state div 512) / 2^23 - 1/2. The label is r mod classes; 1 is added at the times that (10 + 7 label)
    divides. All of it is exact in f32.
    """
    row = numpy.arange(rows)
    state = (32 * step + row).astype(numpy.uint64)
    label = row % classes
    x = numpy.empty((rows, window, channels), numpy.float32)
    for time in range(window):
        for channel in range(channels):
            state = (state * 1664525 + 1013904223) % 2**32
            x[:, time, channel] = (state // 512) / 2**23 - 0.5 + (time % (10 + 7 * label) == 0)
    return torch.from_numpy(x), torch.from_numpy(label)


def whole_step(name, classes, *sizes):
    """A state dict of a small model, a batch, and a training step's figures."""
    model = Chain(HERE / f"{name}.toml", classes)
    save_file(model.state_dict(), HERE / f"{name}.pytorch.safetensors")
    model.double()
    x, labels = batch(0, *sizes, classes)
    x = x.double().requires_grad_()
    logits = model(x)
    loss = functional.cross_entropy(logits, labels)
    loss.backward()
    step = {"x": x, "labels": labels.int(), "logits": logits, "loss": loss, "dx": x.grad}
    step |= {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
    step = {
        name: value.detach() if name == "labels" else value.detach().float().contiguous()
        for name, value in step.items()
    }
    save_file(step, HERE / f"{name}.step.safetensors")


def small():
    torch.manual_seed(2)
    whole_step("small", 3, 7, 50, 2)


def image():
    torch.manual_seed(4)
    whole_step("image", 6, 7, 120, 1)


def schedules():
    """Learning rates of every batch of 12 epochs of 5, as PyTorch's schedulers give them: one step a batch; those of
    step and plateau one an epoch."""
    epochs, batches, base, least = 12, 5, 0.01, 1e-4
    # No loss improves for 2 epochs from the fifth on, from the eighth, and from the tenth.
    plateau_losses = [1.0, 0.9, 0.8, 0.7, 0.75, 0.71, 0.6, 0.65, 0.66, 0.67, 0.6, 0.59]

    def rates(make, by_epoch=False, losses=None):
        optimizer = torch.optim.SGD([leaf(signed(1))], lr=base)
        scheduler = make(optimizer)
        values = []
        for epoch in range(epochs):
            for _ in range(batches):
                values.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                if not by_epoch:
                    scheduler.step()
            if by_epoch:
                scheduler.step(*([losses[epoch]] if losses else []))
        return values

    def warm(then, total):
        """Up to the full rate in two epochs, then another schedule."""

        def make(optimizer):
            w = 2 * batches
            rise = schedule.LinearLR(optimizer, start_factor=1 / w, end_factor=1.0, total_iters=w - 1)
            return schedule.SequentialLR(optimizer, [rise, then(optimizer, total - w)], [w])

        return make

    total = epochs * batches
    cosine = lambda optimizer, steps: schedule.CosineAnnealingLR(optimizer, steps, eta_min=least)
    step = lambda optimizer, _: schedule.StepLR(optimizer, 3 * batches, gamma=0.5)
    # PyTorch waits for one epoch more than its patience says, and Keras does not.
    plateau = lambda optimizer: schedule.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, threshold=0.0, threshold_mode="abs", min_lr=4e-3
    )
    golden = {
        "about": " ".join(schedules.__doc__.split()),
        "epochs": epochs, "batches": batches, "base": base, "plateau_losses": plateau_losses,
        "step": rates(lambda o: schedule.StepLR(o, 3, gamma=0.5), by_epoch=True),
        "cosine": rates(lambda o: cosine(o, total)),
        "plateau": rates(plateau, by_epoch=True, losses=plateau_losses),
        "warm_step": rates(warm(step, total)),
        "warm_cosine": rates(warm(cosine, total)),
    }  # fmt: skip
    (HERE / "schedules.json").write_text(json.dumps(golden) + "\n")


def losses(state, rows, precision):
    """The loss of every step, before its update, of training from `state`."""
    model = Chain(HERE / "../../data/models/cnn-lstm.toml", 6)
    model.load_state_dict(state)
    model.to(precision)
    # Trained apart, each bias would take Adam's step and their sum twice that; gpu-bearing has only the sum.
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("bias_hh" not in name)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3, eps=1e-7)
    values = []
    for step, count in enumerate(rows):
        x, labels = batch(step, count)
        each = functional.cross_entropy(model(x.to(precision)), labels, reduction="none")
        values.append(each.detach().double().mean().item())
        optimizer.zero_grad()
        each.mean().backward()
        optimizer.step()
    return values


def paper():
    torch.manual_seed(3)
    model = Chain(HERE / "../../data/models/cnn-lstm.toml", 6)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert sum(value.numel() for name, value in state.items() if "bias_hh" not in name) == 348_822
    save_file(state, HERE / "cnn-lstm.pytorch.safetensors")
    x, _ = batch(100, 4)
    with torch.no_grad():
        save_file({"x": x, "logits": model(x)}, HERE / "cnn-lstm.logits.safetensors")
    full, short = [32] * 11, [32] * 9 + [20, 32]
    golden = {
        "about": "Losses of steps 1 to 11 from cnn-lstm.pytorch.safetensors on the batches of make.py's "
        "batch(); no dropout; the eleventh shows what the tenth update did",
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "epsilon": 1e-7, "beta1": 0.9, "beta2": 0.999},
        "torch": torch.__version__,
    }
    for name, rows in (("full", full), ("short", short)):
        single, double = losses(state, rows, torch.float32), losses(state, rows, torch.float64)
        print(name, *(f"{a:.7f} {a - b:+.1e}" for a, b in zip(single, double)), sep="\n  ")
        golden[name] = {"rows": rows, "losses": single, "losses_f64": double}
    (HERE / "ten_steps.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    kernels()
    small()
    image()
    paper()
    schedules()
    for file in sorted(HERE.glob("*.safetensors")):
        print(f"{file.stat().st_size:9} {file.name}")
