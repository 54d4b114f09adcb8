//! Figures of every kind go through the public function and come out as a picture.
//!
//! With `KUMIKO_CHARTS_SAMPLES` set to a folder, the pictures are left there for people to look at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod samples;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use kumiko_charts::{Drawing, draw};
use kumiko_vocabulary::figures::Figure;
use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::Document;
use serde_json::json;

/// The dimensions that an SVG states.
fn size(document: &Document<'_>) -> (u32, u32) {
    let root = document.root_element();
    let read = |name| root.attribute(name).unwrap().parse::<u32>().unwrap();
    (read("width"), read("height"))
}

/// Every sample with its picture, drawn once for all tests.
static DRAWN: LazyLock<Vec<(String, Figure, Drawing)>> = LazyLock::new(|| {
    let drawn = |(name, figure): (String, Figure)| {
        let drawing = draw(&figure).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, figure, drawing)
    };
    samples::all().into_iter().map(drawn).collect()
});

fn drawn(name: &str) -> &'static Drawing {
    DRAWN.iter().find(|sample| sample.0 == name).map(|sample| &sample.2).unwrap()
}

#[test]
fn every_kind_is_drawn_as_well_formed_svg_and_as_png_of_twice_its_size() {
    let folder = std::env::var_os("KUMIKO_CHARTS_SAMPLES").map(PathBuf::from);
    let mut kinds = BTreeSet::new();
    for (name, figure, Drawing { svg, png }) in DRAWN.iter() {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
        }
        let document = Document::parse(svg).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (width, height) = size(&document);
        let pixels = Pixmap::decode_png(png).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (2 * width, 2 * height), "{name}");
        assert!(svg.len() < 1_000_000 && png.len() < 1_000_000, "{name}: {} {}", svg.len(), png.len());
        kinds.insert(figure.kind());
    }
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

#[test]
fn nothing_but_paper_touches_the_edges_of_a_picture() {
    for (name, _, drawing) in DRAWN.iter() {
        let pixels = Pixmap::decode_png(&drawing.png).unwrap();
        let (width, height) = (pixels.width(), pixels.height());
        let rows = (0..8).chain(height - 8..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let columns = (0..8).chain(width - 8..width).flat_map(|x| (0..height).map(move |y| (x, y)));
        for (x, y) in rows.chain(columns) {
            let pixel = pixels.pixel(x, y).unwrap();
            let paper = (pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()) == (255, 255, 255, 255);
            assert!(paper, "{name}: a mark at {x}, {y} of {width} × {height}");
        }
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    for (name, figure, drawing) in DRAWN.iter() {
        let again: Figure = serde_json::from_str(&serde_json::to_string(figure).unwrap()).unwrap();
        assert_eq!(*drawing, draw(&again).unwrap(), "{name}");
    }
}

#[test]
fn markup_in_names_stays_text() {
    let svg = &drawn("matrix_hostile").svg;
    assert!(!svg.contains("<script") && !svg.contains("<b>"));
    let document = Document::parse(svg).unwrap();
    let allowed = ["svg", "g", "title", "rect", "text", "line", "path", "circle"];
    assert!(
        document.descendants().filter(|node| node.is_element()).all(|node| allowed.contains(&node.tag_name().name()))
    );
    let texts: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert!(texts.contains(&"<b>Hostile</b> & \"names\""), "{texts:?}");
    assert!(texts.contains(&"\"quoted\" & 'single'"), "{texts:?}");
    assert!(texts.contains(&"(blank)"), "{texts:?}");
}

#[test]
fn a_shortened_name_is_in_the_svg_in_full() {
    let svg = &drawn("bars_10").svg;
    let document = Document::parse(svg).unwrap();
    let full = "payment_method__electronic_check_or_bank_transfer_automatic";
    assert!(document.descendants().any(|node| node.has_tag_name("title") && node.text() == Some(full)));
    assert!(
        document
            .descendants()
            .any(|node| node.has_tag_name("text") && node.text().is_some_and(|text| text.contains('…')))
    );
}

#[test]
fn figures_of_extreme_numbers_are_drawn() {
    let most = u64::MAX;
    let mut documents = vec![
        json!({"kind": "confusion_matrix", "title": "t", "classes": ["a", "b"], "counts": [[most, most], [0, 0]]}),
        json!({"kind": "distribution", "title": "t", "classes": [{"name": "a", "count": most}, {"name": "b", "count": most}]}),
        json!({"kind": "distribution", "title": "t", "classes": [{"name": "a", "count": 0}]}),
        json!({"kind": "histogram", "title": "t", "x_label": "x", "edges": [0, 1e-300, 1e100],
            "series": [{"name": "a", "values": [0, 0]}]}),
        json!({"kind": "bars", "title": "t", "value_label": "v", "bars": [{"name": "a", "value": -1e100}, {"name": "b", "value": 1e-300}]}),
        json!({"kind": "comparison", "title": "t", "models": ["a"], "metrics": [{"name": "m", "values": [null]}, {"name": "n", "values": [0]}]}),
        json!({"kind": "beeswarm", "title": "t", "features": [{"name": "a", "points": [{"contribution": 0, "value": null}]}]}),
        json!({"kind": "waterfall", "title": "t", "value_label": "v", "base_value": 0, "prediction": 0, "steps": [{"name": "a", "contribution": 0}]}),
        json!({"kind": "waterfall", "title": "t", "value_label": "v", "base_value": -1e100, "prediction": 1e100,
            "steps": [{"name": "a", "contribution": 1e100}, {"name": "b", "contribution": 1e100}, {"name": "c", "contribution": 1e-300}]}),
        json!({"kind": "lines", "title": "t", "x_label": "x", "y_label": "y", "x_scale": "logarithmic", "y_scale": "logarithmic",
            "series": [{"name": "a", "points": [{"x": 1e-100, "y": 1e100}, {"x": 1e100, "y": 1e-100}]}]}),
    ];
    for (x, y) in [(1e100, -1e100), (1e-100, 1e100), (0.0, 0.0), (1e-300, -1e-300)] {
        let points = json!([{"predicted": x, "residual": y}, {"predicted": y, "residual": x}]);
        documents.push(json!({"kind": "residuals", "title": "t", "points": points}));
    }
    for document in documents {
        let drawing = draw(&serde_json::from_value(document.clone()).unwrap()).unwrap();
        assert!(!drawing.svg.contains("NaN") && !drawing.svg.contains("inf"), "{document}");
    }
}

#[test]
fn the_greatest_scatter_plot_stays_a_small_document() {
    let points: Vec<_> = (0..kumiko_charts::limits::MAX_POINTS)
        .map(|index| json!({"actual": index % 997, "predicted": index % 1009}))
        .collect();
    let drawing =
        draw(&serde_json::from_value(json!({"kind": "predicted_actual", "title": "t", "points": points})).unwrap())
            .unwrap();
    assert!(drawing.svg.len() < 1_000_000, "{}", drawing.svg.len());
}

#[test]
fn small_steps_of_a_waterfall_are_drawn_as_one_that_is_their_sum() {
    let svg = &drawn("waterfall_60").svg;
    let document = Document::parse(svg).unwrap();
    let texts: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert!(texts.contains(&"47 other features"), "{texts:?}");
    let step = |name: &str| texts.iter().position(|text| text.starts_with(name)).map(|place| texts[place + 1]).unwrap();
    let Figure::Waterfall(figure) =
        DRAWN.iter().find(|sample| sample.0 == "waterfall_60").map(|sample| &sample.1).unwrap()
    else {
        panic!()
    };
    let mut steps: Vec<f64> = figure.steps.iter().map(|step| step.contribution).collect();
    steps.sort_by(|one, two| two.abs().total_cmp(&one.abs()));
    let rest: f64 = steps[13..].iter().sum();
    let read = step("47 other").replace('−', "-").replace('+', "");
    assert!((read.parse::<f64>().unwrap() - rest).abs() < 0.005, "{read} {rest}");
}
