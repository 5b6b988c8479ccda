"""The packaged weights: joined once, checked at every load, never fetched."""

import shutil

import pytest

from jobs.engines import weights
from jobs.pipeline.types import EngineUnavailable


@pytest.fixture
def own_models(models_dir, tmp_path):
    """A copy that a test may damage."""
    shutil.copytree(models_dir / weights.NAME, tmp_path / weights.NAME)
    return tmp_path


def test_preparing_joins_the_parts_once_and_says_so(tmp_path):
    lines = []
    folder = weights.prepare(tmp_path / "models", report=lines.append)
    assert weights.folder(tmp_path / "models") == folder
    written = (folder / "model.bin").stat().st_mtime_ns
    weights.prepare(tmp_path / "models", report=lines.append)
    assert (folder / "model.bin").stat().st_mtime_ns == written
    assert len(lines) == 2
    assert [path.name for path in (tmp_path / "models").iterdir()] == [weights.NAME]


def test_weights_that_are_not_there_are_named_with_the_command_that_mends_it(tmp_path):
    with pytest.raises(EngineUnavailable, match=r"not prepared .*make setup"):
        weights.folder(tmp_path)
    assert "make setup" in weights.state(tmp_path).problem


@pytest.mark.parametrize("name", list(weights.FILES))
def test_a_damaged_file_is_never_loaded_and_preparing_again_mends_it(name, own_models):
    damaged = own_models / weights.NAME / name
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(EngineUnavailable, match="damaged"):
        weights.folder(own_models)
    weights.prepare(own_models, report=lambda line: None)
    assert weights.state(own_models).problem is None
