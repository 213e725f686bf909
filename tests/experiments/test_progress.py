"""What a study says while it runs must never decide whether it runs."""

from __future__ import annotations

import io
import sys

import pytest

from experiments.progress import Done, Progress


class _Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_went_away_does_not_end_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Gone())
    tell = Progress(2, enabled=True)
    tell.done(Done("random", 1, 1.0, 0, 0.1))
    tell.done(Done("random", 2, 1.0, 0, 0.1))
    assert tell.finished == 2
    assert not tell.enabled


def test_every_finished_run_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Progress(3, enabled=True)
    tell.kept(1)
    tell.done(Done("random", 2, 1.25, 4, 0.1))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 of 3 runs were finished before and are kept" in captured.err
    assert "2/3" in captured.err
    assert "limits broken in 4 weeks" in captured.err
