//! Where exceptions keep codes, as data.

use super::Step::{self, Attribute, Call, Item, Key};
use super::{Classes, follow, lenient, whole_number};
use crate::packs::codes::{Code, CodeKind};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::ops::RangeInclusive;

/// Where exceptions keep a code.
struct Place {
    /// A class, module or package that the exception, or a base of it, has to be or to stand in; empty: any.
    of: &'static str,
    path: &'static [Step],
    reading: Reading,
    /// Whose exceptions they are.
    #[expect(dead_code, reason = "for readers")]
    reason: &'static str,
}

/// How what is found is read.
enum Reading {
    /// The number of an errno, by the interpreter's own table.
    Errno,
    /// The number of an error of the resolver, by the interpreter's own table.
    Resolver,
    /// The status of an HTTP answer, as a number or its digits.
    HttpStatus,
    /// The exit code of a process; a negative one is a signal, as in `subprocess`.
    ExitCode,
    /// A text that is a code of this kind. Prose is none.
    Text(CodeKind),
    /// A provider's number in this range, behind this prefix.
    Number(&'static str, RangeInclusive<i64>),
}

const fn place(of: &'static str, path: &'static [Step], reading: Reading, reason: &'static str) -> Place {
    Place { of, path, reading, reason }
}

const MYSQL: Reading = Reading::Number("mysql:", 1000..=5999);
const PROVIDER: Reading = Reading::Text(CodeKind::Provider);
const SQLSTATE: Reading = Reading::Text(CodeKind::Sqlstate);
const GRPC: Reading = Reading::Text(CodeKind::Grpc);

/// Where exceptions keep codes.
const PLACES: &[Place] = &[
    // The operating system.
    place("OSError", &[Attribute("errno")], Reading::Errno, "OSError and its subclasses"),
    place("socket.gaierror", &[Attribute("errno")], Reading::Resolver, "names that do not resolve"),
    // Databases.
    place("", &[Attribute("sqlstate")], SQLSTATE, "psycopg, asyncpg, mysql.connector"),
    place("", &[Attribute("pgcode")], SQLSTATE, "psycopg2"),
    place("", &[Attribute("diag"), Attribute("sqlstate")], SQLSTATE, "psycopg and psycopg2, from the server's answer"),
    place("pyodbc", &[Attribute("args"), Item(0)], SQLSTATE, "pyodbc"),
    place("pymysql", &[Attribute("args"), Item(0)], MYSQL, "PyMySQL, and aiomysql on top of it"),
    place("MySQLdb", &[Attribute("args"), Item(0)], MYSQL, "mysqlclient"),
    place("asyncmy", &[Attribute("args"), Item(0)], MYSQL, "asyncmy"),
    place("django.db.utils", &[Attribute("args"), Item(0)], MYSQL, "Django, which keeps the arguments of the driver"),
    place("mysql.connector", &[Attribute("errno")], MYSQL, "MySQL's own driver"),
    place("mariadb", &[Attribute("errno")], MYSQL, "MariaDB's own driver"),
    place("", &[Attribute("sqlite_errorname")], PROVIDER, "sqlite3 from Python 3.11 on"),
    place("pymongo", &[Attribute("code")], Reading::Number("mongodb:", 1..=99_999), "PyMongo"),
    // HTTP.
    place("", &[Attribute("status_code")], Reading::HttpStatus, "docker, azure, openai, tornado, elasticsearch"),
    place("", &[Attribute("status")], Reading::HttpStatus, "aiohttp, kubernetes"),
    place("", &[Attribute("code")], Reading::HttpStatus, "urllib, google.api_core, werkzeug"),
    place("", &[Attribute("http_status")], Reading::HttpStatus, "stripe"),
    place("", &[Attribute("response"), Attribute("status_code")], Reading::HttpStatus, "requests, httpx"),
    place("", &[Attribute("response"), Attribute("status")], Reading::HttpStatus, "clients on top of urllib3, aiohttp"),
    place("", &[Attribute("resp"), Attribute("status")], Reading::HttpStatus, "googleapiclient"),
    place("", &[Attribute("meta"), Attribute("status")], Reading::HttpStatus, "elasticsearch"),
    place(
        "",
        &[Attribute("response"), Key("ResponseMetadata"), Key("HTTPStatusCode")],
        Reading::HttpStatus,
        "botocore",
    ),
    // gRPC.
    place("grpc", &[Call("code"), Attribute("name")], GRPC, "grpcio"),
    place("", &[Attribute("grpc_status_code"), Attribute("name")], GRPC, "google.api_core"),
    place("grpclib", &[Attribute("status"), Attribute("name")], GRPC, "grpclib"),
    // Processes.
    place("", &[Attribute("returncode")], Reading::ExitCode, "subprocess"),
    place("", &[Attribute("exit_status")], Reading::ExitCode, "docker's ContainerError, asyncssh"),
    place("", &[Attribute("exit_code")], Reading::ExitCode, "sh, click"),
    place("", &[Attribute("result"), Attribute("return_code")], Reading::ExitCode, "fabric, invoke"),
    place("SystemExit", &[Attribute("code")], Reading::ExitCode, "a program that ends itself"),
    // Names and numbers of providers.
    place("", &[Attribute("response"), Key("Error"), Key("Code")], PROVIDER, "botocore"),
    place("", &[Attribute("code")], PROVIDER, "openai, stripe, Django's ValidationError"),
    place("", &[Attribute("error_code")], PROVIDER, "azure.storage"),
    place("", &[Attribute("error"), Attribute("code")], PROVIDER, "azure.core"),
    place("", &[Attribute("reason")], PROVIDER, "ssl, google.api_core; a reason in words is no code"),
    place("kafka.errors", &[Attribute("message")], PROVIDER, "kafka-python, which keeps the broker's name there"),
    place("cimpl", &[Attribute("args"), Item(0), Call("name")], PROVIDER, "confluent_kafka"),
    place("", &[Attribute("smtp_code")], Reading::Number("smtp:", 200..=599), "smtplib"),
    place("", &[Attribute("reply_code")], Reading::Number("amqp:", 200..=599), "pika, py-amqp"),
];

/// Exceptions with a number of another table where an errno would stand: those of the resolver and of OpenSSL.
const NO_ERRNO: [&str; 3] = ["socket.gaierror", "socket.herror", "ssl.SSLError"];

/// Exceptions that say with which code the program is to end, not how another program has ended.
const NO_EXIT_CODE: [&str; 2] = ["django.core.management.base.CommandError", "click.exceptions.ClickException"];

/// A class whose exceptions wrap another one and add nothing to it.
struct Wrapper {
    of: &'static str,
    path: &'static [Step],
}

/// The codes of what is wrapped are those of the wrapper, so that the class of the wrapper alone never decides.
const WRAPPERS: &[Wrapper] = &[
    Wrapper { of: "django.db.utils", path: &[Attribute("__cause__")] },
    Wrapper { of: "sqlalchemy.exc", path: &[Attribute("orig")] },
    Wrapper { of: "peewee", path: &[Attribute("__context__")] },
    Wrapper { of: "urllib.error.URLError", path: &[Attribute("reason")] },
    Wrapper { of: "urllib3.exceptions", path: &[Attribute("reason")] },
];

/// Return the codes that an exception holds, each once.
pub(super) fn codes_of(exception: &Bound<'_, PyAny>, classes: &Classes) -> PyResult<Vec<Code>> {
    let mut codes = Vec::new();
    add_codes(exception, classes, &mut codes)?;
    for wrapper in WRAPPERS.iter().filter(|wrapper| classes.any(wrapper.of)) {
        if let Some(wrapped) = follow(exception, wrapper.path)? {
            add_codes(&wrapped, &Classes::of(&wrapped)?, &mut codes)?;
        }
    }
    Ok(codes)
}

fn add_codes(exception: &Bound<'_, PyAny>, classes: &Classes, codes: &mut Vec<Code>) -> PyResult<()> {
    for place in PLACES.iter().filter(|place| place.of.is_empty() || classes.any(place.of)) {
        let Some(value) = follow(exception, place.path)? else { continue };
        let code = read(&value, &place.reading, classes)?;
        codes.extend(code.filter(|code| !codes.contains(code)));
    }
    Ok(())
}

fn read(value: &Bound<'_, PyAny>, reading: &Reading, classes: &Classes) -> PyResult<Option<Code>> {
    let py = value.py();
    let number = whole_number(value);
    let text = || value.cast::<PyString>().ok().map(|text| text.to_string_lossy().into_owned());
    Ok(match reading {
        Reading::Errno if NO_ERRNO.iter().any(|name| classes.any(name)) => None,
        Reading::ExitCode if NO_EXIT_CODE.iter().any(|name| classes.any(name)) => None,
        Reading::Errno => match number {
            Some(number) => errno(py, number)?,
            None => None,
        },
        Reading::Resolver => match number {
            Some(number) => resolver(py, number)?,
            None => None,
        },
        Reading::HttpStatus => {
            let digits = number.map(|number| number.to_string()).or_else(text);
            digits.and_then(|digits| Code::read(CodeKind::HttpStatus, &digits))
        }
        Reading::ExitCode => number.filter(|code| *code != 0).and_then(|code| {
            let kind = if code > 0 { CodeKind::ExitCode } else { CodeKind::Signal };
            Code::read(kind, &code.unsigned_abs().to_string())
        }),
        Reading::Text(kind) => text().and_then(|text| Code::read(*kind, &text)),
        Reading::Number(prefix, range) => number
            .filter(|number| range.contains(number))
            .and_then(|number| Code::read(CodeKind::Provider, &format!("{prefix}{number}"))),
    })
}

/// The code of an errno's number on this platform.
fn errno(py: Python<'_>, number: i64) -> PyResult<Option<Code>> {
    let names = py.import("errno")?.getattr("errorcode")?.cast_into::<PyDict>()?;
    let name = names.get_item(number)?;
    Ok(name.and_then(|name| Code::read(CodeKind::Errno, &name.cast::<PyString>().ok()?.to_string_lossy())))
}

/// The code of a number that `getaddrinfo` of this platform returns.
fn resolver(py: Python<'_>, number: i64) -> PyResult<Option<Code>> {
    let socket = py.import("socket")?;
    for name in RESOLVER {
        let known = lenient(py, socket.getattr_opt(name))?.flatten();
        if known.and_then(|known| whole_number(&known)) == Some(number) {
            return Ok(Code::read(CodeKind::Errno, name));
        }
    }
    Ok(None)
}

/// The names of the resolver's errors; not each platform has each.
const RESOLVER: [&str; 11] = [
    "EAI_AGAIN",
    "EAI_NONAME",
    "EAI_NODATA",
    "EAI_FAIL",
    "EAI_FAMILY",
    "EAI_SERVICE",
    "EAI_SOCKTYPE",
    "EAI_BADFLAGS",
    "EAI_ADDRFAMILY",
    "EAI_MEMORY",
    "EAI_SYSTEM",
];
