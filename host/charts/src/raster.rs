//! The PNG of an SVG, with the embedded fonts and no others: the same bytes on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use crate::Error;
use crate::text::{BOLD, REGULAR};

/// Pixels for each SVG unit, so that text is sharp on dense screens.
pub(crate) const SCALE: f32 = 2.0;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for data in [REGULAR, BOLD] {
        fonts.load_font_source(Source::Binary(Arc::new(data)));
    }
    Arc::new(fonts)
});

/// Renders a document at [`SCALE`].
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, Error> {
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| Error::Rendering { reason: error.to_string() })?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .ok_or_else(|| Error::Rendering { reason: "it has no size".to_owned() })?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| Error::Rendering {
        reason: format!("{}×{} pixels are too many", size.width(), size.height()),
    })?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| Error::Rendering { reason: error.to_string() })
}
