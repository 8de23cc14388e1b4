"""CamVid: what is every pixel of this street scene? Segmentation with a U-Net."""

from engine.recipe import LESSON_BACKBONE, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import Aim, Objective, Task


def build_objective() -> Objective:
    """Segmentation; torch is imported here, so that the page can list the task without it."""
    from engine.kinds.mask import build_mask_objective

    return build_mask_objective()


LESSON = Recipe(
    name="lesson",
    title="The lesson's, on CamVid with 32 codes",
    note="Half size, then full size, each frozen and unfrozen: 42 epochs. Reached 0.9333 on one GPU in the lesson.",
    backbone=LESSON_BACKBONE,
    stages=(
        Stage(name="half-frozen", epochs=10, max_lr=3e-3, image_size=360, batch_size=8, train_from=-1, pct_start=0.9),
        Stage(name="half-full", epochs=12, max_lr=(7.5e-6, 7.5e-4), image_size=360, batch_size=8, pct_start=0.8),
        Stage(name="full-frozen", epochs=10, max_lr=1e-3, image_size=720, batch_size=3, train_from=-1, pct_start=0.8),
        Stage(name="full-full", epochs=10, max_lr=(1e-6, 1e-4), image_size=720, batch_size=3),
    ),
)
TIRAMISU = Recipe(
    name="lesson-tiramisu",
    title="The lesson's, on the 11-class set",
    note="180×240, then 360×480, each frozen and unfrozen: 42 epochs. Reached 0.9406 (0.9417 at best) in the lesson.",
    backbone=LESSON_BACKBONE,
    stages=(
        Stage(name="half-frozen", epochs=10, max_lr=2e-3, image_size=180, batch_size=8, train_from=-1, pct_start=0.8),
        Stage(name="half-full", epochs=12, max_lr=(2e-5, 2e-3), image_size=180, batch_size=8, pct_start=0.8),
        Stage(name="full-frozen", epochs=10, max_lr=1e-3, image_size=360, batch_size=8, train_from=-1, pct_start=0.8),
        Stage(name="full-full", epochs=10, max_lr=(1e-6, 1e-4), image_size=360, batch_size=8),
    ),
)
CPU_HALF = Recipe(
    name="cpu-half",
    title="Half size on a CPU",
    note="180×240 frozen, then unfrozen, on a small backbone that needs no download: minutes on two cores.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="half-frozen", epochs=4, max_lr=4e-3, image_size=180, batch_size=8, train_from=-1),
        Stage(name="half-full", epochs=16, max_lr=(3e-4, 3e-3), image_size=180, batch_size=8),
    ),
)
QUICK = Recipe(
    name="quick",
    title="A first look",
    note="Two short stages at 96 px: a rough result within a minute or two, good for the drawn sample.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="frozen", epochs=3, max_lr=5e-3, image_size=96, batch_size=8, train_from=-1),
        Stage(name="full", epochs=5, max_lr=(3e-4, 3e-3), image_size=96, batch_size=8),
    ),
)

CAMVID = Task(
    name="camvid",
    title="CamVid",
    question="What is every pixel of this street scene?",
    lesson="camvid",
    datasets=("camvid-tiramisu", "camvid", "camvid_tiny", "drawn-streets"),
    backbones=(OFFLINE_BACKBONE, LESSON_BACKBONE, "resnet18.tv_in1k", "mobilenetv3_small_100"),
    recipes=(QUICK, CPU_HALF, TIRAMISU, LESSON),
    aims=(
        Aim(
            name="mask",
            build=build_objective,
            default_stage=Stage(name="frozen", epochs=4, max_lr=3e-3, image_size=128, batch_size=8, train_from=-1),
        ),
    ),
)
