"""Protocols of studies that tests make."""

from dataclasses import replace

from radapt.study.protocol import Protocol

PROTOCOL = Protocol(
    created="2026-02-28",
    source="a",
    source_fingerprint="f" * 64,
    model="compact",
    strategies=("none", "head", "full"),
    strategy="head",
    budget="64",
    metric="auroc",
    superiority_margin=0.05,
    noninferiority_margin=0.02,
    seeds=3,
    shift="noise@2 + rotation(10)",
)
REAL = replace(PROTOCOL, shift=None, target="b", target_fingerprint="e" * 64)
