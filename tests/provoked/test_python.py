"""What Python code raises of itself."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import configparser
import csv
import decimal
import importlib
import json
import pickle
import queue
import struct
import threading
import uuid
import zlib
from datetime import datetime, timezone
from typing import Any
from xml.etree import ElementTree as ET

from tests.provoked.rows import Row, Table

PYTHON = Table("python")


@PYTHON.row("KeyError", "permanent", "the data lack the key")
def a_missing_key() -> None:
    {"total": 1}["amount"]


@PYTHON.row("IndexError", "permanent", "the data have fewer items")
def an_item_too_far() -> None:
    rows = [1, 2]
    rows[5]


@PYTHON.row("AttributeError", "permanent", "a mistake of the program or of the data")
def an_attribute_of_none() -> None:
    order: Any = None
    order.total  # noqa: B018


@PYTHON.row("TypeError", "permanent", "a mistake of the program or of the data")
def add_text_to_a_number() -> None:
    values: list[Any] = [1, "2"]
    sum(values)


@PYTHON.row("TypeError", "permanent", "the arguments of the job do not fit its function")
def a_call_without_an_argument() -> None:
    job: Any = lambda order: order  # noqa: E731
    job()


@PYTHON.row("TypeError", "permanent", "the result cannot be written as JSON")
def serialise_a_date() -> None:
    json.dumps({"at": datetime.now(timezone.utc)})


@PYTHON.row("NameError", "permanent", "a mistake of the program")
def an_undefined_name() -> None:
    exec("total + 1")


@PYTHON.row("ZeroDivisionError", "permanent", "the same data give the same division")
def divide_by_zero() -> None:
    1 / 0  # noqa: B018


@PYTHON.row("OverflowError", "permanent", "the same data give the same number")
def a_number_too_large() -> None:
    float(10**400)


@PYTHON.row("RecursionError", "permanent", "the same data lead into the same depth")
def endless_recursion() -> None:
    def deeper() -> None:
        deeper()

    deeper()


@PYTHON.row("AssertionError", "permanent", "a condition of the program does not hold")
def an_assertion() -> None:
    total = 0
    assert total > 0, "total must be positive"


@PYTHON.row("NotImplementedError", "permanent", "somebody has to write it")
def nothing_written_yet() -> None:
    raise NotImplementedError("exports to ODS")


@PYTHON.row("ModuleNotFoundError", "permanent", "the package is not installed")
def a_missing_module() -> None:
    importlib.import_module("no_such_module_here")


@PYTHON.row("ImportError", "permanent", "the module has no such name")
def a_missing_name_of_a_module() -> None:
    exec("from json import no_such_name")


@PYTHON.row("SyntaxError", "permanent", "the source has to be corrected")
def source_that_is_no_python() -> None:
    ast.parse("def broken(:")


@PYTHON.row("ValueError", "permanent", "the text is no number")
def a_number_in_words() -> None:
    int("twelve")


@PYTHON.row("ValueError", "permanent", "the text is no date")
def a_date_that_is_none() -> None:
    datetime.fromisoformat("yesterday")


@PYTHON.row("ValueError", "permanent", "the text is no UUID")
def an_id_that_is_none() -> None:
    uuid.UUID("42")


@PYTHON.row("ValueError", "permanent", "the row has other columns")
def unpack_too_many() -> None:
    [_name, _total] = ["a", 1, 2]


@PYTHON.row("UnicodeDecodeError", "permanent", "the file is in another encoding")
def bytes_of_another_encoding() -> None:
    b"caf\xe9".decode()


@PYTHON.row("UnicodeEncodeError", "permanent", "the target cannot hold the character")
def a_character_without_a_place() -> None:
    "naïve €".encode("ascii")


@PYTHON.row("json.decoder.JSONDecodeError", "permanent", "the text is no JSON")
def json_with_a_slip() -> None:
    json.loads('{"total": 1,}')


@PYTHON.row("json.decoder.JSONDecodeError", "unknown", "an empty body: a hiccup of the service, or always so")
def json_of_nothing() -> None:
    json.loads("")


@PYTHON.row("xml.etree.ElementTree.ParseError", "permanent", "the document is malformed")
def xml_with_a_slip() -> None:
    ET.fromstring("<a><b></a>")


@PYTHON.row("_csv.Error", "permanent", "the file is no CSV")
def csv_with_an_endless_field() -> None:
    list(csv.reader(["x" * 200_000]))


@PYTHON.row("struct.error", "permanent", "the record is too short")
def a_record_too_short() -> None:
    struct.unpack("<I", b"ab")


@PYTHON.row("zlib.error", "permanent", "the data are not compressed")
def decompress_plain_text() -> None:
    zlib.decompress(b"plain")


@PYTHON.row("_pickle.UnpicklingError", "permanent", "the data are no pickle")
def unpickle_a_text() -> None:
    pickle.loads(b"not a pickle")


@PYTHON.row("decimal.InvalidOperation", "permanent", "the text is no number")
def a_decimal_in_words() -> None:
    decimal.Decimal("1,5")


@PYTHON.row("configparser.NoSectionError", "permanent", "the configuration lacks a section")
def a_missing_section() -> None:
    configparser.ConfigParser().get("database", "host")


@PYTHON.row("StopIteration", "permanent", "nothing is left: a mistake of the program")
def an_iterator_at_its_end() -> None:
    next(iter([]))


@PYTHON.row("_queue.Empty", "transient", "nothing has come yet")
def a_queue_that_stays_empty() -> None:
    queue.Queue[int]().get(timeout=0.01)


@PYTHON.row("TimeoutError", "transient", "it took too long this time")
def wait_for_what_never_ends() -> None:
    async def run() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    asyncio.run(run())


@PYTHON.row("TimeoutError", "transient", "it took too long this time")
def a_future_that_is_not_done() -> None:
    never = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(never.wait)
        try:
            future.result(timeout=0.01)
        finally:
            never.set()


@PYTHON.row("asyncio.exceptions.IncompleteReadError", "transient", "the other side closed before it had sent all")
def a_stream_that_ends_early() -> None:
    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"abc")
        reader.feed_eof()
        await reader.readexactly(10)

    asyncio.run(run())


@PYTHON.row("asyncio.exceptions.CancelledError", "unknown", "somebody cancelled it: a shutdown, or on purpose")
def a_cancelled_task() -> None:
    async def run() -> None:
        task = asyncio.ensure_future(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(run())


@PYTHON.row("RuntimeError", "permanent", "a mistake of the program")
def change_a_dict_while_it_is_read() -> None:
    totals = {"a": 1}
    for name in totals:
        totals[name * 2] = 1


@PYTHON.row("SystemExit", "unknown", "a program that ended itself with a code and no word")
def an_exit_with_a_code() -> None:
    raise SystemExit(3)


@PYTHON.row("KeyboardInterrupt", "transient", "the worker was stopped, not the job")
def an_interrupt() -> None:
    import signal

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@PYTHON.each
def test_the_verdict_is_an_operators(row: Row) -> None:
    row.check()
