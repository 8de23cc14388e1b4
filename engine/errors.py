"""What a user can get wrong, each with the fix in the message.

EngineError
├── DataError        a picture, label file, folder or archive that cannot be used
│   ├── LettersError     a file whose letters nobody can tell; it has what each choice would give
│   ├── LayoutError      a folder that holds nothing of the kind that was looked for
│   └── DownloadError    an archive that could not be had: network, size, hash, disk
├── RecipeError      a knob, stage or recipe with an impossible value
├── ModelError       a backbone or weights that cannot be had or do not fit
├── TrainingError    a run that cannot go on (the loss is not finite, no memory for one picture)
├── RunError         a run folder that is missing, busy or damaged
├── BundleError      a model bundle that is not what it claims to be
├── HubError         the Hugging Face Hub refused, or could not be reached
└── AccessError      something that a visitor of a shared page may not do

Anything else that is raised is a bug, and is left to crash.
"""


class EngineError(Exception):
    """A mistake that a user can mend; `str(error)` says what is wrong and what to do."""


class DataError(EngineError):
    """A picture, label file, folder or archive that cannot be used."""


class LettersError(DataError):
    """A file that is no Unicode: `choices` has what its letters would be, by the encoding."""

    def __init__(self, message: str, choices: dict[str, str]) -> None:
        super().__init__(message)
        self.choices = choices


class LayoutError(DataError):
    """A folder that holds nothing of the kind that was looked for; it may hold something of another."""


class DownloadError(DataError):
    """An archive that could not be had: no network, wrong size or hash, no room on the disk."""


class RecipeError(EngineError):
    """A knob, stage or recipe with a value that is not possible."""


class ModelError(EngineError):
    """A backbone or a set of weights that cannot be had, or does not fit the model."""


class TrainingError(EngineError):
    """A run that cannot go on: the loss is not finite, or not even one picture fits in memory."""


class RunError(EngineError):
    """A run folder that is missing, busy or damaged."""


class BundleError(EngineError):
    """A model bundle that is not what it claims to be."""


class HubError(EngineError):
    """The Hugging Face Hub refused something, or could not be reached."""


class AccessError(EngineError):
    """Something that a visitor of a shared page may not do."""
