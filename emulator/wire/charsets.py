"""The names of charsets that .NET knows, as codecs of Python, and decoding as .NET does it.

Sources: the ``EncodingTable`` of the .NET Framework's mscorlib, which maps names to code pages, and the classes of its
``System.Text``, which decode them.
"""

from __future__ import annotations

import codecs
from typing import Final

# Python's codec of a code page, and all names of the code page ("gbk" is 936). Letter case does not matter.
_NAMES = {
    "ascii": "ansi_x3.4-1968, ansi_x3.4-1986, ascii, cp367, csascii, ibm367, iso-ir-6, iso646-us, iso_646.irv:1991, "
    "us, us-ascii",
    "cp037": "cp037, csibm037, ebcdic-cp-ca, ebcdic-cp-nl, ebcdic-cp-us, ebcdic-cp-wt, ibm037",
    "cp273": "cp273, csibm273, ibm273",
    "cp424": "cp424, csibm424, ebcdic-cp-he, ibm424",
    "cp437": "437, cp437, cspc8codepage437, ibm437",
    "cp500": "cp500, csibm500, ebcdic-cp-be, ebcdic-cp-ch, ibm500",
    "cp720": "dos-720",
    "cp737": "ibm737",
    "cp775": "ibm775",
    "cp850": "cp850, ibm850",
    "cp852": "cp852, ibm852",
    "cp855": "cp855, ibm855",
    "cp857": "cp857, ibm857",
    "cp858": "ccsid00858, cp00858, cp858, ibm00858, pc-multilingual-850+euro",
    "cp860": "cp860, ibm860",
    "cp861": "cp861, ibm861",
    "cp862": "cp862, dos-862, ibm862",
    "cp863": "cp863, ibm863",
    "cp864": "cp864, ibm864",
    "cp865": "cp865, ibm865",
    "cp866": "cp866, ibm866",
    "cp869": "cp869, ibm869",
    "cp874": "dos-874, iso-8859-11, tis-620, windows-874",
    "cp875": "cp875",
    "cp932": "csshiftjis, cswindows31j, ms_kanji, shift-jis, shift_jis, sjis, x-ms-cp932, x-sjis",
    "cp949": "csksc56011987, iso-ir-149, korean, ks-c-5601, ks-c5601, ks_c_5601, ks_c_5601-1987, ks_c_5601-1989, "
    "ks_c_5601_1987, ksc5601, ksc_5601",
    "cp950": "big5, big5-hkscs, cn-big5, csbig5, x-x-big5",
    "cp1026": "cp1026, csibm1026, ibm1026",
    "cp1140": "ccsid01140, cp01140, ebcdic-us-37+euro, ibm01140",
    "cp1250": "windows-1250, x-cp1250",
    "cp1251": "windows-1251, x-cp1251",
    "cp1252": "windows-1252, x-ansi",
    "cp1253": "windows-1253",
    "cp1254": "windows-1254",
    "cp1255": "windows-1255",
    "cp1256": "cp1256, windows-1256",
    "cp1257": "windows-1257",
    "cp1258": "windows-1258",
    "euc_jp": "cseucpkdfmtjapanese, euc-jp, extended_unix_code_packed_format_for_japanese, iso-2022-jpeuc, x-euc, "
    "x-euc-jp",
    "euc_kr": "cseuckr, euc-kr, iso-2022-kr-8, iso-2022-kr-8bit, x-cp20949",
    "gb18030": "gb18030",
    "gb2312": "x-cp20936",
    "gbk": "chinese, cn-gb, csgb2312, csgb231280, csiso58gb231280, euc-cn, gb2312, gb2312-80, gb231280, gb_2312-80, "
    "gbk, iso-ir-58, x-euc-cn",
    "hz": "hz-gb-2312",
    "iso2022_jp": "csiso2022jp, iso-2022-jp",
    "iso2022_kr": "csiso2022kr, iso-2022-kr, iso-2022-kr-7, iso-2022-kr-7bit",
    "iso8859-1": "cp819, csisolatin1, ibm819, iso-8859-1, iso-ir-100, iso8859-1, iso_8859-1, iso_8859-1:1987, l1, "
    "latin1",
    "iso8859-2": "csisolatin2, iso-8859-2, iso-ir-101, iso8859-2, iso_8859-2, iso_8859-2:1987, l2, latin2",
    "iso8859-3": "csisolatin3, iso-8859-3, iso-ir-109, iso_8859-3, iso_8859-3:1988, l3, latin3",
    "iso8859-4": "csisolatin4, iso-8859-4, iso-ir-110, iso_8859-4, iso_8859-4:1988, l4, latin4",
    "iso8859-5": "csisolatincyrillic, cyrillic, iso-8859-5, iso-ir-144, iso_8859-5, iso_8859-5:1988",
    "iso8859-6": "arabic, csisolatinarabic, ecma-114, iso-8859-6, iso-ir-127, iso_8859-6, iso_8859-6:1987",
    "iso8859-7": "csisolatingreek, ecma-118, elot_928, greek, greek8, iso-8859-7, iso-ir-126, iso_8859-7, "
    "iso_8859-7:1987",
    "iso8859-8": "csisolatinhebrew, hebrew, iso-8859-8, iso-8859-8 visual, iso-8859-8-i, iso-ir-138, iso_8859-8, "
    "iso_8859-8:1988, logical, visual",
    "iso8859-9": "csisolatin5, iso-8859-9, iso-ir-148, iso_8859-9, iso_8859-9:1989, l5, latin5",
    "iso8859-13": "iso-8859-13",
    "iso8859-15": "csisolatin9, iso-8859-15, iso_8859-15, l9, latin9",
    "johab": "johab",
    "koi8-r": "cskoi8r, koi, koi8, koi8-r, koi8r",
    "koi8-u": "koi8-ru, koi8-u",
    "mac-arabic": "x-mac-arabic",
    "mac-croatian": "x-mac-croatian",
    "mac-cyrillic": "x-mac-cyrillic",
    "mac-greek": "x-mac-greek",
    "mac-iceland": "x-mac-icelandic",
    "mac-latin2": "x-mac-ce",
    "mac-roman": "macintosh",
    "mac-romanian": "x-mac-romanian",
    "mac-turkish": "x-mac-turkish",
    "utf-7": "csunicode11utf7, unicode-1-1-utf-7, unicode-2-0-utf-7, utf-7, x-unicode-1-1-utf-7, x-unicode-2-0-utf-7",
    "utf-8": "unicode-1-1-utf-8, unicode-2-0-utf-8, utf-8, x-unicode-1-1-utf-8, x-unicode-2-0-utf-8",
    "utf-16-be": "unicodefffe, utf-16be",
    "utf-16-le": "iso-10646-ucs-2, ucs-2, unicode, utf-16, utf-16le",
    "utf-32-be": "utf-32be",
    "utf-32-le": "utf-32, utf-32le",
}
# Names of code pages for which Python has no codec.
_WITHOUT_CODEC = (
    "asmo-708, ccsid00924, ccsid01141, ccsid01142, ccsid01143, ccsid01144, ccsid01145, ccsid01146, ccsid01147, "
    "ccsid01148, ccsid01149, cp00924, cp01141, cp01142, cp01143, cp01144, cp01145, cp01146, cp01147, cp01148, "
    "cp01149, cp1025, cp278, cp280, cp284, cp285, cp290, cp297, cp420, cp423, cp50227, cp870, cp871, cp880, cp905, "
    "csibm277, csibm278, csibm280, csibm284, csibm285, csibm290, csibm297, csibm420, csibm423, csibm870, csibm871, "
    "csibm880, csibm905, csibmthai, din_66003, ebcdic-cp-ar1, ebcdic-cp-dk, ebcdic-cp-es, ebcdic-cp-fi, "
    "ebcdic-cp-fr, ebcdic-cp-gb, ebcdic-cp-gr, ebcdic-cp-is, ebcdic-cp-it, ebcdic-cp-no, ebcdic-cp-roece, "
    "ebcdic-cp-se, ebcdic-cp-tr, ebcdic-cp-yu, ebcdic-cyrillic, ebcdic-de-273+euro, ebcdic-dk-277+euro, "
    "ebcdic-es-284+euro, ebcdic-fi-278+euro, ebcdic-fr-297+euro, ebcdic-gb-285+euro, ebcdic-international-500+euro, "
    "ebcdic-is-871+euro, ebcdic-it-280+euro, ebcdic-jp-kana, ebcdic-latin9--euro, ebcdic-no-277+euro, "
    "ebcdic-se-278+euro, german, ibm-thai, ibm00924, ibm01047, ibm01141, ibm01142, ibm01143, ibm01144, ibm01145, "
    "ibm01146, ibm01147, ibm01148, ibm01149, ibm277, ibm278, ibm280, ibm284, ibm285, ibm290, ibm297, ibm420, ibm423, "
    "ibm870, ibm871, ibm880, ibm905, irv, norwegian, ns_4551-1, sen_850200_b, swedish, x-chinese-cns, "
    "x-chinese-eten, x-cp20001, x-cp20003, x-cp20004, x-cp20005, x-cp20261, x-cp20269, x-cp50227, "
    "x-ebcdic-koreanextended, x-europa, x-ia5, x-ia5-german, x-ia5-norwegian, x-ia5-swedish, x-iscii-as, x-iscii-be, "
    "x-iscii-de, x-iscii-gu, x-iscii-ka, x-iscii-ma, x-iscii-or, x-iscii-pa, x-iscii-ta, x-iscii-te, "
    "x-mac-chinesesimp, x-mac-chinesetrad, x-mac-hebrew, x-mac-japanese, x-mac-korean, x-mac-thai, x-mac-ukrainian"
)
_CODECS = {name: codec for codec, names in _NAMES.items() for name in names.split(", ")}
NOT_SUPPORTED: Final = frozenset(_WITHOUT_CODEC.split(", "))
"""The names, in lower case, that .NET knows and Python has no codec for."""


def codec_name(charset: str) -> str | None:
    """Return the name of Python's codec for a charset of .NET; None if there is none."""
    return _CODECS.get(charset.lower())


_ABOVE_ASCII_REPLACED = bytes(range(128)) + b"?" * 128
_LOST = "\udfff"  # a lone surrogate, which no decoder gives but that of UTF-7
_C1_CONTROLS = range(0x80, 0xA0)


def _mark_lost(error: UnicodeError) -> tuple[str, int]:
    """Decode what a charset does not define: ``_LOST``, except where Windows has a control character in a code page."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start]
    if error.encoding == "charmap" and byte in _C1_CONTROLS:
        return chr(byte), error.end
    return _LOST, error.end


codecs.register_error("rescue-emulator.mark-lost", _mark_lost)


def replacement(charset: str) -> str:
    """Return what .NET puts for bytes that a codec does not define: U+FFFD in Unicode, ``?`` in all others."""
    return "\ufffd" if charset.startswith("utf-") else "?"


def decode(data: bytes, charset: str) -> tuple[str, int]:
    """Decode by a codec as .NET does; return the text, and how many characters of it are replacements."""
    # The two charsets of long bodies, without a call for each byte.
    if charset == "ascii":
        text = data.translate(_ABOVE_ASCII_REPLACED).decode("ascii")
        return text, text.count("?") - data.count(b"?")
    if charset == "utf-8":
        text = data.decode("utf-8", "replace")
        return text, text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    text = data.decode(charset, "rescue-emulator.mark-lost")
    lost = text.count(_LOST)
    if lost:
        text = text.replace(_LOST, replacement(charset))
    if charset == "utf-7":  # its codec lets lone surrogates through
        text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    return text, lost
