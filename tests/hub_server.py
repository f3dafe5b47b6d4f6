"""A Hub of one's own on this machine: it serves files by ranges, and answers wrongly where a test wants it to."""

from __future__ import annotations

import hashlib
import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SHA = "0123456789abcdef0123456789abcdef01234567"


class HubServer(ThreadingHTTPServer):
    """`repos`: files by repository. `faults`: what goes wrong with a path, each time it is asked for, in turn."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.renamed: dict[str, str] = {}
        self.gated: set[str] = set()
        self.faults: list[Any] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.sent = 0
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up is no error here."""


class Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def answer(self, *, body: bool) -> None:
        api = re.fullmatch(r"/api/models/([^/]+/[^/?]+)(?:/revision/([^?]+))?(?:\?.*)?", self.path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        match = api or file
        if match is None:  # what the library asks for of its own
            self.reply(404, b"{}")
            return
        self.server.asked.append((self.command, self.path, self.headers.get("Range")))
        self.server.tokens.add(self.headers.get("Authorization"))
        repo = match[1]
        if repo in self.server.renamed:
            self.reply(307, b"", Location=self.path.replace(repo, self.server.renamed[repo]))
        elif repo not in self.server.repos:
            self.reply(404, b"{}", **{"X-Error-Code": "RepoNotFound"})
        elif match[2] not in (None, "main", SHA):
            self.reply(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        elif api:
            self.reply(200, self.listing(repo))
        elif repo in self.server.gated:
            self.reply(403, b"{}", **{"X-Error-Code": "GatedRepo"})
        elif match[3] not in self.server.repos[repo]:
            self.reply(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
        else:
            self.send(self.server.repos[repo][match[3]], body=body)

    def listing(self, repo: str) -> bytes:
        files = [{"rfilename": name, "size": len(content)} for name, content in self.server.repos[repo].items()]
        return json.dumps({"_id": "1", "id": repo, "modelId": repo, "sha": SHA, "siblings": files, "tags": []}).encode()

    def send(self, content: bytes, *, body: bool) -> None:
        """A file or a range of it, unless something is to go wrong."""
        fault = self.server.faults.pop(0) if body and self.server.faults else None
        if isinstance(fault, int):
            self.reply(fault, b"{}")
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        extra = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": SHA, "Accept-Ranges": "bytes"}
        if asked and fault != "whole":
            start, end = int(asked[1]), int(asked[2])
            extra["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self.reply(206, content[start : end + 1], fault=fault, **extra)
        else:
            self.reply(200, content, fault=fault, **extra)

    def reply(self, status: int, content: bytes, *, fault: Any = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "cut":
            content, self.close_connection = content[: len(content) // 2], True
        if fault == "slow":
            time.sleep(1.5)
        self.server.sent += len(content)
        self.wfile.write(content)
