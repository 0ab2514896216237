from importlib.metadata import version

import radapt
from radapt.version import __version__


def test_the_version_is_that_of_the_installed_package():
    assert __version__ == radapt.__version__ == version("radapt")
