"""CamVid: what is every pixel of this street scene? Segmentation with a U-Net."""

from engine.inputs import PICTURE
from engine.kinds.main_metrics import PIXEL_ACCURACY
from engine.recipe import LEAST_STEPS, LESSON_BACKBONE, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import Aim, Objective, Task
from engine.tasks.lesson import ALL_SETTINGS


def build_objective() -> Objective:
    """Segmentation; torch is imported here, so that the page can list the task without it."""
    from engine.kinds.mask import build_mask_objective

    return build_mask_objective()


# What both of the lesson's recipes share, and do not share with its notebooks.
OTHERWISE = (
    "The notebook counts Void pixels in the loss and leaves them out of its accuracy; here they are left out of both, since "
    "nobody knows what is there. The decoder is leaner than fastai's, so that two CPU cores can train it. "
    f"{ALL_SETTINGS}"
)
LESSON = Recipe(
    name="lesson",
    title="The lesson's, on CamVid with 32 codes",
    note="Half size, then full size, each frozen and unfrozen: 42 epochs. The lesson's model reached a validation accuracy of "
    f"0.9333 on one GPU. {OTHERWISE}",
    backbone=LESSON_BACKBONE,
    stages=(
        Stage(name="half-frozen", epochs=10, max_lr=3e-3, image_size=360, batch_size=8, train_from=-1, pct_start=0.9),
        Stage(name="half-full", epochs=12, max_lr=(7.5e-6, 7.5e-4), image_size=360, batch_size=8, pct_start=0.8),
        Stage(name="full-frozen", epochs=10, max_lr=1e-3, image_size=720, batch_size=3, train_from=-1, pct_start=0.8),
        Stage(name="full-full", epochs=10, max_lr=(1e-6, 1e-4), image_size=720, batch_size=3),
    ),
)
# The notebook defines half a size and never passes it (fastai/course-v3, issue 419): all four stages see 360×480.
TIRAMISU = Recipe(
    name="lesson-tiramisu",
    title="The lesson's, on the 11-class set",
    note="360×480 throughout, frozen and unfrozen, then both again at lower rates: 42 epochs. The lesson's model reached a "
    f"validation accuracy of 0.9406 (0.9417 at best) on one GPU. {OTHERWISE}",
    backbone=LESSON_BACKBONE,
    stages=(
        Stage(name="frozen", epochs=10, max_lr=2e-3, image_size=360, batch_size=8, train_from=-1, pct_start=0.8),
        Stage(name="full", epochs=12, max_lr=(2e-5, 2e-3), image_size=360, batch_size=8, pct_start=0.8),
        Stage(name="again-frozen", epochs=10, max_lr=1e-3, image_size=360, batch_size=8, train_from=-1, pct_start=0.8),
        Stage(name="again-full", epochs=10, max_lr=(1e-6, 1e-4), image_size=360, batch_size=8),
    ),
)
CPU_HALF = Recipe(
    name="cpu-half",
    least_steps=LEAST_STEPS,
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
    least_steps=LEAST_STEPS,
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
            kind="mask",
            input_kind=PICTURE,
            metric=PIXEL_ACCURACY,
            build=build_objective,
            default_stage=Stage(name="frozen", epochs=4, max_lr=3e-3, image_size=128, batch_size=8, train_from=-1),
        ),
    ),
)
