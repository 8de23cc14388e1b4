"""How far ONNX Runtime is from PyTorch with each of the models that come with the app, on validation inputs of the real data.

    python -m benchmarks.onnx_agreement --inputs 64

The data sets must be here (`python -m engine fetch planet_sample` and so on). Prints the largest absolute difference between
two logits.
"""

import argparse
import tempfile
from pathlib import Path

import onnxruntime
import torch

from engine.data.sources.fetching import resolve_dataset
from engine.inputs import TEXT
from engine.library.export import export_bundle
from engine.library.listing import find_model
from engine.library.usage import ONNX_FILE
from engine.serving.predictor import load_predictor
from engine.tasks.registry import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=64)
    wanted = parser.parse_args().inputs
    for task in TASKS:
        bundle = find_model(f"sample-{task.name}")
        predictor = load_predictor(bundle)
        predictor.model.cpu()
        data = predictor.objective.open_data(resolve_dataset(predictor.config.dataset))
        items = data.valid[:: max(1, len(data.valid) // wanted)][:wanted]
        with tempfile.TemporaryDirectory() as folder:
            exported = export_bundle(bundle, Path(folder) / "bundle", onnx=True)
            session = onnxruntime.InferenceSession(exported / ONNX_FILE)
            names = [node.name for node in session.get_inputs()]
            apart, largest = 0.0, 0.0
            for item in items:
                batch, _ = predictor.objective.feed.batch(data, [item], predictor.config.stage, predictor.model)
                given = [batch.numpy()]
                if names == list(TEXT.onnx_inputs):
                    given.append((batch != predictor.model.tokenizer.pad).long().numpy())  # type: ignore[union-attr, operator]
                expected = predictor.compute(batch)
                (answer,) = session.run(None, dict(zip(names, given, strict=True)))
                found = torch.from_numpy(answer)
                apart = max(apart, (found - expected).abs().max().item())
                largest = max(largest, expected.abs().max().item())
        print(f"{task.name:8}{len(items):4} inputs: at most {apart:.1e} apart, logits up to {largest:.3g}", flush=True)


if __name__ == "__main__":
    main()
