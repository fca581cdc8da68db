"""Record the digest of a shipped table in its description, so that the table loads and a changed byte is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.tables.datafiles import decode, digest, read_bytes, wrong_usage_many
from sbrtcheck.tables.organ_rows import read_organ_rows
from sbrtcheck.tables.organs import organ_names

_SECTION = re.compile(r"^\[sha256\][^\n]*\n", re.MULTILINE)


def record_digest(path: Path) -> str:
    """Write the digest of ``path`` under ``[sha256]`` of the TOML file beside it, for the version that stands there.

    Args:
        path: the CSV file of an organ table, as it lies in constraints/oar.

    Returns:
        What was written, in words.

    Raises:
        WrongUsageError: E-TABLE-ROW and E-DATA: the rows or the description are wrong, or there is no description;
            E-TABLE-MODIFIED: the version is recorded already with other numbers.
    """
    data = read_bytes(path, code="E-TABLE-ROW")
    text = decode(data, name=path.name, code="E-TABLE-ROW")
    _, problems = read_organ_rows(text, file=path.name, table=path.stem, organs=organ_names(), shipped=True)
    if problems:
        raise wrong_usage_many(problems)
    description = path.with_suffix(".toml")
    if not description.is_file():
        remedy = "Only a table with a description has a digest; a clinic's own CSV file needs none"
        raise wrong_usage("E-DATA", description.name, detail="there is no such file", remedy=remedy)
    said = decode(read_bytes(description, code="E-DATA"), name=description.name, code="E-DATA")
    version, recorded = _version_and_digests(said, description.name)
    sha256 = digest(data)
    if version in recorded and recorded[version] != sha256:
        seen = f"version {version} is {recorded[version][:12]}, the file is {sha256[:12]}"
        remedy = "A changed table needs a new version; write it in the TOML file and record again"
        raise wrong_usage("E-TABLE-MODIFIED", path.name, seen=seen, remedy=remedy)
    if version in recorded:
        return f"{description.name}: version {version} is recorded already: {sha256}"
    line = f'"{version}" = "{sha256}"\n'
    found = _SECTION.search(said)
    said = f"{said.rstrip()}\n{line}" if found else f"{said.rstrip()}\n\n[sha256]\n{line}"
    description.write_text(said, encoding="utf-8", newline="\n")
    return f"{description.name}: version {version} recorded: {sha256}"


def _version_and_digests(text: str, name: str) -> tuple[str, dict[str, str]]:
    """The version of a description and the digests under [sha256], which must be its last section.

    Raises:
        WrongUsageError: E-DATA.
    """
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong_usage("E-DATA", name, detail=str(error)) from error
    version, recorded = settings.get("version"), settings.get("sha256", {})
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise wrong_usage("E-DATA", name, tag="key version", seen=str(version), remedy='Write version = "1.0.0"')
    found = _SECTION.search(text)
    last = found is None or "\n[" not in text[found.end() :]
    if not isinstance(recorded, dict) or not last:
        raise wrong_usage_many([Problem("E-DATA", name, tag="[sha256]", detail="not the last section of the file")])
    return version, {str(k): str(v) for k, v in recorded.items()}
