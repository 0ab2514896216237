"""The packages that DICOM results and DICOMweb need."""

from radapt.errors import check_installed

NEEDS = (
    "DICOM results and DICOMweb need highdicom, dicomweb-client and pydicom. Install them with: pip install "
    "'radapt[pacs]'."
)


def check_packages() -> None:
    """Check that the packages are installed.

    Raises
    ------
    AskedWrongly
        If one is missing; the message says how to install it.
    """
    check_installed(("dicomweb_client", "highdicom", "pydicom"), NEEDS)
