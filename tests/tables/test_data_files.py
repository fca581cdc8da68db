"""Damage to the data files that are not organ tables: each is refused with file, line or key, value and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.tables import organ_tables as tables
from sbrtcheck.tables import organs
from sbrtcheck.tables import target_goals as tables_target
from sbrtcheck.tables.datafiles import data_path, digest

CACHED = (
    organs.load_organs,
    organs.organ_names,
    organs.load_regions,
    organs.load_sites,
    organs.load_sides,
    tables._load_settings,
    tables._load_shipped,
    tables._primary_rules,
    tables.table_names,
    tables_target.load_target_goals,
    tables_target.load_conformity_rules,
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of constraints/ that a test may damage."""
    copy = tmp_path / "constraints"
    shutil.copytree(data_path(), copy)
    for module in (organs, tables, tables_target):
        monkeypatch.setattr(module, "data_path", copy.joinpath)
    for function in CACHED:
        function.cache_clear()
    yield copy
    monkeypatch.undo()
    for function in CACHED:
        function.cache_clear()


def damage(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is no longer in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refused(load: Callable[[], object]) -> str:
    with pytest.raises(WrongUsageError) as error:
        load()
    assert error.value.exit_code == 2
    assert all(p.remedy for p in error.value.problems)
    return "\n".join(p.line() for p in error.value.problems)


def test_the_copy_is_whole(root: Path) -> None:
    assert set(tables.load_tables()) == set(tables.table_names())
    assert len(tables.load_organs()) > 80
    assert tables.choose_table(n_fractions=5, site="lung").table is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SpinalCord,SpinalCord,,serial", "SpinalCord,SpinalCord,twin,serial", "column laterality"),
        ("SpinalCord,SpinalCord,,serial", "SpinalCord,SpinalCord,,parallell", "column architecture"),
        ("SpinalCanal|SpinalCord_PRV,yes", "SpinalCanal|SpinalCord_PRV,maybe", "not yes or no"),
        ("SpinalCanal|SpinalCord_PRV,yes", "SpinalKanal|SpinalCord_PRV,yes", "unknown organ SpinalKanal"),
        ("Lung_L+Lung_R", "Lung_L+Lunk_R", "unknown organ Lunk_R"),
        ("Herz|", "Herz|Myelon|", "Myelon is already a name of SpinalCord"),
        ("Herz|", "Herz|_-|", "an alias without letters"),
        ("organ,tg263,", "organ,tg264,", "unknown column"),
    ],
)
def test_damaged_organs(root: Path, old: str, new: str, said: str) -> None:
    damage(root / "organs.csv", old, new)
    message = refused(tables.load_organs)
    assert said in message
    assert "organs.csv line" in message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lung,Lungs,required", "lungs,Lungs,required", "column site"),
        ("lung,Lungs,required", "lung,Lunx,required", "unknown organ Lunx"),
        ("lung,Lungs,required", "lung,Lungs,needed", "column requirement"),
        ("Lungs,superior,50", "Lungs,above,50", "column direction"),
        ("Lungs,superior,50", "Lungs,superior,", "needs a landmark"),
        ("Lungs,superior,50", "Lungs,superior,-5", "needs a landmark"),
        ("Lungs,superior,50", 'Lungs,superior,"5,0"', "needs a landmark"),
        ("Lungs,superior,50", "Langs,superior,50", "column landmark"),
        ("lung,Lungs,required,,,", "lung,Lungs,required,BODY,,", "only if_near"),
        ("lung,Heart,required", "lung,Lungs,required", "occur twice"),
    ],
)
def test_damaged_regions(root: Path, old: str, new: str, said: str) -> None:
    damage(root / "regions.csv", old, new)
    assert said in refused(tables.load_regions)


def test_damaged_words(root: Path) -> None:
    damage(root / "sites.csv", "liver,liver", "liver,rul|liver")
    assert "seen: rul" in refused(tables.load_sites)
    damage(root / "sides.csv", "R,any,r|", "R,any,l|r|")
    assert "seen: l" in refused(lambda: organs.load_sides(for_targets=True))


@pytest.mark.parametrize(
    ("old", "new"), [("1,*,aapm_tg101", "0,*,aapm_tg101"), ("1,*,aapm_tg101", "1,*,aapm_tg102"), ("n_fractions,", "n,")]
)
def test_damaged_choice(root: Path, old: str, new: str) -> None:
    damage(root / "primary.csv", old, new)
    assert "primary.csv" in refused(lambda: tables.choose_table(n_fractions=1, site="lung"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "nrg_lu002"', 'name = "other"', "key name"),
        ("may_decide = false", "may_decide = true", "never decides"),
        ("may_decide = false", 'may_decide = "no"', "key may_decide"),
        ('trust = "partial"', 'trust = "good"', "key trust"),
        ("point_volume_cm3 = 0.035", "point_volume_cm3 = 35.0", "outside 0 to 1"),
        ("point_volume_cm3 = 0.035", "point_volume_cm3 = 1", "key point_volume_cm3"),
        ('version = "1.0.0"', 'version = "1.1.0"', "no recorded sha256"),
        ("may_decide = false", "may_decide = false\nbest = true", "unknown key"),
        ('doi = ""', "", "key doi"),
        ('doi = ""', "doi = ", "not TOML"),
    ],
)
def test_damaged_settings_of_a_table(root: Path, old: str, new: str, said: str) -> None:
    damage(root / "oar" / "nrg_lu002.toml", old, new)
    message = refused(lambda: tables.load_table("nrg_lu002"))
    assert said in message
    assert "nrg_lu002.toml" in message


def test_a_table_without_settings(root: Path) -> None:
    (root / "oar" / "nrg_lu002.toml").unlink()
    assert "nrg_lu002.toml: no such file" in refused(tables.load_tables)


def with_new_version(root: Path, name: str) -> None:
    """Record the damaged file's digest, so that its content is looked at."""
    path = root / "target" / f"{name}.csv"
    toml = path.with_suffix(".toml")
    text = toml.read_text(encoding="utf-8")
    version = text.split('version = "')[1].split('"')[0]
    old = text.split(f'"{version}" = "')[1].split('"')[0]
    toml.write_text(text.replace(old, digest(path.read_bytes())), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("PTV,V100%[%],>=,95", "PTW,V100%[%],>=,95", "column target"),
        ("PTV,V100%[%],>=,95", "PTV,V100,>=,95", "column metric"),
        ("PTV,V100%[%],>=,95", "PTV,V100%[cc],>=,95", "the metric is in cc"),
        ("PTV,V100%[%],>=,95", "PTV,V100%[%],=>,95", "column comparator"),
        ("PTV,V100%[%],>=,95", "PTV,V100%[%],>=,9e1", "column limit"),
        ("optimal,PASS_WITH_VARIATION,lung", "best,PASS_WITH_VARIATION,lung", "column level"),
        ("optimal,PASS_WITH_VARIATION,lung", "optimal,VARIATION,lung", "column missed"),
        ("optimal,PASS_WITH_VARIATION,lung", "optimal,PASS_WITH_VARIATION,chest", "column site"),
        ("RTOG_0813,rtog_max_low", "RTOG_0813,rtog_max_high", "the same source and rule"),
    ],
)
def test_damaged_goals(root: Path, old: str, new: str, said: str) -> None:
    damage(root / "target" / "goals.csv", old, new)
    assert "E-TABLE-MODIFIED" in refused(tables.load_target_goals)
    with_new_version(root, "goals")
    assert said in refused(tables.load_target_goals)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("RTOG_0813,3.8,", "RTOG_0813,1.8,", "do not rise"),
        ("RTOG_0813,3.8,1.2,1.5", "RTOG_0813,3.8,x,1.5", "column r100_none_lt"),
        ("RTOG_0813,3.8,1.2,1.5", "RTOG_0813,3.8,1.6,1.5", "below its no-deviation"),
        ("% of Rx", "Gy", "column d2cm_unit"),
    ],
)
def test_damaged_conformity(root: Path, old: str, new: str, said: str) -> None:
    damage(root / "target" / "rtog_conformity.csv", old, new)
    assert "E-TABLE-MODIFIED" in refused(tables.load_conformity_rules)
    with_new_version(root, "rtog_conformity")
    assert said in refused(tables.load_conformity_rules)
