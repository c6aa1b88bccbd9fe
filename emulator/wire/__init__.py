"""Bytes to calls and results to bytes, as ASMX reads and writes them; the only package that imports spyne."""
