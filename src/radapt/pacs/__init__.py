"""A PACS: images fetched and results sent over DICOMweb, and results as DICOM objects."""
