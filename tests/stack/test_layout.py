"""Where a copy's files, sockets and secret lie."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environ
import psycopg.conninfo
import pytest
import redis

from tuplets.stack.layout import PROJECT_DIR, SHORT_SOCKET_ROOT, SOCKET_PATH_MAX_BYTES, Layout, StackError


def test_the_data_folder_is_var_in_the_project_unless_the_environment_names_another() -> None:
    assert Layout.from_env({}).data_dir == PROJECT_DIR / "var"
    assert Layout.from_env({"TUPLETS_DATA_DIR": "elsewhere"}).data_dir == PROJECT_DIR / "elsewhere"
    assert Layout.from_env({"TUPLETS_DATA_DIR": "/srv/tuplets"}).data_dir == Path("/srv/tuplets")


def test_sockets_lie_in_the_data_folder_while_their_path_is_short() -> None:
    assert Layout(Path("/srv/tuplets")).sockets == Path("/srv/tuplets/run")


@pytest.mark.parametrize("folder", ["/srv/" + "long/" * 20, "/srv/with,comma", "/srv/with space", "/srv/Zoë"])
def test_a_path_that_no_socket_can_have_falls_back_to_a_short_folder(folder: str) -> None:
    layout = Layout(Path(folder))
    assert layout.sockets.parent == SHORT_SOCKET_ROOT
    assert len(str(layout.control_socket)) + len(".4194304") < SOCKET_PATH_MAX_BYTES
    assert layout.sockets != Layout(Path(folder, "other")).sockets


def test_the_short_folder_is_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("long" * 20) / "var")
    layout.prepare()
    try:
        assert layout.sockets.stat().st_mode & 0o777 == 0o700
        layout.sockets.chmod(0o755)
        with pytest.raises(StackError, match="not a private folder"):
            layout.prepare()
    finally:
        layout.sockets.rmdir()


def test_a_link_in_place_of_the_short_folder_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("long" * 20) / "var")
    layout.sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(StackError, match="not a private folder"):
            layout.prepare()
    finally:
        layout.sockets.unlink()


@pytest.mark.parametrize("folder", ["/srv/Tuplets", "/srv/with space"])
def test_the_urls_are_read_back_by_the_libraries_that_use_them(folder: str) -> None:
    layout = Layout(Path(folder))
    settings = environ.Env.db_url_config(layout.database_url())
    assert (settings["NAME"], settings["USER"], settings["OPTIONS"]) == (
        "tuplets",
        "tuplets",
        {"host": str(layout.sockets)},
    )
    assert psycopg.conninfo.conninfo_to_dict(layout.database_url())["host"] == str(layout.sockets)
    assert redis.ConnectionPool.from_url(layout.redis_url()).connection_kwargs["path"] == str(layout.valkey_socket)


def test_the_secret_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "var")
    key = layout.secret_key()
    assert len(key) > 80
    assert layout.secret_key() == key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_processes_that_ask_at_once_get_the_same_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: Layout(tmp_path / "var").secret_key(), range(64)))
    assert len(keys) == 1
    assert os.listdir(tmp_path / "var") == ["secret_key"]


def test_recordings_and_logs_are_closed_to_other_users(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "v")
    layout.prepare()
    for folder in (layout.storage, layout.uploads, layout.logs, layout.run, layout.valkey):
        assert folder.stat().st_mode & 0o777 == 0o700
    if layout.sockets != layout.run:
        shutil.rmtree(layout.sockets)


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"can't be made or written: Not a directory\.$"):
        Layout(tmp_path / "file" / "var").prepare()
