"""Where a point is, by a head of two convolutions on the maps of a frozen body: each cell says whether it is there."""

import torch
from torch import Tensor, nn

HIDDEN = 32
EPOCHS, BATCH = 8, 64
LEAST_STEPS = 200  # of few pictures, more epochs
LR, WEIGHT_DECAY = 3e-3, 1e-2
BLUR = 1.0  # cells: the spread of the target around the point
REACH = 2.5  # cells around the likeliest that the answer is averaged over
SEED = 0


class PlaceHead(nn.Module):
    """Maps (B, F, h, w) → the log-odds of each cell (B, h · w)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(features, HIDDEN, 1), nn.ReLU(), nn.Conv2d(HIDDEN, 1, 3, padding=1), nn.Flatten(1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps.float())


def held_out_places(maps: Tensor, points: Tensor, part_of: Tensor) -> Tensor:
    """Each sample's point (N, 2) as shares of width and height, from the head that learnt from all parts but its own.

    The cross-entropy over the cells does not pull at a point that is far off, as a squared error would: wrong ones change little.
    """
    centres = _centres(maps)
    found = torch.zeros_like(points)
    for part in part_of.unique().tolist():
        seen, unseen = (part_of != part).nonzero()[:, 0], (part_of == part).nonzero()[:, 0]
        head = _learnt(maps, points, seen, centres)
        found[unseen] = _placed(head, maps, unseen, centres)
    return found


def _centres(maps: Tensor) -> Tensor:
    """The middle of each cell (h · w, 2), in cells."""
    height, width = maps.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], 1)


def _learnt(maps: Tensor, points: Tensor, seen: Tensor, centres: Tensor) -> PlaceHead:
    size = torch.tensor([maps.shape[3], maps.shape[2]])
    chance = torch.Generator().manual_seed(SEED)
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        head = PlaceHead(maps.shape[1])
        optimizer = torch.optim.AdamW(head.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        for _ in range(max(EPOCHS, -(-LEAST_STEPS // -(-len(seen) // BATCH)))):
            order = seen[torch.randperm(len(seen), generator=chance)]
            for batch in order.split(BATCH):
                away = (centres[None] - (points[batch] * size)[:, None]).square().sum(2)
                target = (-away / (2 * BLUR**2)).softmax(1)
                loss = -(target * head(maps[batch]).log_softmax(1)).sum(1).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return head.eval()


def _placed(head: PlaceHead, maps: Tensor, items: Tensor, centres: Tensor) -> Tensor:
    size = torch.tensor([maps.shape[3], maps.shape[2]])
    found: list[Tensor] = []
    with torch.inference_mode():
        for batch in items.split(BATCH):
            shares = head(maps[batch]).softmax(1)
            likeliest = centres[shares.argmax(1)]
            near = ((centres[None] - likeliest[:, None]).norm(dim=2) <= REACH) * shares
            near = near / near.sum(1, keepdim=True)
            found.append(near @ centres / size)
    return torch.cat(found)
