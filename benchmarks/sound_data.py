"""Small sound data sets of every layout and format that the app reads, for `benchmarks.damaged_data` to damage."""

import csv
import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COUNT, HEIGHT, WIDTH = 10, 24, 32
CLASSES = ("Sky", "Road", "Void")
GOOD, BAD = ("splendid", "moving", "clever", "warm"), ("dull", "tired", "clumsy", "cold")
PACKS = ("folder", "zip", "tar", "tgz")


def pictures(folder: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Pictures of noise in a new folder, each another one."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, name in enumerate(names or [f"shot_{chr(97 + at)}.png" for at in range(COUNT)]):
        noise = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 1
        Image.fromarray(noise).save(folder / name, exif=exif)
        made.append(folder / name)
    return made


def masks(folder: Path, of: Sequence[Path], ending: str) -> None:
    """A mask for each picture, as greyscale."""
    folder.mkdir()
    for number, picture in enumerate(of):
        codes = np.zeros((HEIGHT, WIDTH), np.uint8)
        codes[number + 3 :], codes[:2, :4] = 1, 2
        Image.fromarray(codes).save(folder / f"{picture.stem}{ending}.png")


def masks_in_two(root: Path) -> None:
    masks(root / "labels", pictures(root / "images"), "_P")
    (root / "codes.txt").write_text("\n".join(CLASSES))
    (root / "valid.txt").write_text("shot_a.png\nshot_b.png\n")


def masks_in_splits(root: Path) -> None:
    for split, count in (("train", 6), ("val", 3), ("test", 2)):
        made = pictures(root / split, [f"{split}_{number}.png" for number in range(count)])
        masks(root / f"{split}annot", made, "")
    (root / "codes.txt").write_text("\n".join(f"{code} {name}" for code, name in enumerate(CLASSES)))


def tags_in_cells(root: Path) -> None:
    made = pictures(root / "train", [f"chip_{number}.jpg" for number in range(COUNT)])
    rows = [(picture.stem, ("clear water", "haze", "clear")[number % 3]) for number, picture in enumerate(made)]
    written(root / "labels.csv", ("image_name", "tags"), rows)


def tags_in_lines(root: Path) -> None:
    rows = [(picture.name, tag) for picture in pictures(root / "images") for tag in ("clear", picture.stem[-1:])]
    written(root / "labels.csv", ("file", "tag"), rows)


def tags_in_columns(root: Path) -> None:
    rows = [(one.name, at % 2, 1 - at % 2, at % 3 == 0) for at, one in enumerate(pictures(root / "images"))]
    written(root / "labels.csv", ("image", "water", "haze", "is_valid"), rows)


def tags_in_json(root: Path) -> None:
    rows = [{"image": one.name, "tags": ["a", "b"][at % 2 :]} for at, one in enumerate(pictures(root / "images"))]
    (root / "table.json").write_text(json.dumps(rows))


def tags_in_folders(root: Path) -> None:
    for split in ("train", "valid"):
        for name in ("cat", "dog"):
            pictures(root / split / name, [f"{name}_{split}_{number}.gif" for number in range(4)])


def tags_of_tiffs(root: Path) -> None:
    import tifffile

    (root / "train-tif-v2").mkdir()
    for number in range(COUNT):
        bands = np.random.default_rng(number).integers(0, 9000, (HEIGHT, WIDTH, 4), dtype=np.uint16)
        packing: dict[str, Any] = {"compression": "zlib"} if number % 2 else {}
        tifffile.imwrite(
            root / "train-tif-v2" / f"t_{number}.tif", bands, photometric="rgb", extrasamples=[0], **packing
        )
    written(root / "train_v2.csv", ("image_name", "tags"), [(f"t_{at}", ("a b", "b")[at % 2]) for at in range(COUNT)])


def points_in_table(root: Path) -> None:
    rows = [(one.name, 3 + at, 4.5 + at, f"p{at % 3}") for at, one in enumerate(pictures(root / "images"))]
    written(root / "centres.csv", ("image", "column", "row", "person"), rows)


def points_of_biwi(root: Path) -> None:
    for person in ("01", "13"):
        for one in pictures(root / person, [f"frame_{at:05}_rgb.jpg" for at in range(4)]):
            pose = "1 0 0\n0 1 0\n0 0 1\n\n1.5 2.5 900\n"
            one.with_name(one.stem.removesuffix("_rgb") + "_pose.txt").write_text(pose)
        (root / person / "rgb.cal").write_text("500 0 16\n0 500 12\n0 0 1\n")


def points_in_pickle(root: Path) -> None:
    import torch

    made = pictures(root / "images")
    table = {one.name: torch.tensor([4.0 + at, 5.0]) for at, one in enumerate(made)}
    (root / "centers.pkl").write_bytes(pickle.dumps(table))


def points_of_pointing(root: Path) -> None:
    for person in ("01", "11"):
        for one in pictures(root / f"Person{person}", [f"person{person}1{at:02}+0-15.jpg" for at in range(4)]):
            one.with_suffix(".txt").write_text("person.jpg\nFace\n16\n12\n8\n9\n")


def reviews() -> Iterator[tuple[str, str]]:
    """Texts with their labels, each another one."""
    for at in range(24):
        word = (GOOD, BAD)[at % 2][at // 2 % 4]
        yield f'I found film {at} "really" {word}, naïve; and so it went on\nfor {at} hours', ("pos", "neg")[at % 2]


def texts_in_csv(root: Path) -> None:
    written(root / "texts.csv", ("text", "label", "is_valid"), [(*row, at > 18) for at, row in enumerate(reviews())])


def texts_in_tsv(root: Path) -> None:
    rows = [(f"{at}", text.replace("\n", " "), label) for at, (text, label) in enumerate(reviews())]
    (root / "train.tsv").write_text("\n".join("\t".join(row) for row in [("id", "review", "sentiment"), *rows]))


def texts_in_json(root: Path) -> None:
    rows = [{"text": text, "label": label, "n": {"stars": [1.5, None]}} for text, label in reviews()]
    (root / "texts.json").write_text(json.dumps(rows, ensure_ascii=False))


def texts_in_json_lines(root: Path) -> None:
    rows = [{"text": text, "label": label, "user": f"u{at % 4}"} for at, (text, label) in enumerate(reviews())]
    (root / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def texts_in_parquet(root: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    texts, labels = zip(*reviews(), strict=True)
    table = pyarrow.table({"text": texts, "label": labels, "n": [{"stars": [at]} for at in range(len(texts))]})
    parquet.write_table(table, root / "texts.parquet", compression="zstd", row_group_size=10)


def texts_in_excel(root: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (("text", "label", "split", "when"), *((*row, "train", 44_000.5) for row in reviews())):
        sheet.append(row)
    for cell in list(sheet["D"])[1:]:
        cell.number_format = "yyyy-mm-dd"
    book.create_sheet("notes").append(["seen"])
    book.save(root / "texts.xlsx")


def texts_in_folders(root: Path) -> None:
    for at, (text, label) in enumerate(reviews()):
        folder = root / ("train" if at < 18 else "test") / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{at}.txt").write_text(text)


def texts_as_saved(root: Path) -> None:
    from engine.data.texts.tables import SPLITS, TextRow, write_tables

    rows = [TextRow(SPLITS[at % 2], f"r{at}", text, int(label == "pos")) for at, (text, label) in enumerate(reviews())]
    write_tables(root, ("neg", "pos"), rows)
    findings = {"source": "x", "layout": "texts", "found": 24, "left_out": {}, "warnings": [], "notes": []}
    (root / "findings.json").write_text(json.dumps(findings))


def written(file: Path, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as content:
        csv.writer(content).writerows([names, *rows])


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "masks in images/, labels/": masks_in_two,
    "masks in split folders": masks_in_splits,
    "tags in labels.csv": tags_in_cells,
    "tags, a line each": tags_in_lines,
    "tags, a column each": tags_in_columns,
    "tags in JSON": tags_in_json,
    "tags, a folder each": tags_in_folders,
    "tags of TIFFs": tags_of_tiffs,
    "points in centres.csv": points_in_table,
    "points of BIWI": points_of_biwi,
    "points in a pickle": points_in_pickle,
    "points of Pointing'04": points_of_pointing,
    "texts in CSV": texts_in_csv,
    "texts in TSV": texts_in_tsv,
    "texts in JSON": texts_in_json,
    "texts in JSON lines": texts_in_json_lines,
    "texts in Parquet": texts_in_parquet,
    "texts in xlsx": texts_in_excel,
    "texts in folders": texts_in_folders,
    "texts in a DatasetDict": texts_as_saved,
}


def packed(folder: Path, pack: str, odd: Sequence[Any] = (), draw: random.Random | None = None) -> Path:
    """The archive of a folder, beside it; each of `odd` adds a member that no archive should have."""
    target = folder.with_name(f"{folder.name}.{pack}")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if pack == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
            for path in files:
                opened.write(path, path.relative_to(folder.parent).as_posix().encode("utf-8", "replace").decode())
            for name, _ in odd:
                opened.writestr(name or ".", "text,label\na,b\n")
        return target
    with tarfile.open(target, "w:gz" if pack == "tgz" else "w") as opened:
        for path in files:
            opened.add(path, path.relative_to(folder.parent).as_posix())
        for name, kind in odd:
            item = tarfile.TarInfo(name)
            item.type, item.linkname, item.size = kind, "../../secret.csv", 4 if kind == tarfile.REGTYPE else 0
            opened.addfile(item, io.BytesIO(b"a,b\n"))
    return target
