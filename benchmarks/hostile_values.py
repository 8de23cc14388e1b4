"""What no data set should have in it, for `data_damages` and `format_damages` to put there: beginnings of files, cells, names."""

import tarfile

SECRET = "secret.csv"  # lies outside of all data sets, two folders above each
BEGINNINGS = (
    b"", b"\0" * 5000, b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xd8\xff\xe0" + bytes(100), b"PK\x03\x04" + bytes(200),
    b"PAR1" + bytes(100) + b"PAR1", b"\x1f\x8b\x08" + bytes(50), b"<html><body>Log in</body></html>", b"%PDF-1.7", b"{",
    b"[[[[" * 40_000, b'{"a":' * 40_000, b"II*\0" + bytes(300), b"GIF89a" + b"\xff" * 60, b"BM" + b"\xff" * 60, b"\xff\xfea",
    b"\xff\xfe\0\0abc", b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(30), b"a,b\n1,2\n", "text\tlabel\nä\tb\n".encode("utf-16-le"),
    b"\xd0\xcf\x11\xe0" + bytes(60), b"ARROW1\0\0" + b"\xff" * 60, b'[{"text": "\\ud800", "label": "a"}]', b"[{}, {}]",
)  # fmt: skip
CELLS = (
    "", "nan", "inf", "-inf", "1e999", "-1e308", "9" * 5000, "-1", "0", "2", "x", "\0", "../../secret.csv", "/etc/passwd",
    "=1+1", "0x1",
    '"', '""', "'", "\\", "[", "[[" * 3000, "a|b;c,d", "\ud7ff", "ß" * 300, "a/" * 40_000, "\u202e", "İ", "²", "1_0",
    "x" * 5_100_000, "['a', ['b']]", "[1e999]", "\r", "\u2028", " ", "None", "test", "valid", "train", "True",
)  # fmt: skip
NAMES = (
    b"caf\xe9.png", b"a\nb.csv", b"x" * 250, b"con.txt", b".hidden", b"a.jpg.txt", b"labels.csv", b"centres.csv", b"test.csv",
    b"codes.txt", b"a.png", b"t.tif", b"texts.parquet", b"texts.xlsx", b"dataset_dict.json", b"valid.txt", b" .json",
)  # fmt: skip
VALUES = (
    None, True, -1, 0, 1.5, 10**30, float("nan"), float("inf"), 1e308, "", "\ud800", "\0", "x" * 200_000, [], {}, [[]],
    {"a": [1]}, ["a"], "null", "../../../../secret.csv", "pos", "train",
)  # fmt: skip
ODD_MEMBERS = (
    ("../outside.csv", tarfile.REGTYPE), ("/tmp/absolute.csv", tarfile.REGTYPE), ("set/../../up.csv", tarfile.REGTYPE),
    ("set/link.csv", tarfile.SYMTYPE), ("set/hard.csv", tarfile.LNKTYPE), ("set/pipe", tarfile.FIFOTYPE),
    ("set/null", tarfile.CHRTYPE), ("d/" * 300 + "a.csv", tarfile.REGTYPE), ("set/" + "n" * 300, tarfile.REGTYPE),
    ("set/con.csv", tarfile.REGTYPE), ("c:\\up.csv", tarfile.REGTYPE), ("..\\up.csv", tarfile.REGTYPE), ("set", tarfile.REGTYPE),
    ("set/a\x01b.csv", tarfile.REGTYPE), ("__MACOSX/._a", tarfile.REGTYPE), ("", tarfile.REGTYPE), ("set/A.csv", tarfile.DIRTYPE),
    ("set/a.csv", tarfile.REGTYPE), (".", tarfile.DIRTYPE), ("set/labels.csv/x.csv", tarfile.REGTYPE),
    ("a" * 300 + "/b", tarfile.AREGTYPE),
)  # fmt: skip
