"""The packages that DICOM results and DICOMweb need."""

from radapt.errors import AskedWrongly

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
    try:
        import dicomweb_client  # noqa: F401
        import highdicom  # noqa: F401
        import pydicom  # noqa: F401
    except ImportError:
        raise AskedWrongly(NEEDS) from None
