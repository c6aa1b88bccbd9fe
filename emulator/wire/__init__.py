"""Bytes to calls and answers to bytes, as the ASMX service does it; the only floor that imports spyne and lxml."""
