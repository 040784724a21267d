"""HELD: Patient, Study, Series, Instance and their bytes; DICOMweb is spoken here only."""
