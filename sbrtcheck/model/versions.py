"""Versions of this program and of what computes with it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("sbrtcheck", "numpy", "scipy", "pydicom", "dicompyler-core")


def versions() -> dict[str, str]:
    """Package to its version as installed."""
    out = {}
    for package in PACKAGES:
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = "not installed"
    return out
