"""Find a TFDS data set and prepare it on disk, or report at once what is missing.

Without a network, TFDS alone requests each archive ten times with growing pauses, about 205 s, and
then raises a chain of errors that names neither the directory nor a remedy.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import pathlib
import re

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.constants import DATA_DIR
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tensorflow_datasets.core.download.resource import get_dl_fname

from kgan.data.directories import check_data_dir, names_in, prepared, what_lies_in

_PROBE_SECONDS = 5


def find_builder(
    name: str, data_dir: str | os.PathLike[str] | None, bundled: list[str]
) -> tfds.core.DatasetBuilder:
    """Return the builder of a data set, prepared or not; use no network.

    Args:
        name: 'dataset', 'dataset/config' or 'dataset:version'.
        data_dir: directory of prepared data sets, `~` allowed; None means TFDS's default.
        bundled: names to list first when `name` is unknown.

    Raises:
        ValueError: there is no such data set, configuration or version, `data_dir` is the directory
            of one data set, or the code of a builder fails.
        OSError: `data_dir` is a file or cannot be read.
    """
    base = re.split("[/:]", name)[0].lower()
    if data_dir is not None:
        data_dir = check_data_dir(data_dir, base)
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        raise _not_found(name, base, data_dir, bundled) from None
    except (AssertionError, ValueError) as error:  # TFDS: configuration, version, spelling
        if isinstance(error, json.JSONDecodeError):
            raise _builder_failed(name, error) from error
        detail = str(error).splitlines()[0].split(". ")[0].rstrip(".")
        detail = re.sub(r'^Failed to construct dataset .*?"\{.*\}": ', "", detail)
        raise ValueError(
            "Invalid value for argument `source`: expected 'dataset', 'dataset/config' or "
            f"'dataset:version', received {name!r} ({detail}). {_hint(name, base, data_dir)}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # of any kind: the code of a builder, or a damaged description
        raise _builder_failed(name, error) from error


def _not_found(
    name: str, base: str, data_dir: str | os.PathLike[str] | None, bundled: list[str]
) -> Exception:
    """Return the error for a name that is neither known nor found in `data_dir`."""
    versions = prepared(data_dir, base)
    if versions:
        where = DATA_DIR if data_dir is None else data_dir
        return ValueError(
            f"Invalid value for argument `source`: expected one of {', '.join(versions)}, which "
            f"lie in {where} (`data_dir`), received {name!r}."
        )
    known = {*bundled, *tfds.list_builders(with_community_datasets=False)}
    of_tfds = difflib.get_close_matches(base, sorted(known))
    if data_dir is not None and not os.path.exists(data_dir) and "://" not in str(data_dir):
        return FileNotFoundError(
            f"Invalid value for argument `data_dir`: expected the directory that holds {name!r}, "
            f"which TFDS does not know (close matches: {', '.join(of_tfds) or 'none'}), received "
            f"{str(data_dir)!r}, which does not exist."
        )
    close = [
        *difflib.get_close_matches(base, names_in(data_dir)),
        *of_tfds,
    ]  # what lies there first
    return ValueError(
        "Invalid value for argument `source`: expected an image data set of TensorFlow Datasets, "
        f"a bundled one ({', '.join(bundled)}) or a directory of pictures, received {name!r}; "
        f"close matches: {', '.join(dict.fromkeys(close)) or 'none'}. "
        f"{_no_directory(name)}{what_lies_in(data_dir, base)} A data set of your own is found once "
        "the module of its builder is imported (--import=MODULE)."
    )


def _no_directory(name: str) -> str:
    """Return a sentence for a name that looks like a path."""
    return f"There is no directory {os.path.abspath(name)}. " if os.sep in name else ""


def _hint(name: str, base: str, data_dir: str | os.PathLike[str] | None) -> str:
    """Return what may be meant by a name that TFDS does not take, or what there is."""
    module, _, last = name.rpartition(".")
    if module and re.fullmatch(r"[\w.]+", name):
        return (
            f"If {name} is the module of a builder, import it (--import={name}) and give the name "
            f"of the data set alone, such as {last!r}."
        )
    configurations = ""
    with contextlib.suppress(Exception):  # a name that cannot be parsed
        names = ", ".join(sorted(tfds.builder_cls(base).builder_configs))
        configurations = f"Configurations of {base}: {names}. " if names else ""
    return configurations + _no_directory(name) + what_lies_in(data_dir, base)


def _builder_failed(name: str, error: Exception) -> ValueError:
    return ValueError(
        f"The builder of data set {name!r} failed ({type(error).__name__}: {_last_line(error)}). "
        "Mend it; or if it has no code, copy the prepared data set anew."
    )


def _last_line(error: Exception) -> str:
    """Return the last line of an error, which TFDS puts behind whole examples."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no message"


def prepare(builder: tfds.core.DatasetBuilder, download: bool = True) -> None:
    """Prepare a data set in its directory unless it is there.

    TFDS writes into a scratch directory and renames it when it is complete. An interrupted
    preparation therefore never passes for the data. Of several at a time, the first to complete
    stays.

    Args:
        builder: the builder. This function fills its `info.splits`.
        download: whether missing archives may be downloaded.

    Raises:
        FileNotFoundError: the data set is absent and cannot be downloaded, or is half copied.
        ValueError: an archive is not the original one, or the code of the builder fails.
    """
    if not builder.data_path.exists():
        missing = _missing_archives(builder)
        if not download and (missing or builder.url_infos is None):
            raise _absent(builder, missing, "download=False")
        if not _may_suffice(builder, missing):
            _probe(builder, missing)
        _download_and_prepare(builder, missing)
        builder.info.read_from_directory(builder.data_path)  # perhaps another process's
    if not builder.info.splits:
        raise FileNotFoundError(
            f"{builder.data_path} holds no complete data set (no dataset_info.json); delete it and "
            "load again, or copy it anew."
        )


def _downloads(builder: tfds.core.DatasetBuilder) -> pathlib.Path:
    return builder.data_dir_root / "downloads"  # TFDS's own choice


def _missing_archives(builder: tfds.core.DatasetBuilder) -> dict[str, UrlInfo]:
    """Return the records, by URL, of the archives neither downloaded nor placed by hand."""
    downloads = _downloads(builder)

    def is_here(url, record):
        placed = record.filename and (downloads / "manual" / record.filename).exists()
        return placed or (downloads / builder.name / get_dl_fname(url, record.checksum)).exists()

    records = builder.url_infos or {}
    return {url: record for url, record in records.items() if not is_here(url, record)}


def _may_suffice(builder: tfds.core.DatasetBuilder, missing: dict[str, UrlInfo]) -> bool:
    """Return whether the archives on disk may be all that this builder needs."""
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        manual = _downloads(builder) / "manual"
        return manual.exists() and any(manual.iterdir())
    if builder.builder_config:  # all configurations share one list
        return len(missing) < len(builder.url_infos or ())
    return not missing


def _probe(builder: tfds.core.DatasetBuilder, missing: dict[str, UrlInfo]) -> None:
    """Request the first missing archive once, through the proxies TFDS would use."""
    url = next((url for url in missing if url.startswith("http")), None)
    if url is None:
        return
    try:
        with requests.get(url, stream=True, timeout=_PROBE_SECONDS) as response:
            if response.status_code >= 500:  # TFDS would retry
                response.raise_for_status()
    except requests.RequestException as error:
        raise _absent(builder, missing, f"{type(error).__name__} at {url}") from error


def _download_and_prepare(builder: tfds.core.DatasetBuilder, missing: dict[str, UrlInfo]) -> None:
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        builder.download_and_prepare(download_config=config)
    except (requests.RequestException, tfds.download.DownloadError) as error:
        raise _absent(builder, missing, str(error).splitlines()[0]) from error
    except NonMatchingChecksumError as error:
        raise ValueError(
            f"Data set {builder.name!r} cannot be prepared because an archive is not the original: "
            f"{str(error).splitlines()[0].rstrip(':')}; delete or replace that file."
        ) from error
    except OSError:
        if not builder.data_path.exists():  # else another process was first
            raise
    except Exception as error:  # of any kind: the code of a builder
        if isinstance(error, AssertionError) and builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise FileNotFoundError(
                f"Data set {builder.name!r} must be downloaded by hand: "
                f"{' '.join(str(error).split())}"
            ) from error
        raise ValueError(
            f"Data set {builder.name!r} cannot be prepared because its builder failed "
            f"({type(error).__name__}: {_last_line(error)})."
        ) from error


def _absent(
    builder: tfds.core.DatasetBuilder, missing: dict[str, UrlInfo], reason: str
) -> FileNotFoundError:
    names = [record.filename for record in missing.values() if record.filename]
    manual = _downloads(builder) / "manual"
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        by_hand = f", or follow its instructions for {manual}: {instructions}"
        by_hand += "" if instructions.endswith(".") else "."
    elif names:
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        by_hand = f", or put the original archives ({', '.join(names[:4])}{more}) into {manual}."
    else:
        by_hand = "."
    return FileNotFoundError(
        f"Data set {builder.info.full_name!r} is not in {builder.data_dir_root} and was not "
        f"downloaded ({reason}): prepare it on a machine with a network and copy it to "
        f"{builder.data_path}{by_hand} {what_lies_in(builder.data_dir_root, builder.name)}"
    )
