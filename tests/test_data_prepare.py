"""Data sets that are absent, misspelt, half there, or only in archives."""

import contextlib
import errno
import hashlib
import http.server
import os
import pathlib
import shutil
import threading
import time
from typing import ClassVar

import numpy as np
import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo
from tfds_data import store

from kgan.data import describe, directories, load, prepare
from kgan.data.directories import what_lies_in

ARCHIVE = b"the original archive"
NOBODY_LISTENS = "http://127.0.0.1:9/"  # the discard port: connections are refused at once


class KganRemote(tfds.core.GeneratorBasedBuilder):
    """Images of several sizes that are made only once an archive has arrived."""

    VERSION = tfds.core.Version("1.0.0")
    url_infos = None  # each test says what there is to download
    interrupted = False

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(None, 8, 3))}),
        )

    def _split_generators(self, dl_manager):
        for path in dl_manager.download(list(self.url_infos or {})):
            assert path.read_bytes() == ARCHIVE
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for key in range(20):
            if key == 10 and self.interrupted:
                raise KeyboardInterrupt
            yield key, {"image": np.full([8 + key, 8, 3], 10 * key, np.uint8)}


class KganVariants(KganRemote):
    """As above, in two configurations that need one archive each of the common list."""

    BUILDER_CONFIGS: ClassVar = [tfds.core.BuilderConfig(name=n) for n in ("first", "second")]

    def _split_generators(self, dl_manager):
        dl_manager.download(list(self.url_infos)[self.builder_config.name == "second"])
        return {"train": self._generate_examples()}


class KganBroken(KganRemote):
    """As above, with code that fails when it makes an example, or when it is set up."""

    fails_at = "encoding"

    def _info(self):
        if self.fails_at == "setup":
            raise TypeError("no\nsuch feature")
        return super()._info()

    def _generate_examples(self):
        yield 0, {"image": np.zeros([8, 8, 1], np.uint8)}  # not the declared channels


class KganByHand(KganRemote):
    """As above, from a file that the user must fetch."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors\n    for faces.zip."

    def _split_generators(self, dl_manager):
        assert (dl_manager.manual_dir / "faces.zip").exists(), "faces.zip\nis needed"
        return {"train": self._generate_examples()}


def _archive(url, content=ARCHIVE):
    record = UrlInfo(len(content), hashlib.sha256(content).hexdigest(), url.rsplit("/", 1)[-1])
    return {url: record}


@pytest.fixture
def server(monkeypatch):
    """A local HTTP server with settable `status`; counts the requests in `asked`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(ARCHIVE)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # a probe does not stay for the body
                self.wfile.write(ARCHIVE)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status, server.asked = 200, 0
        server.url = f"http://127.0.0.1:{server.server_port}/archive.bin"
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def no_network(monkeypatch):
    """Sees to it that no proxy answers for addresses where nobody listens."""
    monkeypatch.setenv("NO_PROXY", "*")


def _put_by_hand(data_dir, name, content=ARCHIVE):
    manual = data_dir / "downloads" / "manual"
    manual.mkdir(parents=True, exist_ok=True)
    (manual / name).write_bytes(content)


def _load_remote(data_dir, name="kgan_remote", **options):
    return load(name, batch_size=10, image_size=8, data_dir=data_dir, **options)


def _set_archives(monkeypatch, archives, builder=KganRemote):
    monkeypatch.setattr(builder, "url_infos", archives)


@contextlib.contextmanager
def _fails_soon(error, match):
    start = time.monotonic()
    with pytest.raises(error, match=match) as caught:
        yield
    # TFDS's own retries take 205 s; without them it is 1 s, and was 59 s once on a busy machine.
    assert time.monotonic() - start < 100
    assert "\n" not in str(caught.value)


def test_downloads_and_prepares(monkeypatch, server, tmp_path):
    _set_archives(monkeypatch, _archive(server.url))
    assert len(_load_remote(tmp_path)) == 2
    asked = server.asked
    assert asked == 2  # the probe and the download
    assert len(_load_remote(tmp_path)) == 2
    assert server.asked == asked


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_server_is_asked_once(monkeypatch, server, tmp_path, status):
    _set_archives(monkeypatch, _archive(server.url))
    server.status = status
    with _fails_soon(FileNotFoundError, rf"not in {tmp_path} .*HTTPError at {server.url}"):
        _load_remote(tmp_path)
    assert server.asked == 1


def test_the_first_request_reads_no_archive(monkeypatch, server, tmp_path):
    """Which may hold gigabytes: TFDS asks for it then, with a bar."""
    _set_archives(monkeypatch, _archive(server.url))
    asked, get = [], requests.get
    monkeypatch.setattr(
        requests, "get", lambda url, **options: asked.append(options) or get(url, **options)
    )
    assert len(_load_remote(tmp_path)) > 0
    assert [options["stream"] for options in asked] == [True]


def test_a_missing_page_is_reported(monkeypatch, server, tmp_path):
    _set_archives(monkeypatch, _archive(server.url))
    server.status = 404
    with _fails_soon(FileNotFoundError, r"was not downloaded \(Failed to get url .* 404"):
        _load_remote(tmp_path)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("names", "listed"), [("abcdef", "a, b, c, d and 2 more"), ("abcd", "a, b, c, d")]
)
def test_absent_without_a_network_says_what_to_do(names, listed, monkeypatch, tmp_path):
    archives = {}
    for name in names:
        archives |= _archive(NOBODY_LISTENS + name)
    _set_archives(monkeypatch, archives)
    with _fails_soon(
        FileNotFoundError,
        rf"'kgan_remote/1.0.0' is not in {tmp_path} .*ConnectionError at {NOBODY_LISTENS}a.*"
        rf"prepare it on a machine with a network and copy it to {tmp_path}/kgan_remote/1.0.0, "
        rf"or put the original archives \({listed}\) into {tmp_path}/downloads/manual",
    ):
        _load_remote(tmp_path)


@pytest.mark.parametrize("known", [True, False])
def test_without_leave_to_download_nothing_is_asked(monkeypatch, server, tmp_path, known):
    _set_archives(monkeypatch, _archive(server.url) if known else None)
    with _fails_soon(FileNotFoundError, r"was not downloaded \(download=False\): prepare it"):
        _load_remote(tmp_path, download=False)
    assert server.asked == 0


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.usefixtures("no_network")
def test_archives_put_by_hand_need_no_network(monkeypatch, tmp_path, download):
    _set_archives(monkeypatch, _archive(NOBODY_LISTENS + "archive.bin"))
    _put_by_hand(tmp_path, "archive.bin")
    assert len(_load_remote(tmp_path, download=download)) == 2


def test_archives_downloaded_before_need_no_network(monkeypatch, server, tmp_path):
    _set_archives(monkeypatch, _archive(server.url))
    _load_remote(tmp_path)
    shutil.rmtree(tmp_path / "kgan_remote")
    asked = server.asked
    assert len(_load_remote(tmp_path, download=False)) == 2
    assert server.asked == asked


@pytest.mark.usefixtures("no_network")
def test_some_of_the_archives_are_not_enough(monkeypatch, tmp_path):
    here, missing = (_archive(NOBODY_LISTENS + name) for name in ["here", "missing"])
    _set_archives(monkeypatch, here | missing)
    _put_by_hand(tmp_path, "here")
    with _fails_soon(FileNotFoundError, r"or put the original archives \(missing\) into"):
        _load_remote(tmp_path)


@pytest.mark.usefixtures("no_network")
def test_a_wrong_archive_is_named(monkeypatch, tmp_path):
    _set_archives(monkeypatch, _archive(NOBODY_LISTENS + "archive.bin"))
    _put_by_hand(tmp_path, "archive.bin", b"another archive")
    with _fails_soon(
        ValueError,
        rf"'kgan_remote' cannot be prepared .* not the original: .*{tmp_path}/downloads/manual/"
        "archive.bin, has wrong checksum; delete or replace that file",
    ):
        _load_remote(tmp_path)


@pytest.mark.usefixtures("no_network")
def test_a_configuration_needs_only_its_own_archive(monkeypatch, tmp_path):
    first, second = (_archive(NOBODY_LISTENS + name) for name in ["first.zip", "second.zip"])
    _set_archives(monkeypatch, first | second, KganVariants)
    with _fails_soon(FileNotFoundError, r"\(first.zip, second.zip\)"):
        _load_remote(tmp_path, "kgan_variants/second")
    _put_by_hand(tmp_path, "second.zip")
    assert len(_load_remote(tmp_path, "kgan_variants/second")) == 2


@pytest.mark.usefixtures("no_network")
def test_what_must_be_fetched_by_hand_comes_with_its_instructions(monkeypatch, tmp_path):
    _set_archives(monkeypatch, _archive(NOBODY_LISTENS + "faces.zip"), KganByHand)
    with _fails_soon(
        FileNotFoundError,
        rf"its instructions for {tmp_path}/downloads/manual: Ask the authors for faces\.zip\. The ",
    ):
        _load_remote(tmp_path, "kgan_by_hand")
    _put_by_hand(tmp_path, "other.zip")
    with _fails_soon(FileNotFoundError, "must be downloaded by hand: faces.zip is needed"):
        _load_remote(tmp_path, "kgan_by_hand")
    _put_by_hand(tmp_path, "faces.zip")
    assert len(_load_remote(tmp_path, "kgan_by_hand")) == 2


@pytest.mark.parametrize("moment", ["download_and_prepare", "_download_and_prepare"])
def test_another_process_may_be_first(monkeypatch, tmp_path, moment):
    """Before TFDS looks whether the data are there, and while it makes them."""
    _set_archives(monkeypatch, {})
    _load_remote(tmp_path / "first")
    genuine = getattr(KganRemote, moment)

    def overtaken(self, *args, **kwargs):
        where = pathlib.Path("kgan_remote", "1.0.0")
        shutil.copytree(tmp_path / "first" / where, tmp_path / "second" / where)
        return genuine(self, *args, **kwargs)

    monkeypatch.setattr(KganRemote, moment, overtaken)
    images = _load_remote(tmp_path / "second", shuffle=False)
    assert np.concatenate([*images]).shape == (20, 8, 8, 3)
    assert [path.name for path in (tmp_path / "second" / "kgan_remote").iterdir()] == ["1.0.0"]


def test_a_disk_that_is_full_is_no_other_process(monkeypatch, tmp_path):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _set_archives(monkeypatch, {})
    monkeypatch.setattr(KganRemote, "_download_and_prepare", full)
    with pytest.raises(OSError, match="No space left on device"):
        _load_remote(tmp_path)


def test_an_interrupted_preparation_leaves_nothing_behind(monkeypatch, tmp_path):
    _set_archives(monkeypatch, {})
    monkeypatch.setattr(KganRemote, "interrupted", True)
    with pytest.raises(KeyboardInterrupt):
        _load_remote(tmp_path)
    assert not list((tmp_path / "kgan_remote").iterdir())
    # What a killed process leaves is a directory of another name, which the next one ignores.
    (tmp_path / "kgan_remote" / "incomplete.ABC123_1.0.0").mkdir()
    monkeypatch.setattr(KganRemote, "interrupted", False)
    assert len(_load_remote(tmp_path)) == 2


def test_a_half_copied_data_set_is_named(monkeypatch, tmp_path):
    _set_archives(monkeypatch, {})
    (tmp_path / "kgan_remote" / "1.0.0").mkdir(parents=True)
    with _fails_soon(FileNotFoundError, r"kgan_remote/1.0.0 holds no complete data set .*delete"):
        _load_remote(tmp_path)


def test_sizes_and_features_are_refused_before_anything_is_prepared(tmp_path):
    with _fails_soon(ValueError, "'kgan_remote' differ in size; pass `image_size`"):
        load("kgan_remote", data_dir=tmp_path)
    with _fails_soon(ValueError, r"'glue' has no image feature .* idx \(.*label \(.*sentence \("):
        load("glue", data_dir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fails_at", "reason"),
    [
        ("encoding", "cannot be prepared because its builder failed .*"),
        ("setup", r"^The builder of data set 'kgan_broken' failed \(TypeError: such feature\)"),
    ],
)
def test_a_builder_that_fails_is_named(monkeypatch, tmp_path, fails_at, reason):
    _set_archives(monkeypatch, {})
    monkeypatch.setattr(KganBroken, "fails_at", fails_at)
    with _fails_soon(ValueError, reason):
        _load_remote(tmp_path, "kgan_broken")


IMAGE = {"image": tfds.features.Image(shape=(8, 8, 1))}


@pytest.fixture(scope="module")
def own_dir(tmp_path_factory):
    """A directory with sets without code: `own_set`, and `own_sizes` in two configurations."""
    directory = tmp_path_factory.mktemp("own")
    example = {"image": np.full((8, 8, 1), 99, np.uint8)}
    store(directory, "own_set", IMAGE, [example] * 10)
    for config in ("small", "large"):
        store(directory, "own_sizes", IMAGE, [example] * 10, config)
    return directory


@pytest.mark.parametrize(
    ("below", "name"),
    [
        ("own_set", "own_set"),
        ("own_set/1.0.0", "own_set"),
        ("own_sizes", "own_sizes/small"),
        ("own_sizes/small", "own_sizes/small"),
        ("own_sizes/large/1.0.0", "own_sizes"),
        ("own_set/1.0.0", "digits"),
        ("own_sizes", "digits"),
    ],
)
def test_the_directory_of_one_data_set_is_no_data_dir(own_dir, below, name):
    before = sorted(own_dir.rglob("*"))
    with _fails_soon(
        ValueError,
        rf"`data_dir`: expected the directory that holds data sets, received '{own_dir}/{below}', "
        rf"which is the data set '{below.split('/')[0]}' itself. Give '{own_dir}'.",
    ):
        load(name, data_dir=own_dir / below)
    assert sorted(own_dir.rglob("*")) == before
    assert len(load("own_set", batch_size=5, data_dir=own_dir)) == 2
    assert len(load("own_sizes/large", batch_size=5, data_dir=own_dir)) == 2


def test_a_version_that_lies_elsewhere_is_to_be_moved(own_dir, tmp_path):
    shutil.copytree(own_dir / "own_sizes" / "small" / "1.0.0", tmp_path / "copy")
    with _fails_soon(ValueError, r"Move it to DIRECTORY/own_sizes/small/1.0.0 and give DIRECTORY"):
        load("own_sizes", data_dir=tmp_path / "copy")
    shutil.copytree(own_dir / "own_set", tmp_path / "renamed")  # which is beside the others
    assert len(load("digits", data_dir=tmp_path)) == 14


def test_a_description_that_cannot_be_read_hinders_nothing(tmp_path):
    version = tmp_path / "anything" / "1.0.0"
    version.mkdir(parents=True)
    (version / "dataset_info.json").write_text("{")
    assert len(load("digits", data_dir=tmp_path)) == 14


@pytest.mark.parametrize(
    ("name", "lies_there"),
    [
        ("own_set/small", "own_set:1.0.0"),
        ("own_set:2.0.0", "own_set:1.0.0"),
        ("own_sizes/medium", "own_sizes/large:1.0.0, own_sizes/small:1.0.0"),
        ("own_sizes/small:3.0.0", "own_sizes/large:1.0.0, own_sizes/small:1.0.0"),
    ],
)
def test_a_wrong_configuration_or_version_is_answered_with_what_lies_there(
    own_dir, name, lies_there
):
    with _fails_soon(
        ValueError,
        rf"`source`: expected one of {lies_there}, which lie in {own_dir} .*received '{name}'\.$",
    ):
        load(name, data_dir=own_dir)


def test_the_directory_that_nobody_named_is_named(own_dir, monkeypatch):
    """`TFDS_DATA_DIR` may say where it is."""
    for module in (prepare, directories):
        monkeypatch.setattr(module, "DATA_DIR", str(own_dir))
    with _fails_soon(ValueError, rf"expected one of own_set:1.0.0, which lie in {own_dir} "):
        load("own_set/small")


def test_what_lies_in_a_directory_is_listed(own_dir, tmp_path):
    listed = r"'oun_set'; close matches: own_set, .* \(`data_dir`\) holds own_set, own_siz"
    with _fails_soon(ValueError, listed):
        load("oun_set", data_dir=own_dir)
    with _fails_soon(ValueError, "Configurations of emnist: balanced, .* holds own_set, own_sizes"):
        load("emnist/nothing", data_dir=own_dir)
    with _fails_soon(FileNotFoundError, rf"{own_dir} \(`data_dir`\) holds own_set, own_sizes\.$"):
        load("mnist", data_dir=own_dir, download=False)
    with _fails_soon(ValueError, rf"{tmp_path} \(`data_dir`\) holds no data set\."):
        load("own_set", data_dir=tmp_path)


def test_of_many_names_twenty_are_listed(tmp_path):
    for i in range(22):
        version = tmp_path / f"set_{i:02}" / "1.0.0"
        version.mkdir(parents=True)
        (version / "dataset_info.json").write_text("{}")
    assert what_lies_in(tmp_path, "own_set").endswith(" set_18, set_19 and 2 more.")
    (version / "dataset_info.json").unlink()
    (tmp_path / "set_20" / "1.0.0" / "dataset_info.json").unlink()
    assert what_lies_in(tmp_path, "own_set").endswith(" set_18, set_19.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "own_set",
            "`data_dir`: expected the directory that holds 'own_set', .*, which does not exist",
        ),
        ("mnist", r"mistyped \(`data_dir`\) does not exist\."),
    ],
)
def test_a_missing_directory_is_named(tmp_path, name, said):
    there = tmp_path / "mistyped"
    with _fails_soon(FileNotFoundError, said):
        load(name, data_dir=there, download=False)
    assert not there.exists()


def test_a_set_without_code_lies_in_the_directory_that_was_given(own_dir):
    """Where evaluations look for the classifier of its images."""
    assert describe("own_set", own_dir).directory == own_dir
    assert describe("own_sizes/small", own_dir).directory == own_dir


@pytest.mark.parametrize("file", ["features.json", "dataset_info.json"])
def test_a_damaged_description_is_named(own_dir, tmp_path, file):
    shutil.copytree(own_dir / "own_set", tmp_path / "own_set")
    (tmp_path / "own_set" / "1.0.0" / file).write_text("{")
    with _fails_soon(ValueError, r"'own_set' failed \(.*copy the prepared data set anew\.$"):
        load("own_set", data_dir=tmp_path)


def test_a_close_name_that_lies_there_comes_first(own_dir, tmp_path):
    shutil.copytree(own_dir / "own_set", tmp_path / "mnistt")
    with _fails_soon(ValueError, r"received 'mnits'; close matches: mnistt, mnist"):
        load("mnits", data_dir=tmp_path)


def test_the_module_of_a_builder_is_no_name(own_dir, tmp_path):
    with _fails_soon(ValueError, r"import it \(--import=my_package.my_set\) and .* as 'my_set'\."):
        load("my_package.my_set", data_dir=tmp_path)
    with _fails_soon(
        ValueError, "If it is a directory of prepared data sets, give it as `data_dir"
    ):
        load(str(own_dir))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mnits",
            r"a bundled one \(digits, gaussian, ring, grid\) or a directory .*'mnits'.*: mnist",
        ),
        ("Rings", "received 'Rings'; close matches: ring"),
        ("zzzzzzzz/a", "received 'zzzzzzzz/a'; close matches: none"),
        ("emnist/nothing", r"'dataset/config'.* received 'emnist/nothing' \(.*nothing not found"),
        ("mnist:9.9.9", r"'dataset:version', received 'mnist:9.9.9' \(.*only: 3.0.1"),
        ("two words", r"received 'two words' \(Parsing builder name string two words failed\)"),
    ],
)
def test_unknown_names_are_answered_with_known_ones(tmp_path, name, message):
    with _fails_soon(ValueError, f"argument `source`: expected .*{message}"):
        load(name, data_dir=tmp_path)


def test_a_file_is_no_data_dir(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with _fails_soon(NotADirectoryError, f"`data_dir`: expected a readable .* received '{file}'"):
        load("digits", data_dir=file)


def test_a_data_dir_must_be_readable(monkeypatch, tmp_path):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(tfds.core.Path(tmp_path)), "iterdir", refuse)
    with _fails_soon(PermissionError, rf"`data_dir`: .* '{tmp_path}' \(Permission denied\)"):
        load("digits", data_dir=tmp_path)


def test_the_home_directory_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    load("digits", data_dir="~/sets")
    assert (tmp_path / "sets" / "digits").is_dir()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.usefixtures("no_network")
def test_mnist_prepares_from_its_archives(tmp_path):
    source = os.environ.get("KGAN_TEST_DATA_DIR")
    manual = pathlib.Path(source or "") / "downloads" / "manual"
    if not source or not manual.is_dir():
        pytest.skip("KGAN_TEST_DATA_DIR does not name a directory with downloads/manual")
    shutil.copytree(manual, tmp_path / "downloads" / "manual")
    with _fails_soon(ValueError, "'fashion_mnist' cannot be prepared .* has wrong checksum"):
        load("fashion_mnist", data_dir=tmp_path)  # its archives have the names of MNIST's
    assert len(load("mnist", data_dir=tmp_path, download=False)) == 600
