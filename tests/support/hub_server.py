"""A Hugging Face Hub on loopback, in memory: it speaks the protocol of the real client, and fails when a test asks it to."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

TOKEN = "hf_SecretThatNobodyMaySee"
USER = "student"
LIMITED = "hf_oauth_"  # how the tokens begin that an app is given
CLIENT = {
    "OAUTH_CLIENT_ID": "lab",
    "OAUTH_CLIENT_SECRET": "known to the Space",
    "OAUTH_SCOPES": "openid profile contribute-repos",
}
LARGE = (".safetensors", ".onnx", ".png", ".parquet")
PREFIXES = {"space": "spaces/", "dataset": "datasets/"}


@dataclass
class Repository:
    """Commits, oldest first, each with its files."""

    private: bool
    made_with: str = ""  # the token
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def files(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)

    def commit(self, files: dict[str, bytes], message: str) -> str:
        name = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits.append((name, files))
        self.messages.append(message)
        return name


@dataclass
class Hub:
    """What the server has, what it was asked, and what goes wrong: `refuse` has a status (and words) by method and path part,
    `cut_after` closes the connection after so many bytes of an upload, so many times.

    `accounts` are names by token. `signs_in` is whoever sits at the browser and agrees when an app asks them to sign in; the app
    is given a token that writes only to repositories made with it, the scope `contribute-repos`.
    """

    address: str = ""
    accounts: dict[str, str] = field(default_factory=lambda: {TOKEN: USER})
    signs_in: str = USER
    nonce: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    refuse: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    cut_after: int = 0
    cuts: int = 0

    def create(
        self, repo_id: str, *, private: bool = False, files: dict[str, bytes] | None = None, token: str = ""
    ) -> Repository:
        made = self.repositories[repo_id] = Repository(private, token)
        made.commit({".gitattributes": b"*.safetensors filter=lfs\n"} | (files or {}), "initial commit")
        return made


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer's content waits 40 ms for the client to have its headers
    hub: Hub

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        path = unquote(parts.path)
        hub.requests.append(f"{self.command} {path}")
        for (method, part), (status, words) in hub.refuse.items():
            if method == self.command and part in path:
                self._body()
                return self._json({"error": words}, status)
        user = self._user()
        if path == "/api/whoami-v2":
            return (
                self._json({"name": user, "type": "user"})
                if user
                else self._json({"error": "Invalid credentials"}, 401)
            )
        if self.command == "PUT" and path.startswith("/store/"):
            return self._store(path.removeprefix("/store/"))
        if path.startswith(("/.well-known/", "/oauth/")):
            return self._sign_in(path, parse_qs(parts.query))
        if path == "/api/repos/create":
            return self._create(user)
        if path == "/api/validate-yaml":
            return self._validate()
        if path.endswith("/info/lfs/objects/batch"):
            return self._batch()
        for kind, prefix in (("models", ""), ("spaces", "spaces/"), ("datasets", "datasets/")):
            if path.startswith(f"/api/{kind}/"):
                return self._api(prefix, path.removeprefix(f"/api/{kind}/"), parse_qs(parts.query), user)
        if "/resolve/" in path:
            return self._resolve(path, user)
        self._body()
        return self._json({"error": f"This server knows no {path}"}, 404)

    def _user(self) -> str:
        return self.hub.accounts.get(self._token(), "")

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value: Any, status: int = 200, **headers: str) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})

    def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _sign_in(self, path: str, query: dict[str, list[str]]) -> None:
        """OpenID Connect's code flow: https://openid.net/specs/openid-connect-core-1_0.html, section 3.1."""
        from joserfc import jwt
        from joserfc.jwk import OctKey

        hub, body = self.hub, self._body()
        key = OctKey.import_key("a key of this test's own, long enough for HS256")
        if path == "/.well-known/openid-configuration":
            pages = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            urls = {name: f"{hub.address}/oauth/{page}" for name, page in pages.items()}
            return self._json({"issuer": hub.address, "id_token_signing_alg_values_supported": ["HS256"], **urls})
        if path == "/oauth/keys":
            return self._json({"keys": [key.as_dict()]})
        if path == "/oauth/authorize":
            hub.nonce = query["nonce"][0]
            there = f"{query['redirect_uri'][0]}&{urlencode({'code': 'agreed', 'state': query['state'][0]})}"
            return self._send(b"", 302, {"Location": there})
        assert parse_qs(body.decode())["code"] == ["agreed"]
        token = f"{LIMITED}{hub.signs_in}"
        hub.accounts[token] = hub.signs_in
        now = int(time.time())
        who = {"sub": hub.signs_in, "preferred_username": hub.signs_in, "name": hub.signs_in, "nonce": hub.nonce}
        said = {"iss": hub.address, "aud": CLIENT["OAUTH_CLIENT_ID"], "iat": now, "exp": now + 3600, **who}
        signed = jwt.encode({"alg": "HS256"}, said, key)
        scope = CLIENT["OAUTH_SCOPES"]
        return self._json(
            {"access_token": token, "id_token": signed, "token_type": "bearer", "expires_in": 3600, "scope": scope}
        )

    def _create(self, user: str) -> None:
        asked = json.loads(self._body())
        owned = f"{asked.get('organization') or user}/{asked['name']}"
        repo_id = PREFIXES.get(asked.get("type"), "") + owned
        if not user:
            return self._json({"error": "Invalid username or password."}, 401)
        if not owned.startswith(f"{user}/"):
            return self._json({"error": "You don't have the rights to create a model under this namespace"}, 403)
        if repo_id in self.hub.repositories:
            return self._json({"error": "You already created this model repo", "url": self._url(repo_id)}, 409)
        self.hub.create(repo_id, private=asked.get("visibility") == "private", token=self._token())
        return self._json({"url": self._url(repo_id), "name": repo_id})

    def _validate(self) -> None:
        front = json.loads(self._body())["content"].split("---\n")[1]
        errors = [] if "license: " in front else [{"message": "No licence"}]
        self._json({"errors": errors, "warnings": []})

    def _url(self, repo_id: str) -> str:
        return f"{self.hub.address}/{repo_id}"

    def _found(self, repo_id: str, revision: str, user: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self.hub.repositories.get(repo_id)
        if repository is None or (repository.private and user not in repo_id.split("/")):
            self._json({"error": "Repository not found"}, 404 if user else 401, **{"X-Error-Code": "RepoNotFound"})
            return None
        found = repository.files(revision)
        if found is None:
            self._json({"error": "Invalid rev id"}, 404, **{"X-Error-Code": "RevisionNotFound"})
        return found

    def _api(self, prefix: str, path: str, query: dict[str, list[str]], user: str) -> None:
        owner, name, *rest = path.split("/")
        repo_id = f"{prefix}{owner}/{name}"
        what, revision = (rest[0], rest[1]) if len(rest) > 1 else ("revision", "main")
        found = self._found(repo_id, revision, user)
        if found is None:
            self._body()
            return None
        commit, files = found
        if what == "preupload":
            return self._json({"files": [_mode(file) for file in json.loads(self._body())["files"]]})
        if what == "commit":
            is_theirs = self.hub.repositories[repo_id].made_with == self._token()
            if user != owner or (self._token().startswith(LIMITED) and not is_theirs):
                self._body()
                return self._json({"error": "Forbidden: this token may not write here"}, 403)
            return self._commit(repo_id, files)
        if what == "tree":
            listed = [
                {"type": "file", "path": path, "oid": hashlib.sha1(content).hexdigest(), "size": len(content)}
                for path, content in files.items()
            ]
            return self._json(listed)
        private = self.hub.repositories[repo_id].private
        siblings = [{"rfilename": path, "size": len(content), "blobId": "0" * 40} for path, content in files.items()]
        return self._json(
            {"id": repo_id, "modelId": repo_id, "sha": commit, "siblings": siblings, "private": private, "tags": []}
        )

    def _batch(self) -> None:
        asked = json.loads(self._body())
        objects = []
        for wanted in asked["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.stored:
                answer["actions"] = {"upload": {"href": f"{self.hub.address}/store/{wanted['oid']}"}}
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def _store(self, oid: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.hub.cuts:
            self.hub.cuts -= 1
            self.rfile.read(min(length, self.hub.cut_after))
            self.close_connection = True
            self.connection.close()
            return None
        content = self.rfile.read(length)
        assert hashlib.sha256(content).hexdigest() == oid
        self.hub.stored[oid] = content
        self.hub.sent += length
        return self._json({})

    def _commit(self, repo_id: str, files: dict[str, bytes]) -> None:
        files, summary = dict(files), ""
        for line in self._body().splitlines():
            step = json.loads(line)
            key, value = step["key"], step["value"]
            if key == "header":
                summary = value["summary"]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            else:
                del files[value["path"]]
        commit = self.hub.repositories[repo_id].commit(files, summary)
        self._json({"success": True, "commitOid": commit, "commitUrl": f"{self._url(repo_id)}/commit/{commit}"})

    def _resolve(self, path: str, user: str) -> None:
        repo_id, _, rest = path.strip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        found = self._found(repo_id, revision, user)
        if found is None:
            return None
        commit, files = found
        if file not in files:
            return self._json(
                {"error": "Entry not found"}, 404, **{"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            )
        content = files[file]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        return self._send(content, 200, headers)


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    is_large = file["path"].endswith(LARGE) or file["size"] > 10_000_000
    return {"path": file["path"], "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub, until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
