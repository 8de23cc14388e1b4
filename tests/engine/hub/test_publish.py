"""Publishing and loading against a Hub on loopback, with the real client: what comes back predicts bit for bit the same."""

import errno
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import LIMITED, TOKEN, USER, Hub
from typer.testing import CliRunner
from untrained import CLASSES, contents, edit, save_untrained

from engine.bundle.files import CONFIG_FILE, MODEL_FILE, OURS
from engine.cli.app import app
from engine.data.whole_folder import ABANDONED_SECONDS
from engine.errors import AccessError, BundleError, EngineError, HubError
from engine.host import access
from engine.host.access import HOST, Limits, Person, identify_by
from engine.hub import publish as module
from engine.hub import remote, space
from engine.hub.publish import files_to_send, publish, publish_model
from engine.hub.remote import RESERVED, Reference, downloads_folder, fetch_bundle, parse_reference
from engine.hub.space import deploy_space
from engine.library.card import CardChoices
from engine.library.export import export_bundle
from engine.serving.predictor import load_predictor

# The client's own way to send a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
CHOICES = CardChoices(repo_id="streets", licence="mit")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return export_bundle(save_untrained(tmp_path / "run" / "checkpoints", CLASSES), tmp_path / "bundle")


def send(bundle: Path, **changes: Any) -> Any:
    return publish(bundle, changes.pop("choices", CHOICES), token=changes.pop("token", TOKEN), **changes)


def offer(hub: Hub, bundle: Path, *names: str, private: bool = False) -> int:
    """Put a bundle on the hub under each name; how many bytes it has."""
    for name in names:
        hub.create(name, private=private, files=contents(bundle))
    return sum(map(len, contents(bundle).values()))


def logits(folder: Path) -> torch.Tensor:
    picture = torch.arange(3 * 32 * 32, dtype=torch.uint8).view(1, 3, 32, 32)
    return load_predictor(folder).logits(picture)


def test_what_is_published_and_loaded_predicts_bit_for_bit_the_same(hub: Hub, bundle: Path) -> None:
    told: list[tuple[int, int]] = []
    made = send(bundle, message="First", on_progress=lambda done, total: told.append((done, total)))
    assert (made.repo_id, made.url) == (f"{USER}/streets", f"{hub.address}/{USER}/streets")
    total = sum(size for _, size in files_to_send(bundle))
    assert told[-1] == (total, total) and [done for done, _ in told] == sorted(done for done, _ in told)
    repository = hub.repositories[made.repo_id]
    assert repository.private and repository.messages == ["initial commit", "First"]
    assert repository.commits[-1][0] == made.commit
    folder = fetch_bundle(made.repo_id, token=TOKEN)
    assert folder.parent == downloads_folder() and made.commit[:12] in folder.name
    assert {path.name for path in folder.iterdir()} == {path.name for path in bundle.iterdir()}
    assert torch.equal(logits(folder), logits(bundle))
    assert f'load_predictor("{made.repo_id}")' in (folder / "README.md").read_text()


def test_a_connection_that_breaks_off_leaves_nothing_and_the_next_try_goes_on(hub: Hub, bundle: Path) -> None:
    hub.cut_after, hub.cuts = 50_000, 100
    with pytest.raises(HubError, match="Try again: it goes on from there"):
        send(bundle)
    repository = hub.repositories[f"{USER}/streets"]
    assert len(repository.commits) == 1 and not hub.stored
    hub.cuts = 0
    made = send(bundle)
    assert repository.messages == ["initial commit", "Publish from Lesson 3 Lab"]
    assert torch.equal(logits(fetch_bundle(made.repo_id, token=TOKEN)), logits(bundle))


def test_what_the_hub_has_is_not_sent_twice(hub: Hub, bundle: Path) -> None:
    send(bundle)
    sent = hub.sent
    send(bundle, update=True)
    assert hub.sent == sent and len(hub.repositories[f"{USER}/streets"].commits) == 3


def test_an_update_takes_away_what_the_bundle_has_no_more(hub: Hub, bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"x" * 100)
    send(bundle)
    (bundle / "model.onnx").unlink()
    send(bundle, update=True)
    assert "model.onnx" not in hub.repositories[f"{USER}/streets"].commits[-1][1]


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ({("GET", "whoami"): (401, "Invalid")}, "does not know this token"),
        ({("POST", "create"): (403, "You may not")}, "may not write there"),
        ({("POST", "create"): (402, "Pay")}, "plan does not allow this"),
        ({("POST", "batch"): (403, "Private repository storage limit reached")}, "too large for the account's storage"),
        ({("POST", "/commit/"): (500, "Oops")}, "problem of its own"),
        ({("POST", "/commit/"): (429, "Slow down")}, "too many requests"),
        ({("POST", "/commit/"): (400, "Your card is wrong")}, "Your card is wrong"),
    ],
)
def test_each_refusal_has_its_own_words(hub: Hub, bundle: Path, refusal: Any, message: str) -> None:
    hub.refuse = refusal
    with pytest.raises(HubError, match=f"^Could not publish streets: .*{message}"):
        send(bundle)
    assert all(len(repository.commits) == 1 for repository in hub.repositories.values())


def test_a_name_of_somebody_else_s_and_one_that_is_taken(hub: Hub, bundle: Path) -> None:
    with pytest.raises(HubError, match="may not write there"):
        send(bundle, choices=CardChoices(repo_id="teacher/streets"))
    hub.create(f"{USER}/streets", files={"model.bin": b"mine"})
    for update in (False, True):
        with pytest.raises(HubError, match="is on the Hub already"):
            send(bundle, update=update)
    assert hub.repositories[f"{USER}/streets"].commits[-1][1]["model.bin"] == b"mine"


@pytest.mark.parametrize(
    ("config", "is_ours"),
    [
        (lambda ours: ours | {"format": 1}, True),
        (lambda ours: {OURS: ours | {"format": 9}}, True),
        (lambda ours: {"format": 1, "task": "camvid"}, False),
        (lambda ours: {name: value for name, value in ours.items() if name != "format"}, False),
        (lambda ours: [OURS], False),
        (lambda ours: 7, False),
    ],
)
def test_an_update_replaces_what_any_version_of_this_app_made(
    hub: Hub, bundle: Path, config: Any, is_ours: bool
) -> None:
    there = contents(bundle)
    written = json.dumps(config(json.loads(there[CONFIG_FILE])[OURS])).encode()
    theirs = hub.create(f"{USER}/streets", private=True, files=there | {CONFIG_FILE: written})
    if is_ours:
        send(bundle, update=True)
        assert theirs.commits[-1][1][CONFIG_FILE] == there[CONFIG_FILE]
        return
    with pytest.raises(HubError, match="is on the Hub already"):
        send(bundle, update=True)
    assert len(theirs.commits) == 1


def test_what_is_to_be_private_goes_into_no_public_repository(hub: Hub, bundle: Path) -> None:
    hub.refuse = {("POST", "/commit/"): (500, "Oops")}
    with pytest.raises(HubError, match="problem of its own"):
        send(bundle, private=False)  # what is left of this is an empty repository for everybody to see
    hub.refuse = {}
    with pytest.raises(HubError, match="already, and public: nothing was sent"):
        send(bundle)
    send(bundle, private=False)
    with pytest.raises(HubError, match="already, and public: nothing was sent"):
        send(bundle, update=True)
    assert len(hub.repositories[f"{USER}/streets"].commits) == 2


def test_a_bad_token_is_told_before_the_model_is_exported(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[Path] = []

    def export(model: Path, target: Path, **settings: Any) -> Path:
        exported.append(target)
        return export_bundle(model, target, **settings)

    monkeypatch.setattr(module, "export_bundle", export)
    with pytest.raises(HubError, match="does not know this token"):
        publish_model(bundle, CHOICES, token="hf_wrong")
    assert not exported
    told: list[Any] = []
    made = publish_model(bundle, CHOICES, token=TOKEN, message="Whole", on_export=told.append)
    assert hub.repositories[made.repo_id].messages[-1] == "Whole"
    assert [name for name, _ in told[0]] == [name for name, _ in files_to_send(bundle)]
    assert not exported[0].exists(), "nothing is left of it"


def test_a_sign_in_writes_to_what_it_made_and_to_nothing_else(hub: Hub, bundle: Path) -> None:
    own = f"{LIMITED}{USER}"
    hub.accounts[own] = USER
    made = send(bundle, token=own)
    send(bundle, token=own, update=True, message="Again")
    assert hub.repositories[made.repo_id].messages[-1] == "Again"
    send(bundle, choices=CardChoices(repo_id="older"))
    with pytest.raises(HubError, match="may not write there"):
        send(bundle, choices=CardChoices(repo_id="older"), token=own, update=True)


def test_what_a_visitor_of_a_space_may_load(hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = offer(hub, bundle, "a/open", "b/open", "c/open")
    offer(hub, bundle, f"{USER}/closed", private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)  # the host's own, with which a visitor must see nothing
    monkeypatch.setattr(access, "MODELS_AT_ONCE", 2)
    identify_by(lambda: Person(name="anna", is_host=False), Limits(model_bytes=size - 1))
    try:
        with pytest.raises(AccessError, match="Models of up to"):
            fetch_bundle("a/open")
        identify_by(lambda: Person(name="anna", is_host=False), Limits(model_bytes=size))
        for token in (None, TOKEN):
            with pytest.raises(HubError, match="nothing public of that name"):
                fetch_bundle(f"{USER}/closed", token=token)
        assert fetch_bundle("a/open") and fetch_bundle("b/open") and fetch_bundle("a/open")
        with pytest.raises(AccessError, match="No more room"):
            fetch_bundle("c/open")
    finally:
        identify_by(lambda: HOST)
    assert fetch_bundle("c/open") and fetch_bundle(f"{USER}/closed")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The hub's own download, which waits for `go` before it fetches weights and does `meanwhile(folder)` then."""
    from huggingface_hub import HfApi

    download = HfApi.hf_hub_download
    state: dict[str, Any] = {"began": threading.Semaphore(0), "go": threading.Event(), "meanwhile": lambda folder: None}

    def slowly(api: Any, repo_id: str, name: str, *, local_dir: Path, **asked: Any) -> str:
        if name == MODEL_FILE:
            state["began"].release()
            assert state["go"].wait(20)
            state["meanwhile"](local_dir)
        return download(api, repo_id, name, local_dir=local_dir, **asked)

    monkeypatch.setattr(HfApi, "hf_hub_download", slowly)
    yield state
    state["go"].set()


def test_visitors_who_load_at_once_have_no_more_room_together(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch, client: dict[str, Any]
) -> None:
    size = offer(hub, bundle, "a/open", "b/open")
    monkeypatch.setattr(access, "MODELS_AT_ONCE", 1)
    identify_by(lambda: Person(name="anna", is_host=False), Limits(model_bytes=size + size // 2))
    try:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(fetch_bundle, "a/open")
            assert client["began"].acquire(timeout=20)
            with pytest.raises(AccessError, match="No more room"):
                fetch_bundle("b/open")
            client["go"].set()
            assert first.result().is_dir()
        with pytest.raises(AccessError, match="No more room"):
            fetch_bundle("b/open")
    finally:
        identify_by(lambda: HOST)


def test_what_broke_off_takes_what_it_has_and_for_a_day(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch, client: dict[str, Any]
) -> None:
    size = offer(hub, bundle, "a/open", "b/open")
    monkeypatch.setattr(access, "MODELS_AT_ONCE", 1)
    identify_by(lambda: Person(name="anna", is_host=False), Limits(model_bytes=size))
    client["go"].set()
    client["meanwhile"] = full
    try:
        for _ in range(2):  # what it has already is not counted again
            with pytest.raises(EngineError, match="Could not load a/open@main: the disk is full"):
                fetch_bundle("a/open")
        client["meanwhile"] = lambda folder: None
        (partial,) = downloads_folder().glob(".*/")
        assert not (partial / RESERVED).exists() and (partial / "config.json").is_file()
        with pytest.raises(AccessError, match="No more room"):
            fetch_bundle("b/open")
        long_ago = time.time() - 2 * ABANDONED_SECONDS
        os.utime(partial, (long_ago, long_ago))
        there = fetch_bundle("b/open")
        assert [path for path in downloads_folder().iterdir() if path.is_dir()] == [there]
    finally:
        identify_by(lambda: HOST)


def full(*_: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_two_who_load_the_same_fetch_it_once(hub: Hub, bundle: Path, client: dict[str, Any]) -> None:
    offer(hub, bundle, "a/open")
    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(fetch_bundle, "a/open", token=False) for _ in range(2)]
        assert client["began"].acquire(timeout=20)
        assert not client["began"].acquire(timeout=0.3)
        client["go"].set()
        first, second = (load.result() for load in loads)
    assert first == second and torch.equal(logits(first), logits(bundle))
    assert hub.requests.count(f"GET /a/open/resolve/{hub.repositories['a/open'].commits[-1][0]}/{MODEL_FILE}") == 1


def test_loading_tells_how_much_of_a_file_has_come(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch, client: dict[str, Any]
) -> None:
    total = offer(hub, bundle, "a/open")
    monkeypatch.setattr(remote, "TELL_SECONDS", 0.01)
    weights = (bundle / MODEL_FILE).stat().st_size
    half = total - weights // 2
    told: list[tuple[int, int]] = []

    def come_by_halves(folder: Path) -> None:
        part = folder / ".cache" / "x.incomplete"
        part.write_bytes(bytes(weights // 2))
        end = time.monotonic() + 20
        while told[-1][0] < half - weights // 10:
            assert time.monotonic() < end, told[-1]
            time.sleep(0.01)
        part.unlink()

    client["go"].set()
    client["meanwhile"] = come_by_halves
    fetch_bundle("a/open", token=False, on_progress=lambda done, whole: told.append((done, whole)))
    assert {whole for _, whole in told} == {total} and told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("name", ["", "a b", "a/b/c", "../x", "x" * 200])
def test_a_name_that_none_can_have(hub: Hub, bundle: Path, name: str) -> None:
    with pytest.raises(HubError, match="is no name for the Hub"):
        send(bundle, choices=CardChoices(repo_id=name))
    assert not hub.repositories


def test_what_the_hub_s_own_rules_refuse_is_told_too(hub: Hub, bundle: Path) -> None:
    with pytest.raises(HubError, match="Could not publish a--b"):
        send(bundle, choices=CardChoices(repo_id="a--b"))
    assert not hub.repositories


def test_nobody_signed_in_and_no_network(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "none-either"))
    with pytest.raises(HubError, match="nobody is signed in"):
        send(bundle, token=None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="could not be reached"):
        send(bundle)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        send(bundle)


def test_the_token_is_written_nowhere(
    hub: Hub,
    bundle: Path,
    lab_home: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = send(bundle)
    fetch_bundle(made.repo_id, token=TOKEN)
    hub.refuse = {("POST", "/commit/"): (400, f"what is {TOKEN}?")}
    with pytest.raises(HubError) as refusal:
        send(bundle, update=True)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
    out, err = capfd.readouterr()
    assert TOKEN not in out + err + caplog.text + str(refusal.value) and "what is …?" in str(refusal.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)  # this machine's own
    with pytest.raises(HubError, match=r"what is …\?") as refusal:
        send(bundle, token=None, update=True)
    assert TOKEN not in str(refusal.value)
    assert all(
        TOKEN.encode() not in content
        for _, files in hub.repositories[made.repo_id].commits
        for content in files.values()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me/streets", Reference("me/streets")),
        (" me/streets@v1.0 ", Reference("me/streets", "v1.0")),
        ("https://huggingface.co/me/streets", Reference("me/streets")),
        ("https://huggingface.co/me/streets/tree/0123abc?x=1", Reference("me/streets", "0123abc")),
        ("https://huggingface.co/me/streets/blob/main/config.json", Reference("me/streets", "main")),
        ("https://huggingface.co/me/streets/tree/refs%2Fpr%2F1", Reference("me/streets", "refs/pr/1")),
        ("huggingface.co/me/streets", Reference("me/streets")),
        ("www.huggingface.co/me/streets/tree/v1", Reference("me/streets", "v1")),
        ("hf.co/me/streets/", Reference("me/streets")),
        ("me/streets/", Reference("me/streets")),
    ],
)
def test_names_and_links(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "streets",
        "a/b/c",
        "../..",
        "me/..",
        "https://huggingface.co",
        "hf.co/me",
        "hf.co/a%2Fb/c",
        "me/x@a b",
        "me/x\n",
    ],
)
def test_what_is_no_name(text: str) -> None:
    if text.strip() != "me/x":
        with pytest.raises(HubError, match="names nothing on the Hub"):
            parse_reference(text)


def test_an_older_revision_is_another_folder(hub: Hub, bundle: Path) -> None:
    first = send(bundle)
    second = send(bundle, update=True, choices=CardChoices(repo_id="streets", note="Better now"))
    old, new = fetch_bundle(f"{first.repo_id}@{first.commit}", token=TOKEN), fetch_bundle(second.repo_id, token=TOKEN)
    assert (
        old != new
        and "Better now" not in (old / "README.md").read_text()
        and "Better now" in (new / "README.md").read_text()
    )
    asked = len(hub.requests)
    assert fetch_bundle(second.repo_id, token=TOKEN) == new and len(hub.requests) == asked + 1


def test_a_repository_that_is_private_absent_or_no_bundle(hub: Hub, bundle: Path) -> None:
    made = send(bundle)
    for reference in (made.repo_id, "nobody/nothing", f"{made.repo_id}@nowhere"):
        with pytest.raises(HubError, match=f"Could not load {reference}"):
            fetch_bundle(reference, token=False if reference == made.repo_id else TOKEN)  # pyright: ignore
    hub.create("other/bert", files={"config.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(BundleError, match="is no bundle of this app"):
        fetch_bundle("other/bert", token=TOKEN)
    hub.create("other/odd", files={"config.json": b"[]", "model.safetensors": b"x"})
    with pytest.raises(BundleError, match="is no model config"):
        fetch_bundle("other/odd", token=TOKEN)
    assert not any(path.is_dir() for path in downloads_folder().iterdir())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda bundle: (bundle / MODEL_FILE).write_bytes(b"junk" * 100_000), "is damaged or not safetensors"),
        (lambda bundle: (bundle / MODEL_FILE).write_bytes(b""), "is damaged or not safetensors"),
        (lambda bundle: edit(bundle, classes=["sky", "road"]), r"has shape .* instead of \(2,"),
        (lambda bundle: edit(bundle, backbone="resnet18"), "tensor"),
        (lambda bundle: edit(bundle, backbone="resnet43"), "cannot be built: timm has no backbone 'resnet43'"),
        (lambda bundle: edit(bundle, task="wind"), "cannot be built: .*wind"),
    ],
)
def test_of_what_has_no_model_s_weights_nothing_is_kept(hub: Hub, bundle: Path, damage: Any, said: str) -> None:
    damage(bundle)
    offer(hub, bundle, "a/open")
    for _ in range(2):
        with pytest.raises(BundleError, match=said):
            fetch_bundle("a/open", token=False)
        assert not any(path.is_dir() for path in downloads_folder().iterdir())


def test_only_a_bundle_s_files_are_fetched(hub: Hub, bundle: Path) -> None:
    made = send(bundle)
    files = dict(hub.repositories[made.repo_id].commits[-1][1])
    hub.create("other/more", files=files | {"harm.py": b"print()", "weights.pkl": b"x", "deep/config.json": b"{}"})
    folder = fetch_bundle("other/more", token=TOKEN)
    assert not {"harm.py", "weights.pkl", "deep", ".cache"} & {path.name for path in folder.iterdir()}


def test_the_app_goes_to_a_space_and_an_older_one_is_tidied(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    all_files = space.space_files()
    assert "assets/models/imdb/model.safetensors" in dict(all_files)
    few = [(name, path) for name, path in all_files if not name.startswith("assets/models/")]  # 75 MB otherwise
    monkeypatch.setattr(space, "space_files", lambda: few)
    made = deploy_space("lab", token=TOKEN)
    assert made.url == f"{hub.address}/spaces/{USER}/lab"
    there = hub.repositories[f"spaces/{USER}/lab"]
    files = there.commits[-1][1]
    assert {
        "app.py",
        "requirements.txt",
        "README.md",
        "engine/hub/space.py",
        "tabs/page.py",
        "assets/style.css",
    } <= files.keys()
    assert not [name for name in files if "__pycache__" in name or name.startswith(("tests/", "benchmarks/", ".venv"))]
    assert files["README.md"].startswith(b"---\ntitle: Lesson 3 Lab") and there.private
    there.commit({**files, "engine/old.py": b"x", "notes.md": b"theirs"}, "by hand")
    deploy_space("lab", token=TOKEN)
    assert "engine/old.py" not in there.commits[-1][1] and there.commits[-1][1]["notes.md"] == b"theirs"


@pytest.mark.parametrize("files", [{"app.py": b"mine"}, {"Dockerfile": b"", "main.py": b"", "assets/logo.svg": b""}])
def test_another_app_s_space_is_left_alone(hub: Hub, files: dict[str, bytes]) -> None:
    theirs = hub.create(f"spaces/{USER}/lab", private=True, files=files)
    with pytest.raises(HubError, match="another app in that Space"):
        deploy_space("lab", token=TOKEN)
    assert len(theirs.commits) == 1


def test_a_public_space_is_not_taken_for_a_private_one(hub: Hub) -> None:
    theirs = hub.create(f"spaces/{USER}/lab", files={"README.md": b""})
    with pytest.raises(HubError, match="on the Hub already, and public"):
        deploy_space("lab", token=TOKEN)
    assert len(theirs.commits) == 1


def run_cli(*arguments: str) -> tuple[int, dict[str, Any], str]:
    ended = CliRunner().invoke(app, [*arguments, "--json"])
    last = ended.stdout.splitlines()[-1] if ended.stdout.strip() else "{}"
    return ended.exit_code, json.loads(last) if last.startswith("{") else {}, ended.output


def test_the_command_line_hands_models_on(
    hub: Hub, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    code, told, output = run_cli("publish", str(bundle), "streets", "--dry-run")
    assert code == 0 and told["sent"] is False and told["files"]["model.safetensors"] > 100_000 and not hub.repositories
    for more in ((), ("--dry-run",)):
        code, _, output = run_cli("publish", str(bundle), "streets", "--licence", "MIT", *more)
        assert code == 1 and "Choose one of: other, apache-2.0, mit, " in " ".join(output.split())
    assert not hub.repositories and not hub.sent
    code, told, output = run_cli("publish", str(bundle), "streets", "--public", "--message", "By hand")
    assert code == 0 and told["url"].endswith("student/streets") and TOKEN not in output
    assert not hub.repositories["student/streets"].private
    code, told, _ = run_cli("load", "student/streets")
    name = told["name"]
    assert code == 0 and run_cli("models")[1]["models"][0]["name"] == name
    assert run_cli("export", name, str(tmp_path / "out"))[0] == 0 and (tmp_path / "out" / "model.safetensors").is_file()
    assert run_cli("delete", name)[0] == 0 and run_cli("models")[1] == {"models": [], "deleted": [name]}
    assert run_cli("restore", name)[0] == 0 and run_cli("models")[1]["deleted"] == []
    code, told, _ = run_cli("deploy-space", "lab", "--dry-run")
    assert code == 0 and "app.py" in told["files"]
    assert run_cli("load", "no-name")[0] == 1


def test_a_predictor_opens_a_name_of_the_hub(
    hub: Hub, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    made = send(bundle)
    picture = torch.arange(3 * 32 * 32, dtype=torch.uint8).view(1, 3, 32, 32)
    for name in (made.repo_id, f"{made.repo_id}@{made.commit}"):
        assert torch.equal(load_predictor(name).logits(picture), logits(bundle))
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(bundle, tmp_path / "me" / "streets"))
    asked = len(hub.requests)
    assert load_predictor("me/streets").classes == CLASSES and folder.is_dir()
    assert len(hub.requests) == asked, "a folder of that name comes first"
    with pytest.raises(HubError, match="Could not load me/nothing"):
        load_predictor("me/nothing")
