"""Head centres: where in this photograph is the middle of the head? A regression to a point."""

from engine.inputs import PICTURE
from engine.kinds.main_metrics import MEAN_PIXELS
from engine.recipe import LEAST_STEPS, LESSON_BACKBONE, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import Aim, Objective, Task
from engine.tasks.lesson import ALL_SETTINGS


def build_objective() -> Objective:
    """A point, read from places; torch is imported here, so that the page can list the task without it."""
    from engine.kinds.point import build_place_objective

    return build_place_objective()


def build_pooled() -> Objective:
    """A point, from pooled maps, as the lesson's model has it."""
    from engine.kinds.point import build_point_objective

    return build_point_objective()


POOLED = "point"
FROZEN = Stage(name="frozen", epochs=3, max_lr=3e-3, image_size=96, batch_size=16, train_from=-1)
QUICK = Recipe(
    name="quick",
    least_steps=LEAST_STEPS,
    title="A first look",
    note="Two short stages at 96 px: a rough result within a few minutes on two cores.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="frozen-96", epochs=1, max_lr=1e-2, image_size=96, batch_size=32, train_from=-1),
        Stage(name="full-96", epochs=3, max_lr=(3e-4, 3e-3), image_size=96, batch_size=32),
    ),
)
CPU = Recipe(
    name="cpu",
    least_steps=LEAST_STEPS,
    title="On a CPU",
    note="96 px frozen, then unfrozen, then a last stretch at 128 px.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="frozen-96", epochs=2, max_lr=1e-2, image_size=96, batch_size=32, train_from=-1),
        Stage(name="full-96", epochs=7, max_lr=(3e-4, 3e-3), image_size=96, batch_size=32),
        Stage(name="full-128", epochs=2, max_lr=(1e-4, 1e-3), image_size=128, batch_size=32),
    ),
)
LESSON = Recipe(
    name="lesson",
    title="The lesson's, on BIWI",
    note="120×160, 5 epochs of the head alone, person 13 held out. The lesson's model ended at a mean squared error of 0.0028 on "
    "that person's pictures, after 0.0022 at best. Here the head has LayerNorm and no dropout, as a batch's noise shakes "
    f'coordinates. The notebook\'s end shows stronger transforms: they are the augmentation "strong". {ALL_SETTINGS}',
    backbone=LESSON_BACKBONE,
    objective=POOLED,
    stages=(Stage(name="frozen", epochs=5, max_lr=2e-2, image_size=120, batch_size=64, train_from=-1),),
)

HEADS = Task(
    name="heads",
    title="Head centres",
    question="Where in this photograph is the middle of the head?",
    lesson="heads",
    datasets=("pointing04", "biwi_head_pose", "biwi_sample", "drawn-heads"),
    backbones=(OFFLINE_BACKBONE, LESSON_BACKBONE, "resnet18.tv_in1k", "mobilenetv3_small_100"),
    recipes=(QUICK, CPU, LESSON),
    aims=(
        Aim(
            name="place",
            title="Read from places",
            kind="point",
            input_kind=PICTURE,
            metric=MEAN_PIXELS,
            build=build_objective,
            default_stage=FROZEN,
        ),
        Aim(
            name=POOLED,
            title="From pooled maps, as in the lesson",
            kind="point",
            input_kind=PICTURE,
            metric=MEAN_PIXELS,
            build=build_pooled,
            default_stage=FROZEN,
        ),
    ),
    before=POOLED,
)
