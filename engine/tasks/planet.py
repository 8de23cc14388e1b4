"""Planet: which of 17 tags has this satellite chip of the Amazon? Several may hold at once."""

from engine.inputs import PICTURE
from engine.kinds.main_metrics import F2
from engine.recipe import LEAST_STEPS, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import Aim, Objective, Task
from engine.tasks.lesson import ALL_SETTINGS

LESSON_RESNET = "resnet50.tv_in1k"


def build_objective() -> Objective:
    """Tags of pictures from straight above: no side is up, and nothing is seen at a slant."""
    from engine.data.pictures.symmetries import SQUARE
    from engine.data.pictures.transforms import transforms_from_above
    from engine.kinds.tags import build_tags_objective

    return build_tags_objective(transforms=transforms_from_above, symmetries=SQUARE)


QUICK = Recipe(
    name="quick",
    least_steps=LEAST_STEPS,
    title="A first look",
    note="Two short stages at 64 px: a rough result within a minute on two cores.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="frozen-64", epochs=3, max_lr=1e-2, image_size=64, batch_size=32, train_from=-1),
        Stage(name="full-64", epochs=4, max_lr=(1e-4, 2e-3), image_size=64, batch_size=32),
    ),
)
PROGRESSIVE = Recipe(
    name="cpu-progressive",
    least_steps=LEAST_STEPS,
    title="Progressive resizing on a CPU",
    note="64, then 128 px, each frozen and unfrozen: what was learnt at the small size is the start at the larger one.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        Stage(name="frozen-64", epochs=3, max_lr=1e-2, image_size=64, batch_size=32, train_from=-1),
        Stage(name="full-64", epochs=5, max_lr=(1e-4, 2e-3), image_size=64, batch_size=32),
        Stage(name="frozen-128", epochs=2, max_lr=3e-3, image_size=128, batch_size=32, train_from=-1),
        Stage(name="full-128", epochs=5, max_lr=(5e-5, 1e-3), image_size=128, batch_size=32),
    ),
)
LARGER = Recipe(
    name="progressive",
    least_steps=LEAST_STEPS,
    title="Progressive resizing to 256 px",
    note="64, 128, then 256 px, each frozen and unfrozen: the chips' full size. For a GPU, or an evening.",
    backbone=OFFLINE_BACKBONE,
    stages=(
        *PROGRESSIVE.stages,
        Stage(name="frozen-256", epochs=2, max_lr=3e-3, image_size=256, batch_size=32, train_from=-1),
        Stage(name="full-256", epochs=5, max_lr=(2e-5, 5e-4), image_size=256, batch_size=32),
    ),
)
LESSON = Recipe(
    name="lesson",
    title="The lesson's, on the full set",
    note="128, then 256 px, each frozen and unfrozen: 20 epochs. On one GPU the lesson's model reached F2 0.9313 on validation, "
    "a random fifth of the chips, and 0.9296 on Kaggle's private test chips. What lies outside a turned chip is black here, and "
    f"its mirror image in the notebook. {ALL_SETTINGS}",
    backbone=LESSON_RESNET,
    stages=(
        Stage(name="frozen-128", epochs=5, max_lr=1e-2, image_size=128, batch_size=64, train_from=-1),
        Stage(name="full-128", epochs=5, max_lr=(1e-5, 2e-3), image_size=128, batch_size=64),
        Stage(name="frozen-256", epochs=5, max_lr=5e-3, image_size=256, batch_size=64, train_from=-1),
        Stage(name="full-256", epochs=5, max_lr=(1e-5, 1e-3), image_size=256, batch_size=64),
    ),
)

PLANET = Task(
    name="planet",
    title="Planet",
    question="Which of 17 tags has this satellite picture of the Amazon?",
    lesson="planet",
    inputs="chips",
    datasets=("planet_sample", "planet", "planet_tiny", "drawn-chips", "drawn-chips-nir"),
    backbones=(OFFLINE_BACKBONE, LESSON_RESNET, "resnet34.tv_in1k", "resnet18.tv_in1k", "mobilenetv3_small_100"),
    recipes=(QUICK, PROGRESSIVE, LARGER, LESSON),
    aims=(
        Aim(
            name="tags",
            kind="tags",
            input_kind=PICTURE,
            metric=F2,
            build=build_objective,
            default_stage=Stage(name="frozen", epochs=4, max_lr=1e-2, image_size=64, batch_size=32, train_from=-1),
        ),
    ),
)
