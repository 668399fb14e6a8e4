//! Rule packs: what is known of the errors of one system, as data.
//!
//! [`source`] reads a pack, [`pattern`] checks the patterns of its rules, [`rule`] holds them. [`evidence`] is what is
//! known of a failure, [`codes`] finds codes in its text, [`chain`] decides over an exception and those behind it.
//! [`retry_after`] reads how long a service asks to be left alone.

mod anchors;
mod attempts;
pub mod chain;
pub mod check;
pub mod codes;
mod commonness;
pub mod engine;
pub mod evidence;
pub mod explanation;
mod gate;
mod literals;
pub mod pattern;
pub mod retry_after;
pub mod rule;
pub mod source;
mod text;
mod trigrams;
mod windows;

use crate::error::Error;
use once_cell::sync::OnceCell;
use rule::Pack;
use std::sync::Arc;

/// A pack as it is shipped.
struct Shipped {
    name: &'static str,
    source: &'static str,
    pack: OnceCell<Arc<Pack>>,
}

macro_rules! shipped {
    ($($name:literal,)*) => {
        static SHIPPED: [Shipped; [$($name),*].len()] = [$(Shipped {
            name: $name,
            source: include_str!(concat!("data/", $name, ".toml")),
            pack: OnceCell::new(),
        },)*];
    };
}

// One row a file in `data/`, in alphabetical order, which decides between rules that are equal in all else.
shipped! {
    "amqp",
    "aws",
    "azure",
    "docker",
    "gcp",
    "general",
    "git",
    "grpc",
    "http",
    "kafka",
    "kubernetes",
    "llm-api",
    "mongodb",
    "mssql",
    "mysql",
    "network",
    "nomad",
    "oracle",
    "packages",
    "podman",
    "posix",
    "postgres",
    "python",
    "redis",
    "registry",
    "search",
    "smtp",
    "sql",
    "sqlite",
    "ssh",
    "web-apis",
}

/// The names of the shipped packs.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// The sources of the shipped packs.
fn sources() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.source)
}

/// Return a shipped pack, which is read when it is first asked for.
///
/// # Errors
/// [`Error::UnknownPack`] for any other name.
pub fn pack(name: &str) -> Result<&'static Arc<Pack>, Error> {
    let shipped = SHIPPED.iter().find(|shipped| shipped.name == name);
    let shipped = shipped.ok_or_else(|| Error::UnknownPack { name: name.to_owned() })?;
    shipped.pack.get_or_try_init(|| source::read_pack(shipped.name, shipped.source).map(Arc::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_file_has_its_row_and_can_be_read() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packs/data");
        let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<String> =
            files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        files.sort_unstable();
        assert_eq!(names().collect::<Vec<_>>(), files);
        let refused: Vec<String> = names().filter_map(|name| pack(name).err()).map(|error| error.to_string()).collect();
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }
}
