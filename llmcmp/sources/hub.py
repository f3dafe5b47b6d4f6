"""Models of the Hugging Face Hub by their ids: `org/name`, `org/name@revision`, `org/name/file.gguf`.

A config is fetched whole and kept in the Hub's own cache; of files of weights only headers are, by ranges of bytes.
Where `huggingface_hub` looks for tokens, endpoint, cache and whether to stay offline, so does this.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from llmcmp.errors import HubError
from llmcmp.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Generator

    from llmcmp.sources.weights.contents import FileContents

Document = dict[str, Any]
LARGEST_CONFIG = 4 * 2**20
TIMEOUT = 10.0  # seconds that a server may say nothing
_PART = r"[A-Za-z0-9][\w.-]{0,95}"
_ID = re.compile(
    rf"(?:hf:)?(?P<repo>{_PART}/{_PART})(?:/(?P<file>[\w./-]{{1,200}}\.(?:gguf|safetensors)))?(?:@(?P<revision>[\w./-]{{1,200}}))?",
    re.ASCII,
)


@frozen
class Repository:
    """One revision of a repository: its files with their sizes. `asked` is the id that was asked for."""

    asked: str
    repo: str
    revision: str
    files: tuple[tuple[str, int | None], ...]

    def size(self, file: str) -> int | None:
        """Bytes of a file; None where the Hub does not say."""
        return dict(self.files)[file]

    def has(self, file: str) -> bool:
        """Whether there is such a file."""
        return file in dict(self.files)

    def ending(self, suffix: str) -> list[str]:
        """The files that end so; of several parts of one model, the first."""
        found = sorted(file for file, _ in self.files if file.lower().endswith(suffix))
        return [file for file in found if "-of-" not in file or "-00001-of-" in file]


def is_id(text: str) -> bool:
    """Whether a text could be the id of a repository.

    >>> is_id("mistralai/Mistral-7B-v0.1@main"), is_id("llama3-8b")
    (True, False)
    """
    return _ID.fullmatch(text) is not None


def hub_document(text: str) -> tuple[Document, str]:
    """The document of the model that an id names, and what errors call its file. Raises HubError, ConfigError."""
    repo, file, revision = _parts(text)
    with _told(repo, revision):
        if file is None:
            config = _config(repo, revision)
            if config is not None:
                return _of_config(*config, repo)
        found = _repository(repo, revision)
        return _of_gguf(found, file or _only_gguf(found))


def hub_inspection(text: str) -> tuple[FileContents, Document | None]:
    """The headers of a repository's files of weights, and its config. Raises HubError, WeightFileError."""
    from llmcmp.sources.huggingface.reading.json_file import read_object

    repo, file, revision = _parts(text)
    with _told(repo, revision):
        found = _repository(repo, revision)
        contents = _headers(found, file or _weights(found))
        config = None
        if contents.format == "safetensors" and found.has("config.json"):
            config = read_object(_fetched(found.repo, found.revision, "config.json", found.size("config.json")))
        return contents, config


def _parts(text: str) -> tuple[str, str | None, str | None]:
    match = _ID.fullmatch(text)
    if match is None:
        raise HubError(f"'{text[:200]}' is no id of the Hub: org/name, org/name@revision or org/name/file.gguf")
    return match["repo"], match["file"], match["revision"]


def _config(repo: str, revision: str | None) -> tuple[Path, Repository | None] | None:
    """The config.json of a repository, from the cache where the Hub is out of reach; None where it has none."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _fetched(repo, revision, "config.json", None), None
    found = _repository(repo, revision)
    if not found.has("config.json"):
        return None
    # By the name that was asked for, so that it is found by that offline.
    return _fetched(repo, revision, "config.json", found.size("config.json")), found


def _of_config(path: Path, found: Repository | None, repo: str) -> tuple[Document, str]:
    from huggingface_hub import constants

    from llmcmp.sources.huggingface.reading.json_file import read_object
    from llmcmp.sources.huggingface.reading.read import document

    name = repo.rpartition("/")[2]
    where = f"{repo}/config.json"
    url = f"{constants.ENDPOINT}/{repo}" + (f"/tree/{found.revision}" if found else "")
    made = document(read_object(path), name, where, url, "unknown")
    return _noted(made, found), where


def _of_gguf(found: Repository, file: str) -> tuple[Document, str]:
    from llmcmp.sources.weights.gguf.model import checked_document

    return _noted(checked_document(_headers(found, file), found.repo.rpartition("/")[2]), found), file


def _noted(document: Document, found: Repository | None) -> Document:
    """A document that says where a renamed repository is now."""
    if found is None or found.repo == found.asked:
        return document
    said = f"The Hub has renamed {found.asked} to {found.repo}."
    return document | {"notes": [*cast("list[str]", document.get("notes", [])), said]}


def _only_gguf(found: Repository) -> str:
    files = found.ending(".gguf")
    if len(files) == 1:
        return files[0]
    if files:
        listed = ", ".join(files[:6])
        raise HubError(f"{found.repo} holds {len(files)} GGUF files; name one, as in {found.repo}/{files[0]}: {listed}")
    raise HubError(f"{found.repo} holds no config.json and no GGUF file, so nothing says its architecture")


def _weights(found: Repository) -> str:
    """The file that stands for the weights of a repository."""
    for name in ("model.safetensors.index.json", "model.safetensors"):
        if found.has(name):
            return name
    files = found.ending(".safetensors")
    return files[0] if len(files) == 1 else _only_gguf(found)


def _headers(found: Repository, file: str) -> FileContents:
    """The headers of a file, and of the others that belong to it."""
    from llmcmp.sources.weights.gguf.header import parts_of, read_gguf, together
    from llmcmp.sources.weights.remote import RemoteBlob
    from llmcmp.sources.weights.safetensors import LARGEST_INDEX, joined, read_index, read_safetensors

    def blob(name: str) -> RemoteBlob:
        if not found.has(name):
            raise HubError(f"{found.repo} has no file {name[:200]}; it has: {_listed(found)}")
        return RemoteBlob(found.repo, found.revision, name, found.size(name))

    if file.endswith(".index.json"):
        index = read_index(
            _fetched(found.repo, found.revision, file, found.size(file), LARGEST_INDEX).read_bytes(), file
        )
        return joined(found.repo, index, [read_safetensors(blob(each)) for each in sorted(set(index.values()))])
    if file.endswith(".safetensors"):
        return read_safetensors(blob(file))
    first = read_gguf(blob(file))
    names = parts_of(file, first)
    return first if len(names) == 1 else together(names[0], [first, *(read_gguf(blob(name)) for name in names[1:])])


def _listed(found: Repository) -> str:
    files = [file for suffix in (".gguf", ".safetensors") for file in found.ending(suffix)]
    return ", ".join(files[:6]) or "no weights"


def _repository(repo: str, revision: str | None) -> Repository:
    """What the Hub says of a repository."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        raise HubError(f"{repo}: HF_HUB_OFFLINE is set, so its files cannot be looked at; unset it")
    info = HfApi().model_info(repo, revision=revision, timeout=TIMEOUT, files_metadata=True)
    files = tuple((each.rfilename, each.size) for each in info.siblings or ())
    return Repository(asked=repo, repo=info.id, revision=info.sha or revision or "main", files=files)


def _fetched(repo: str, revision: str | None, file: str, size: int | None, largest: int = LARGEST_CONFIG) -> Path:
    """A small file in the Hub's cache, fetched if it is not there yet."""
    from huggingface_hub import hf_hub_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.utils import disable_progress_bars

    if size is not None and size > largest:
        raise HubError(f"{repo}: its {file} is larger than {largest // 2**20} MiB, which none is")
    disable_progress_bars()
    return Path(hf_hub_download(repo, file, revision=revision, etag_timeout=TIMEOUT))


@contextmanager
def _told(repo: str, revision: str | None) -> Generator[None]:
    """Every error of the Hub's library as one line with the next step."""
    try:
        from huggingface_hub import constants, errors
    except ImportError:
        raise HubError(
            f"'{repo}' is no preset and no file here, and reading it from the Hub needs: pip install 'llmcmp[hub]'"
        ) from None
    said = f" at revision {revision}" if revision else ""
    reasons: tuple[tuple[type[BaseException], str], ...] = (
        (
            errors.GatedRepoError,
            f"is gated: accept its terms on {constants.ENDPOINT}/{repo}, then run hf auth login or set HF_TOKEN",
        ),
        (
            errors.RepositoryNotFoundError,
            "is no repository of the Hub, or a private one: check its spelling, or run hf auth login",
        ),
        (errors.RevisionNotFoundError, f"has no revision {revision}; leave out @{revision} for the newest"),
        (errors.DisabledRepoError, "has been disabled by the Hub"),
        (
            errors.LocalEntryNotFoundError,
            "is not in the cache, and the Hub is out of reach or HF_HUB_OFFLINE is set: connect, then try again",
        ),
        (errors.EntryNotFoundError, f"has no config.json{said}"),
        (errors.OfflineModeIsEnabled, "cannot be read while HF_HUB_OFFLINE is set; unset it"),
        (errors.HFValidationError, "is no id of the Hub"),
    )
    network: Any = errors.HfHubHTTPError.__mro__[1]  # of the library that the Hub's requests go through
    failures: tuple[type[Exception], ...] = (network, OSError, ValueError)
    try:
        yield
    except failures as error:
        why = next((text for kind, text in reasons if isinstance(error, kind)), None)
        raise HubError(f"{repo} {why or _unreachable(error, constants.ENDPOINT)}") from error


def _unreachable(error: BaseException, endpoint: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"cannot be read: {endpoint} answered {status}; try again later"
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"cannot be read: {endpoint} is out of reach ({kind}); connect, then try again"
