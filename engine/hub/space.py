"""The app as a Space of the Hugging Face Hub: which of its files go there, and sending them in one commit."""

from pathlib import Path

from engine.errors import HubError
from engine.host.access import require_host
from engine.hub.client import build_api, hub_told
from engine.hub.publish import Published, look_at
from engine.hub.sending import OnProgress, send_files

ROOT = Path(__file__).parent.parent.parent
FILES = ("app.py", "requirements.txt", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
FOLDERS = ("engine", "tabs", "assets", "docs")  # README.md's links lead into docs/
LEFT_OUT = ("__pycache__", ".")
OURS = "engine/hub/space.py"  # what a Space of this app has, and no other
FRESH = {".gitattributes", "README.md"}  # what the Hub puts into a new one
MESSAGE = "Deploy Lesson 3 Lab"


def space_files(root: Path = ROOT) -> list[tuple[str, Path]]:
    """What the Space is made of: names there, and paths here. README.md's front matter is what configures it."""
    inside = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*")))
    found = [root / name for name in FILES] + [
        path for path in inside if path.is_file() and not _is_left_out(path, root)
    ]
    return [(path.relative_to(root).as_posix(), path) for path in found if path.is_file()]


def deploy_space(
    repo_id: str,
    *,
    private: bool = True,
    message: str = MESSAGE,
    token: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Published:
    """Send the app to the Space `repo_id` ("name", or "owner/name"), a new one or one that is a Space of this app already.

    Files that a Space of an older version has and this one has not are deleted there. Raises `HubError`.
    """
    require_host("deploy a Space")
    api, doing = build_api(token), f"deploy {repo_id}"
    with hub_told(doing, token):
        owner = api.whoami(token=token)["name"]
        repo_id = repo_id if "/" in repo_id else f"{owner}/{repo_id}"
        api.create_repo(repo_id, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        there = look_at(api, repo_id, private=private, repo_type="space")
    if OURS not in there and not there <= FRESH:
        raise HubError(f"Could not {doing}: there is another app in that Space. Choose another name.")
    files = space_files()
    sent = {name for name, _ in files}
    gone = sorted(name for name in there - sent if name in FILES or name.startswith(tuple(f"{f}/" for f in FOLDERS)))
    with hub_told(doing, token):
        commit = send_files(
            api, repo_id, files, gone=gone, repo_type="space", message=message or MESSAGE, on_progress=on_progress
        )
    return Published(url=f"{api.endpoint}/spaces/{repo_id}", repo_id=repo_id, commit=commit)


def _is_left_out(path: Path, root: Path) -> bool:
    return any(part.startswith(LEFT_OUT) for part in path.relative_to(root).parts)
