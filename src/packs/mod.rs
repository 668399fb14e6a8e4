//! Rule packs: what is known of the errors of one system, as data.
//!
//! [`source`] reads a pack, [`pattern`] checks the patterns of its rules, [`rule`] holds them. [`evidence`] is what is
//! known of a failure, [`codes`] finds codes in its text, [`chain`] decides over an exception and those behind it.
//! [`retry_after`] reads how long a service asks to be left alone.

pub mod chain;
pub mod codes;
pub mod evidence;
pub mod pattern;
pub mod retry_after;
pub mod rule;
pub mod source;

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

/// One row a file in `data/`, in alphabetical order, which decides between rules that are equal in all else.
macro_rules! shipped {
    ($($name:literal,)*) => {
        [$(Shipped {
            name: $name,
            source: include_str!(concat!("data/", $name, ".toml")),
            pack: OnceCell::new(),
        },)*]
    };
}

static SHIPPED: [Shipped; 0] = shipped![];

/// The names of the shipped packs.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
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
