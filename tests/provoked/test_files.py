"""Files and folders; nothing here depends on not being root."""

from __future__ import annotations

import fcntl
import gzip
import mmap
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.provoked.rows import Row, Table

FILES = Table("files")


@FILES.row("FileNotFoundError", "permanent", "the input is not there, and nobody is about to write it")
def open_a_missing_file(folder: Path) -> None:
    (folder / "orders.csv").open()


@FILES.row("FileNotFoundError", "permanent", "the folder has to be made first")
def write_into_a_missing_folder(folder: Path) -> None:
    (folder / "exports" / "orders.csv").write_text("x")


@FILES.row("IsADirectoryError", "permanent", "the path names a folder")
def open_a_folder(folder: Path) -> None:
    folder.open()


@FILES.row("NotADirectoryError", "permanent", "the path goes through a file")
def a_folder_that_is_a_file(folder: Path) -> None:
    (folder / "file").touch()
    (folder / "file" / "below").open()


@FILES.row("FileExistsError", "permanent", "it exists already, and will the next time")
def make_a_folder_again(folder: Path) -> None:
    folder.mkdir()


@FILES.row("FileExistsError", "permanent", "it exists already, and will the next time")
def create_a_file_again(folder: Path) -> None:
    (folder / "lock").touch()
    (folder / "lock").open("x")


@FILES.row("OSError", "permanent", "the folder has to be emptied first")
def remove_a_full_folder(folder: Path) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    (folder / "full").rmdir()


@FILES.row("OSError", "permanent", "the name is too long for the file system")
def a_name_that_is_too_long(folder: Path) -> None:
    (folder / ("x" * 300)).touch()


@FILES.row("OSError", "permanent", "the links lead in a circle")
def links_in_a_circle(folder: Path) -> None:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    (folder / "a").open()


@FILES.row("OSError", "transient", "the disk is full; it may be cleaned up")
def a_full_device(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        full.write("x")
        full.flush()


@FILES.row("ValueError", "permanent", "a mistake of the program")
def read_a_closed_file(folder: Path) -> None:
    with (folder / "file").open("w+") as file:
        pass
    file.read()


@FILES.row("BlockingIOError", "transient", "another process holds the lock now")
def a_lock_that_is_held(folder: Path) -> None:
    with (folder / "lock").open("w") as holder, (folder / "lock").open("w") as other:
        fcntl.flock(holder, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@FILES.row("OSError", "transient", "descriptors are given back as other work ends")
def more_files_than_allowed(folder: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    opened: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 5, hard))
    try:
        while True:
            opened.append(os.open(folder, os.O_RDONLY))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in opened:
            os.close(descriptor)


@FILES.row("BrokenPipeError", "transient", "the reader of the pipe is gone; a new run has a new one")
def a_pipe_without_a_reader(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.write(writing, b"x")
    finally:
        os.close(writing)


@FILES.row("OSError", "permanent", "the process has a file size limit of its own")
def larger_than_the_limit_of_the_process(folder: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        (folder / "large").write_bytes(b"x" * 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@FILES.row("shutil.SameFileError", "permanent", "source and destination are one file")
def copy_a_file_onto_itself(folder: Path) -> None:
    (folder / "file").touch()
    shutil.copy(folder / "file", folder / "file")


@FILES.row("zipfile.BadZipFile", "permanent", "the file is no archive")
def unpack_what_is_no_zip(folder: Path) -> None:
    (folder / "upload.zip").write_text("<html>")
    zipfile.ZipFile(folder / "upload.zip")


@FILES.row("KeyError", "permanent", "the archive holds no such file")
def a_missing_member_of_an_archive(folder: Path) -> None:
    with zipfile.ZipFile(folder / "empty.zip", "w") as archive:
        archive.read("orders.csv")


@FILES.row("gzip.BadGzipFile", "permanent", "the file is not compressed")
def decompress_what_is_not_compressed(folder: Path) -> None:
    gzip.decompress(b"plain text")


@FILES.row("tarfile.ReadError", "permanent", "the file is no archive")
def unpack_what_is_no_tar(folder: Path) -> None:
    (folder / "upload.tar").write_text("<html>")
    with tarfile.open(folder / "upload.tar"):
        pass


@FILES.row("ValueError", "permanent", "an empty file cannot be mapped")
def map_an_empty_file(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        mmap.mmap(file.fileno(), 0)


@FILES.row("shutil.ReadError", "permanent", "the name says no kind of archive")
def unpack_an_unknown_format(folder: Path) -> None:
    (folder / "upload.xyz").touch()
    shutil.unpack_archive(folder / "upload.xyz", folder)


@FILES.each
def test_the_verdict_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)
