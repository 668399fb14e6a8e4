//! How common a piece of text is in messages about errors.

use once_cell::sync::OnceCell;

/// Kinds of characters: letters, digits, blank, the common punctuation, all others.
const KINDS: usize = 64;

/// What a run of three is counted for at the least: what never occurs in the packs may occur in a message.
const UNSEEN: f32 = 0.02;

/// A model of texts by runs of three characters, taken from the shipped packs, which are written in the words of errors.
#[derive(Debug)]
pub(super) struct Model {
    /// Binary logarithm of the chance that a run begins at a place.
    begins: Vec<f32>,
    /// Binary logarithm of the chance that the third character of a run follows the two before it.
    follows: Vec<f32>,
}

impl Model {
    /// The model of the shipped packs.
    pub(super) fn shipped() -> &'static Self {
        static MODEL: OnceCell<Model> = OnceCell::new();
        MODEL.get_or_init(|| Self::new(super::sources()))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below what a float holds exactly")]
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = vec![0_u32; KINDS * KINDS * KINDS];
        for text in texts {
            let mut run = 0;
            for byte in text.bytes() {
                run = next(run, byte);
                counts[run] += 1;
            }
        }
        let chances = |counts: &[u32]| {
            let whole = (counts.iter().sum::<u32>() as f32 + counts.len() as f32 * UNSEEN).log2();
            counts.iter().map(|count| (*count as f32 + UNSEEN).log2() - whole).collect::<Vec<f32>>()
        };
        Self { begins: chances(&counts), follows: counts.chunks(KINDS).flat_map(chances).collect() }
    }

    /// How often `text`, of three bytes or more, begins at a place of a message, by the model.
    pub(super) fn chance(&self, text: &[u8]) -> f32 {
        self.logarithm(text).exp2()
    }

    /// The binary logarithm of [`Model::chance`].
    pub(super) fn logarithm(&self, text: &[u8]) -> f32 {
        let mut run = 0;
        let mut logarithm = 0.0;
        for (index, byte) in text.iter().enumerate() {
            run = next(run, *byte);
            logarithm += match index {
                0 | 1 => 0.0,
                2 => self.begins[run],
                _ => self.follows[run],
            };
        }
        logarithm
    }
}

/// The run of three that `byte` ends, by the one before it.
fn next(run: usize, byte: u8) -> usize {
    (run % (KINDS * KINDS)) * KINDS + kind(byte)
}

fn kind(byte: u8) -> usize {
    let kind = match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => letter - b'a',
        digit @ b'0'..=b'9' => 26 + digit - b'0',
        other => 36 + b" .:'\"-_/,()[]{}=<>#@*\\`;".iter().position(|known| *known == other).map_or(27, as_byte),
    };
    usize::from(kind)
}

fn as_byte(position: usize) -> u8 {
    u8::try_from(position).unwrap_or(27)
}
