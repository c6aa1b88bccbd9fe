"""Bytes to calls, and replies to bytes, exactly as the ASMX service does it; the only floor that imports spyne and lxml."""
