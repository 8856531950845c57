"""PyTorch's side of `gpu-bearing bench --against pytorch`, which holds this file and runs it; needs torch only.

It reads one JSON request a line from standard input and answers each with one line of JSON. It times one repeat
a request, so that the two programs take turns on the machine and the imports are paid once.

{"do": "prepare", "model", "batch", "steps", "windows", "classes", "file", "signal", "tensors"}
    Builds the model from its description, with the parameters in `file`: `signal` samples of f32, then the
    `tensors`, (name, shape) each. Finds its fastest settings. Answers with them and with the probabilities of
    all windows, by which the two programs check that they compute the same.
{"do": "train", "case": 0}     Times `steps` steps: cut the batch out of the signal, forward, backward, Adam.
{"do": "classify", "case": 0}  Times the probabilities of all windows in inference mode.

Eager mode. Where a choice may cost or gain time, PyTorch gets the cheaper one: windows lie end to end, are
not scaled, and the signal and the order are on the device beforehand.
"""

import json
import os
import platform
import signal
import statistics
import sys
import time
import warnings

# The program that runs this one answers for it when it is interrupted.
signal.signal(signal.SIGINT, signal.SIG_DFL)
warnings.filterwarnings("ignore")

# OpenMP's threads spin for a while after their work, and the other program is measured next.
REST = 0.1


def answer(value):
    print(json.dumps(value), flush=True)


try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as cause:
    answer({"error": f"cannot import torch: {cause}", "python": sys.executable})
    sys.exit()


class Same(nn.Module):
    """Zeros for a convolution with a stride, as Keras' 'same': the odd one stands on the right."""

    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        zeros = []
        # The last axis comes first.
        for length, kernel, stride in reversed(list(zip(x.shape[2:], self.kernel, self.stride))):
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            zeros += [total // 2, total - total // 2]
        return functional.pad(x, zeros)


class Shaped(nn.Module):
    """The same values in another shape."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


class Global(nn.Module):
    """A pool over all steps or positions, (N, ..., C) -> (N, 1, C)."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        return self.pool(x.flatten(1, -2), 1, True)


class Chain(nn.Module):
    """The model of a description: layers by name. Convolutions and pools want (N, C, L) or (N, C, H, W), the others
    channels last."""

    def __init__(self, description):
        super().__init__()
        self.window, self.channels = description["window"], description["channels"]
        self.plan = []
        # A window goes through the layers as they are made, for their input channels.
        x, is_last = torch.zeros(1, self.window, self.channels), True
        for layer in description["layers"]:
            kind, name, made = layer["type"], layer["name"], len(self.plan)
            channels = x.shape[-1 if is_last else 1]
            channels_last, last_step = None, False
            if kind in ("conv1d", "conv2d"):
                whole = (lambda value: [value]) if kind == "conv1d" else list
                kernel, stride, same = whole(layer["kernel"]), whole(layer["stride"]), layer["padding"] == "same"
                if same and max(stride) > 1:
                    self.plan.append((Same(kernel, stride), False, False))
                # PyTorch's own 'same' puts the odd zero on the right as well, but takes no stride.
                padding = "same" if same and max(stride) == 1 else 0
                convolution = nn.Conv1d if kind == "conv1d" else nn.Conv2d
                module = convolution(channels, layer["filters"], kernel, stride, padding)
                channels_last = False
            elif kind == "dense":
                module, channels_last = nn.Linear(channels, layer["units"]), True
            elif kind == "relu":
                module = nn.ReLU()
            elif kind in ("max_pool1d", "average_pool1d"):
                if layer["size"] == 1:
                    continue
                pool = nn.MaxPool1d if kind == "max_pool1d" else nn.AvgPool1d
                module, channels_last = pool(layer["size"]), False
            elif kind == "max_pool2d":
                module, channels_last = nn.MaxPool2d(layer["size"]), False
            elif kind in ("global_average_pool", "global_max_pool"):
                module = Global(torch.mean if kind == "global_average_pool" else torch.amax)
                channels_last = True
            elif kind == "reshape":
                module, channels_last = Shaped(*layer["shape"]), True
            elif kind == "flatten":
                module, channels_last = Shaped(1, -1), True
            elif kind == "dropout":
                module = nn.Dropout(layer["rate"])
            elif kind == "lstm":
                module, channels_last = nn.LSTM(channels, layer["units"], batch_first=True), True
                last_step = not layer["sequence"]
            else:
                raise ValueError(f"layer '{name}' is a {kind}, which this script does not know")
            # A layer's name may hold dots, which a module's may not.
            self.add_module(name.replace(".", "/"), module)
            self.plan.append((module, channels_last, last_step))
            with torch.no_grad():
                x, is_last = self.through(self.plan[made:], x, is_last)

    def through(self, plan, x, is_last):
        """x after the layers of `plan`, and whether its channels are last."""
        for module, channels_last, last_step in plan:
            if channels_last is not None and channels_last != is_last:
                x, is_last = x.movedim(-1, 1) if is_last else x.movedim(1, -1), channels_last
            x = module(x)
            if isinstance(x, tuple):
                x = x[0]
            if last_step:
                x = x[:, -1:]
        return x, is_last

    def forward(self, x):
        """(N, L, C) -> (N, classes)"""
        x, _ = self.through(self.plan, x, True)
        return x.flatten(1)


class Case:
    def __init__(self, request):
        self.batch, self.steps, self.count = request["batch"], request["steps"], request["windows"]
        with open(request["file"], "rb") as file:
            data = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
        self.model = Chain(request["model"])
        parameters = dict(self.model.named_parameters())
        at = request["signal"]
        self.windows = data[:at].view(-1, self.model.window, self.model.channels)
        with torch.no_grad():
            for name in parameters:
                # Ours has one bias an LSTM.
                if name.endswith("bias_hh_l0"):
                    parameters[name].zero_()
            for name, shape in request["tensors"]:
                layer, tensor = name.rsplit(".", 1)
                target = parameters[layer.replace(".", "/") + "." + tensor]
                if list(target.shape) != shape:
                    raise ValueError(f"{name} is {list(target.shape)} here and {shape} there")
                target.copy_(data[at : at + target.numel()].view(shape))
                at += target.numel()
        self.classes = request["classes"]
        self.order = torch.arange(self.steps * self.batch) % self.count
        self.labels = torch.arange(self.count) % self.classes
        kinds = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
        adam = lambda options: torch.optim.Adam(self.model.parameters(), 1e-3, eps=1e-7, **options)
        self.optimizers = {kind: adam(options) for kind, options in kinds.items()}

    def train(self, threads, onednn, adam, steps):
        """Seconds of one step."""
        torch.set_num_threads(threads)
        optimizer = self.optimizers[adam]
        self.model.train()
        losses = []
        with torch.backends.mkldnn.flags(enabled=onednn):
            start = time.perf_counter()
            for step in range(steps):
                rows = self.order[step * self.batch : (step + 1) * self.batch]
                optimizer.zero_grad(set_to_none=True)
                scores = self.model(self.windows.index_select(0, rows))
                loss = functional.cross_entropy(scores, self.labels.index_select(0, rows))
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
            torch.stack(losses).tolist()
            return (time.perf_counter() - start) / steps

    def probabilities(self, batch):
        parts = []
        for first in range(0, self.count, batch):
            parts.append(functional.softmax(self.model(self.windows[first : first + batch]), 1))
        return torch.cat(parts)

    def classify(self, threads, onednn, batch):
        """Seconds of all windows."""
        torch.set_num_threads(threads)
        self.model.eval()
        with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=onednn):
            start = time.perf_counter()
            self.probabilities(batch).argmax(1).tolist()
            return time.perf_counter() - start

    def prepare(self):
        self.model.eval()
        with torch.inference_mode():
            probabilities = self.probabilities(self.count).flatten().tolist()
        base = [{"threads": threads, "onednn": onednn} for threads in thread_counts() for onednn in (True, False)]
        train = lambda **setting: self.train(**setting, steps=2)
        self.training = fastest([{**setting, "adam": "fused"} for setting in base], train)
        self.training = fastest([{**self.training, "adam": adam} for adam in self.optimizers], train)
        batches = sorted({self.count, min(self.batch, self.count)})
        self.inference = fastest([{**setting, "batch": batch} for setting in base for batch in batches], self.classify)
        return {"train": self.training, "classify": self.inference, "probabilities": probabilities}


def fastest(settings, run):
    """The setting with the least median of three runs, after one that also sets up."""
    best, least = None, float("inf")
    for setting in settings:
        # More threads than free cores can take a hundred times as long.
        if run(**setting) > 4 * least:
            continue
        seconds = statistics.median(run(**setting) for _ in range(3))
        if seconds < least:
            best, least = setting, seconds
    return best


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def thread_counts():
    """1, 2, 4, ... and as many as there are cores."""
    powers = [2**power for power in range(12) if 2**power < cores()]
    return [*powers, cores()]


def serve():
    cases = []
    answer({"torch": torch.__version__, "python": platform.python_version(), "cores": cores()})
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prepare":
            cases.append(Case(request))
            reply = cases[-1].prepare()
        elif request["do"] == "train":
            case = cases[request["case"]]
            reply = {"seconds": case.train(**case.training, steps=case.steps)}
        else:
            case = cases[request["case"]]
            reply = {"seconds": case.classify(**case.inference)}
        time.sleep(REST)
        answer(reply)


try:
    serve()
except Exception as cause:
    answer({"error": f"{type(cause).__name__}: {cause}", "python": sys.executable})
