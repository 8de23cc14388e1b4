"""What the page says of uploads that were damaged by chance: samples with an account, or a sentence, and nothing else.

    python -m benchmarks.damaged_uploads [--each 50] [--seed 0] [--only "a table of tags"] [--told]

Every way in, as files with folders or packed: class folders, tables of tags, of points and of numbers, masks in colours, texts,
what annotation programs export, and pictures of the camera. Each is brought as a visitor brings it, vetted, read in each way that
is found, and kept where it can be. Counted are accounts, refusals, and what neither is; looked for is anything written outside of
the home and of where uploads lie, and a visitor's share that is overrun. Exits with 1 for any of these.
"""

import argparse
import base64
import csv
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.byte_damages import damage_bytes
from benchmarks.damaged_data import deeply
from benchmarks.data_damages import damage
from benchmarks.hostile_values import ODD_MEMBERS
from benchmarks.sound_data import COUNT, HEIGHT, WIDTH, packed, pictures

VISITOR = "somebody"
COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 0))


def class_folders(root: Path) -> None:
    for name in ("cat", "dog"):
        pictures(root / name, [f"{name}_{number}.png" for number in range(COUNT)])


def table_of(*names: str) -> Callable[[Path], None]:
    """A table with columns of these names beside pictures."""
    values: dict[str, Callable[[int], object]] = {
        "seen": lambda n: ("road, river", "haze", "road")[n % 3],
        "x": lambda n: 3 + n,
        "y": lambda n: 20 - n,
        "weight": lambda n: n + 0.5,
        "label": lambda n: ("red", "dark blue")[n % 2],
        "person": lambda n: n // 3,
    }

    def make(root: Path) -> None:
        made = pictures(root / "images")
        with (root / "table.csv").open("w", newline="", encoding="utf-8") as file:
            rows = [[picture.name, *(values[name](n) for name in names)] for n, picture in enumerate(made)]
            csv.writer(file).writerows([["image", *names], *rows])

    return make


def colour_masks(root: Path) -> None:
    (root / "masks").mkdir()
    for picture in pictures(root / "images"):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        pixels[:8], pixels[8:12] = COLOURS[0], COLOURS[1]
        Image.fromarray(pixels).save(root / "masks" / picture.name)
    (root / "class_dict.csv").write_text("name,r,g,b\nroof,200,0,0\ntree,0,200,0\nVoid,0,0,0\n")


def texts(root: Path) -> None:
    rows = [[("good", "bad")[n % 2], f"a text of some words, number {n}"] for n in range(30)]
    with (root / "texts.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["mood", "words"], *rows])


def coco(root: Path) -> None:
    made = pictures(root / "images")
    shape = [2, 2, 20, 2, 20, 15, 2, 15]
    told = {
        "images": [{"id": n, "file_name": one.name, "width": WIDTH, "height": HEIGHT} for n, one in enumerate(made)],
        "categories": [{"id": 3, "name": "car"}, {"id": 9, "name": "dog"}],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": (3, 9)[n % 2],
                "segmentation": [shape],
                "bbox": [2, 2, 18, 13],
                "iscrowd": 0,
            }
            for n in range(len(made))
        ],
    }
    (root / "instances.json").write_text(json.dumps(told))


def yolo(root: Path) -> None:
    (root / "labels").mkdir()
    for number, picture in enumerate(pictures(root / "images")):
        (root / "labels" / f"{picture.stem}.txt").write_text(f"{number % 2} .2 .2 .8 .2 .8 .8 .2 .8\n")
    (root / "data.yaml").write_text("names: [car, dog]\nnc: 2\n")


def voc(root: Path) -> None:
    (root / "Annotations").mkdir()
    for number, picture in enumerate(pictures(root / "JPEGImages")):
        name = ("car", "dog")[number % 2]
        (root / "Annotations" / f"{picture.stem}.xml").write_text(
            f"<annotation><filename>{picture.name}</filename><size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
            f"<object><name>{name}</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
            "</annotation>"
        )


def labelme(root: Path) -> None:
    for number, picture in enumerate(pictures(root)):
        shape = {"label": ("car", "dog")[number % 2], "points": [[2, 2], [20, 2], [20, 12]], "shape_type": "polygon"}
        told = {"imagePath": picture.name, "imageWidth": WIDTH, "imageHeight": HEIGHT, "shapes": [shape]}
        picture.with_suffix(".json").write_text(json.dumps(told))


def label_studio(root: Path) -> None:
    told = []
    for number, picture in enumerate(pictures(root)):
        value = {"choices": [("sun", "rain")[number % 2]]}
        result = {"type": "choices", "value": value, "from_name": "c", "to_name": "image"}
        told.append(
            {"id": number, "data": {"image": f"/data/upload/1/{picture.name}"}, "annotations": [{"result": [result]}]}
        )
    (root / "export.json").write_text(json.dumps(told))


WAYS: dict[str, Callable[[Path], None]] = {
    "a folder for each label": class_folders,
    "a table of labels": table_of("label", "person"),
    "a table of tags": table_of("seen"),
    "a table of points": table_of("x", "y"),
    "a table of numbers": table_of("weight"),
    "masks in colours": colour_masks,
    "a table of texts": texts,
    "COCO": coco,
    "YOLO": yolo,
    "VOC": voc,
    "LabelMe": labelme,
    "Label Studio": label_studio,
}
CAMERA = "pictures of the camera"


def brought(
    draw: random.Random, make: Callable[[Path], None], scratch: Path
) -> tuple[list[tuple[Path, str]], list[str]]:
    """A damaged data set as files with their names, packed or not, and what was done to it."""
    root = scratch / "set"
    root.mkdir(parents=True)
    make(root)
    pack = draw.choice(("files", "files", "zip", "tgz"))
    odd = [draw.choice(ODD_MEMBERS)] if pack != "files" and draw.random() < 0.2 else []
    done = [] if odd else damage(draw, root)
    if pack == "files":
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return [(path, path.relative_to(scratch).as_posix()) for path in files], done
    archive = packed(root, pack, odd)
    if draw.random() < 0.3:
        done = [*done, f"the archive: {damage_bytes(draw, archive)}"]
    return [(archive, f"set.{pack}")], [*done, *(ascii(one[0]) for one in odd)]


def uploaded(files: list[tuple[Path, str]], folder: Path) -> list[dict[str, str]]:
    """Where the page's script has sent them."""
    told = []
    for number, (path, name) in enumerate(files):
        shutil.copyfile(path, folder / f"{number}")
        told.append({"path": str(folder / f"{number}"), "name": name})
    return told


def bring_it(files: list[dict[str, str]]) -> tuple[str, str]:
    """ "account", "refused", and the words of it; anything that is raised is neither."""
    from engine.errors import EngineError
    from tabs.panels import bring
    from tabs.reading.vetting import vetted

    try:
        key = bring.take(files)
    except EngineError as error:
        return "refused", str(error)
    vetted(key)
    asked, found = bring.first_look(key)
    kinds = [kind for _, kind in asked.way["choices"]] if asked.way.get("visible") else []
    for kind in kinds[1:]:
        bring.ask_again(key, None, kind)
    if kinds:
        _, found = bring.ask_again(key, None, kinds[0])
    if found.keep.get("visible"):
        bring.keep(key, None, kinds[0], "Damaged")
        return "account", found.shown
    return "refused", found.shown


def show_it(draw: random.Random) -> tuple[str, str]:
    """A message of the boxes on Home, of which any part may be another thing."""
    from tabs.panels import teach

    content = bytearray(draw.randbytes(40)) if draw.random() < 0.3 else bytearray(_frame(draw))
    for _ in range(draw.randrange(3)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    frame: Any = "data:image/jpeg;base64," + base64.b64encode(bytes(content)).decode()
    odd: list[Any] = [None, 5, [], {}, "x" * 1000, [frame] * 3, frame, [None], -1, "../../x"]
    asked: dict[str, Any] = {"what": "add", "label": "c1", "recording": "", "frames": [frame], "names": {"c1": "one"}}
    for _ in range(draw.randrange(3)):
        asked[draw.choice([*asked, "item", "by"])] = draw.choice(odd)
    told = teach.react("" if draw.random() < 0.7 else draw.choice(["x", "0" * 32, "../" * 10 + "x"]), asked)
    return ("refused" if "lab-note bad" in str(told.said) else "account"), str(told.said)


def _frame(draw: random.Random) -> bytes:
    kept = io.BytesIO()
    Image.effect_noise((32, 24), draw.randrange(20, 90)).convert("RGB").save(kept, "JPEG")
    return kept.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--told", action="store_true", help="print each upload")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        base = Path(place).resolve()
        os.environ["LESSON_LAB_HOME"], os.environ["GRADIO_TEMP_DIR"] = str(base / "home"), str(base / "uploads")
        for name in ("uploads", "home"):
            (base / name).mkdir()
        return run(base, given.each, given.seed, given.only, told=given.told)


def run(base: Path, each: int, seed: int, only: str = "", *, told: bool = False) -> int:
    """All uploads; 1 where something was neither an account nor a refusal, or where it wrote elsewhere."""
    from engine.data.own.store import MOST_BYTES, own_sets
    from engine.host.access import Person, identify_by

    identify_by(lambda: Person(name=VISITOR, is_host=False))
    is_bad = False
    print("| way in | accounts | refused | crashes | slowest s |\n|---|---|---|---|---|", flush=True)
    for name, make in {**WAYS, CAMERA: None}.items():
        if only not in ("", name):
            continue
        counts, slowest = Counter[str](), 0.0
        for number in range(each):
            draw, scratch = random.Random(f"{seed} {name} {number}"), base / "sets"
            with deeply():
                files, done = brought(draw, make, scratch) if make else ([], [])
                sent = uploaded(files, base / "uploads")
            outside = set(base.iterdir())
            began = time.perf_counter()
            try:
                outcome, words = bring_it(sent) if make else show_it(draw)
            except BaseException:
                outcome, words = "crash", traceback.format_exc()
            slowest = max(slowest, time.perf_counter() - began)
            counts[outcome] += 1
            if outcome == "crash" or told:
                print(f"{name} {number}: {'; '.join(done)[:300]}\n    {outcome}: {words[-1500:]}", flush=True)
            strange = set(base.iterdir()) - outside
            is_bad = is_bad or outcome == "crash" or bool(strange)
            for path in strange:
                print(f"{name} {number} wrote {path}", flush=True)
            with deeply():
                shutil.rmtree(scratch, ignore_errors=True)
            for path in (base / "uploads").iterdir():
                path.unlink() if path.is_file() else shutil.rmtree(path)
            _make_room()
        print(f"| {name} | {counts['account']} | {counts['refused']} | {counts['crash']} | {slowest:.1f} |", flush=True)
    kept = sum(one.size for one in own_sets())
    if kept > MOST_BYTES:
        print(f"the visitor's data sets take {kept} bytes, and may take {MOST_BYTES}")
    return int(is_bad or kept > MOST_BYTES)


def _make_room() -> None:
    """Delete what was kept, so that the next upload has its share."""
    from engine.data.own.store import own_sets
    from engine.library.trash import forget_own

    for one in own_sets():
        forget_own(one.name)


if __name__ == "__main__":
    sys.exit(main())
