//! How many parts a file has, counted on its bytes before any message is made of them: an empty node takes two bytes in the file
//! and hundreds in memory.

/// Fields of a message that hold messages, and what those are. Others with a length count as one part.
struct Kind(&'static [(u64, &'static Kind)]);

static MODEL: Kind = Kind(&[(7, &GRAPH), (8, &FLAT), (14, &FLAT)]);
static GRAPH: Kind = Kind(&[(1, &NODE), (5, &TENSOR), (11, &VALUE), (12, &VALUE)]);
static NODE: Kind = Kind(&[(5, &ATTRIBUTE)]);
static ATTRIBUTE: Kind = Kind(&[(5, &TENSOR)]);
static TENSOR: Kind = Kind(&[(13, &FLAT)]);
static VALUE: Kind = Kind(&[(2, &TYPE)]);
static TYPE: Kind = Kind(&[(1, &TENSOR_TYPE)]);
static TENSOR_TYPE: Kind = Kind(&[(2, &SHAPE)]);
static SHAPE: Kind = Kind(&[(1, &FLAT)]);
static FLAT: Kind = Kind(&[]);

/// The number of parts, as far as `limit` and one more; `None` where the bytes are no messages.
pub(super) fn count(bytes: &[u8], limit: usize) -> Option<usize> {
    let mut counted = 0;
    walk(bytes, &MODEL, limit, &mut counted)?;
    Some(counted)
}

/// The depth is that of the kinds.
fn walk(mut bytes: &[u8], kind: &Kind, limit: usize, counted: &mut usize) -> Option<()> {
    while !bytes.is_empty() && *counted <= limit {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            5 => bytes = bytes.get(4..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (part, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                *counted += 1;
                if let Some((_, inner)) = kind.0.iter().find(|(field, _)| *field == tag >> 3) {
                    walk(part, inner, limit, counted)?;
                }
            }
            // Groups, which this format has never had.
            _ => return None,
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
