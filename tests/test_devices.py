"""Device presets hold what their vendors print, with the place where it was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcmp.errors import PresetError, QuantityError, UnknownModelError
from llmcmp.sources.devices import device_files, load_device


@pytest.mark.parametrize("name", device_files())
def test_every_device_has_a_peak_a_bandwidth_and_a_source_that_names_a_version(name: str) -> None:
    device = load_device(name)
    assert device.name == name
    assert device.vendor.lower() == device_files()[name].parent.name
    assert 1e11 < device.bytes_per_second < 1e14
    assert all(1e12 < device.flops_per_second(dtype) < 1e17 for dtype in device.dtypes)
    assert device.sources and all(source.url.startswith("https://") for source in device.sources)


@pytest.mark.parametrize("name", device_files())
def test_a_narrower_dtype_is_never_slower(name: str) -> None:
    device = load_device(name)
    for wide, narrow in (("fp32", "bf16"), ("tf32", "bf16"), ("bf16", "fp8"), ("bf16", "int8"), ("fp8", "fp4")):
        if wide in device.dtypes and narrow in device.dtypes:
            assert device.flops_per_second(wide) <= device.flops_per_second(narrow)


def test_units_are_the_vendors_in_the_file_and_plain_in_the_code() -> None:
    device = load_device("h100-sxm")
    assert (device.bandwidth_gb_per_second, device.bytes_per_second) == (3350, 3.35e12)
    assert (device.peak_tflops.bf16, device.flops_per_second("bf16")) == (989, 9.89e14)
    assert load_device("H100 SXM") == device


def test_a_dtype_without_a_published_peak_is_refused() -> None:
    with pytest.raises(QuantityError, match="A100 SXM 80 GB has no published peak in fp8; choose one of tf32"):
        load_device("a100-sxm-80gb").flops_per_second("fp8")


def test_an_unknown_device_names_the_known() -> None:
    with pytest.raises(UnknownModelError, match=r"unknown device 'h1000'; known: .*h100-sxm"):
        load_device("h1000")


def test_a_file_of_ones_own_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    text = device_files()["l4"].read_text("utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('"l4"', '"mine"'), "utf-8")
    assert load_device(str(mine)).name == "mine"
    mine.write_text(text.replace("bandwidth_gb_per_second", "bandwith_gb_per_second"), "utf-8")
    with pytest.raises(PresetError, match=r"mine\.toml: bandwith_gb_per_second: unknown key; did you mean"):
        load_device(str(mine))
    mine.write_text("name = ", "utf-8")
    with pytest.raises(PresetError, match=r"mine\.toml: not valid TOML"):
        load_device(str(mine))
