//! Paths of tiles and bundles, below the prefix of the log.

use std::fmt;
use std::str::FromStr;

use super::{CHECKPOINT, Tile, WIDTH};
use crate::encoding::decimal;

/// What a log serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "the specification fixes it")]
pub enum Resource {
    /// The signed checkpoint, the only one that changes.
    Checkpoint,
    /// The entries below a tile of level 0.
    Entries {
        /// The number of the bundle.
        index: u64,
        /// How many entries it has.
        width: u16,
    },
    /// A tile.
    Tile(Tile),
}

impl Resource {
    /// The entries below a tile of level 0.
    pub fn entries_of(tile: &Tile) -> Self {
        Self::Entries {
            index: tile.index,
            width: tile.width,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match self {
            Self::Checkpoint => return f.write_str(CHECKPOINT),
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (*index, *width)
            }
            Self::Tile(tile) => {
                write!(f, "tile/{}/", tile.level)?;
                (tile.index, tile.width)
            }
        };
        write_index(f, index)?;
        if u64::from(width) < WIDTH {
            write!(f, ".p/{width}")?;
        }
        Ok(())
    }
}

fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for group in groups[1..].iter().rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{:03}", groups[0])
}

/// A path under which no log serves anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is the path of no tile, bundle or checkpoint")]
pub struct InvalidPath(String);

impl FromStr for Resource {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let invalid = || InvalidPath(text.chars().take(200).collect());
        let parsed = parse(text).ok_or_else(invalid)?;
        // There is one way to write each.
        (parsed.to_string() == text)
            .then_some(parsed)
            .ok_or_else(invalid)
    }
}

fn parse(text: &str) -> Option<Resource> {
    if text == CHECKPOINT {
        return Some(Resource::Checkpoint);
    }
    let (kind, place) = text.strip_prefix("tile/")?.split_once('/')?;
    let (index, width) = match place.split_once(".p/") {
        Some((index, width)) => (
            index,
            decimal(width).filter(|width| (1..WIDTH).contains(width))?,
        ),
        None => (place, WIDTH),
    };
    let (index, width) = (parse_index(index)?, u16::try_from(width).ok()?);
    if kind == "entries" {
        return Some(Resource::Entries { index, width });
    }
    let level = u8::try_from(decimal(kind)?)
        .ok()
        .filter(|level| *level < 64)?;
    Some(Resource::Tile(Tile {
        level,
        index,
        width,
    }))
}

fn parse_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let whole = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let group = digits.parse().ok().filter(|_| whole)?;
        index.checked_mul(1000)?.checked_add(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |level, index, width| {
            Resource::Tile(Tile {
                level,
                index,
                width,
            })
        };
        for (resource, path) in [
            (Resource::Checkpoint, "checkpoint"),
            (tile(0, 0, 256), "tile/0/000"),
            (tile(0, 273, 112), "tile/0/273.p/112"),
            (tile(1, 1, 17), "tile/1/001.p/17"),
            (tile(63, 1_234_067, 256), "tile/63/x001/x234/067"),
            (
                Resource::Entries {
                    index: 1000,
                    width: 1,
                },
                "tile/entries/x001/000.p/1",
            ),
        ] {
            assert_eq!(resource.to_string(), path);
            assert_eq!(path.parse(), Ok(resource), "{path}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "/checkpoint",
            "tile/0/0",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/00/000",
            "tile/64/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/entries/../000",
            "tile/8/0/000",
            "tile/0/000/",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/+01",
        ] {
            assert!(path.parse::<Resource>().is_err(), "{path}");
        }
    }
}
