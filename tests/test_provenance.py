from datetime import timedelta

import radapt
from radapt.provenance import command, now, provenance, under_way


def test_a_command_is_recorded_while_it_is_under_way_and_no_longer():
    assert command() == "from Python"
    with under_way("radapt train images"):
        assert command() == "radapt train images"
        with under_way("radapt report out"):
            assert command() == "radapt report out"
        assert command() == "radapt train images"
    assert command() == "from Python"


def test_a_result_names_software_hardware_and_time(hardware):
    started = now() - timedelta(seconds=5)
    made = provenance(hardware, started)
    assert made["radapt"] == radapt.__version__
    assert {"torch", "numpy", "pillow"} <= made["versions"].keys()
    assert made["hardware"] == hardware.describe()
    assert made["started"] == started.isoformat(timespec="seconds") < made["finished"]
    assert made["started"].endswith("+00:00"), "with its zone"
