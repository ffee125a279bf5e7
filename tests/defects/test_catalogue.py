"""The list of planted defects cannot rot: each still has its one place, and tests that would notice."""

from pathlib import Path

import pytest

from tests.defects.catalogue import DEFECTS, Defect
from tests.defects.holes import HOLES
from tests.defects.team_holes import TEAM_HOLES

ROOT = Path(__file__).resolve().parents[2]
ALL = (*DEFECTS, *HOLES, *TEAM_HOLES)


@pytest.mark.parametrize("defect", ALL, ids=lambda defect: defect.name)
def test_a_defect_can_be_planted(defect: Defect) -> None:
    text = (ROOT / defect.file).read_text(encoding="utf-8")
    assert text.count(defect.good) == 1
    assert all((ROOT / each.partition("::")[0]).exists() for each in defect.noticed_by)


def test_there_are_enough_of_them() -> None:
    assert len(DEFECTS) >= 20
    assert len(HOLES) + len(TEAM_HOLES) >= 50
    assert len({each.name for each in ALL}) == len(ALL)
