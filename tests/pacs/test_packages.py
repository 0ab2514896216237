import sys

import pytest

from radapt.errors import AskedWrongly
from radapt.pacs.packages import check_packages


@pytest.mark.parametrize("name", ["highdicom", "dicomweb_client", "pydicom"])
def test_a_missing_package_is_named_by_its_extra(name, monkeypatch):
    check_packages()
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AskedWrongly, match=r"pip install 'radapt\[pacs\]'"):
        check_packages()
