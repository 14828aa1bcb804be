"""From nothing to the first gradient of W3 in PyTorch: the runner measures the time of the whole process, which prints
the peak of its memory, in kB, itself."""
import re

import torch

X, Y = torch.randn(2, 400), (torch.rand(1, 400) > 0.5).float()
P = [torch.randn(4, 2, requires_grad=True), torch.zeros(4, 1, requires_grad=True),
     torch.randn(1, 4, requires_grad=True), torch.zeros(1, 1, requires_grad=True)]
Z = P[2] @ torch.tanh(P[0] @ X + P[1]) + P[3]
torch.nn.functional.binary_cross_entropy_with_logits(Z, Y).backward()
peak = re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())
print(float(sum(p.grad.abs().sum() for p in P)), peak.group(1))
