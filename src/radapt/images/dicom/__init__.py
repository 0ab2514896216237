"""DICOM radiographs."""
